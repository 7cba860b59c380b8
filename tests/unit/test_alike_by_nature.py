"""Pictures that look alike and are not the same: none of them is ever offered for deletion."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from gallery.decoding.fingerprint import fingerprint_of, grey
from search.duplicates.find import pages
from search.duplicates.models import Kind
from tests.lookalikes import LOOKALIKES
from tests.papers import COPIES, OTHERS, PAPERS, family
from tests.scenes import CHANGES, saved, scene
from tests.sheets import SHEETS
from tests.unit.test_judging import judge, kind_of, pixels

MAKERS = PAPERS | OTHERS | SHEETS | LOOKALIKES
EMPTY = ("sky", "blank")
SHOTS = {"taken_at": "2024-05-31T12:00:00", "exposure": 0.01}


# Of the kinds that came later, a few are tried each time and the others among the slow tests.
QUICK = ("colourway", "caption", "bricks")
LATER = [
    pytest.param(kind, marks=[] if kind in QUICK else [pytest.mark.slow])
    for kind in SHEETS | LOOKALIKES
]


@pytest.mark.parametrize("kind", [*PAPERS, *OTHERS, *LATER])
def test_no_two_of_a_family_are_the_same_picture(kind):
    one, other = family(MAKERS[kind], seed=3, size=2)
    assert kind_of(judge(one, other, cosine=0.97)) != Kind.SAME_PICTURE


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*PAPERS, "meter", *EMPTY])
def test_pages_and_empty_frames_are_no_similar_shots_by_their_layout(kind):
    one, other = family(MAKERS[kind], seed=4, size=2)
    assert judge(one, other, cosine=0.99) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "copy"),
    [
        *((kind, list(COPIES)[place % len(COPIES)]) for place, kind in enumerate(PAPERS)),
        *(
            pytest.param(kind, "cropped", marks=pytest.mark.slow if kind != "board_game" else ())
            for kind in SHEETS
        ),
    ],
)
def test_a_copy_of_a_page_is_the_same_picture(kind, copy):
    page = family(MAKERS[kind], seed=5, size=1)[0]
    assert kind_of(judge(page, COPIES[copy](page), cosine=0.95)) == Kind.SAME_PICTURE


@pytest.mark.parametrize("kind", ["bill", "balance", "form"])
def test_a_poor_copy_of_another_page_is_none_of_this_one(kind):
    one, other = family(MAKERS[kind], seed=6, size=2)
    small = other.resize((other.width // 2, other.height // 2))
    assert judge(one, saved(small, quality=40), cosine=0.95) is None


def test_one_digit_makes_it_another_bill():
    page = family(PAPERS["bill"], seed=7, size=1)[0]
    other = page.copy()
    side = round(page.width / 90)
    x, y = round(page.width * 0.76), round(page.width * 0.44)
    digit = page.crop((x, y, x + side, y + side * 2))
    changed = Image.eval(digit, lambda level: 255 - level)
    other.paste(changed, (x, y))
    assert judge(page, other, cosine=0.99) is None


@pytest.mark.parametrize("kind", PAPERS)
def test_a_page_looks_like_a_page(kind):
    assert pages.look(grey(pixels(family(MAKERS[kind], seed=8, size=1)[0]))).page


@pytest.mark.parametrize("change", CHANGES)
def test_a_photograph_does_not(change):
    look = pages.look(grey(pixels(CHANGES[change](scene(8)))))
    assert not look.page
    assert not look.poor


def test_black_and_white_frames_show_nothing():
    for shade in (0, 255):
        assert pages.is_blank(fingerprint_of(pixels(Image.new("RGB", (64, 48), (shade,) * 3))))


@pytest.mark.parametrize(
    "changed", [{"taken_at": "2024-05-31T12:00:02"}, {"exposure": 0.04}, {"exposure": 0.0025}]
)
def test_another_exposure_is_a_similar_shot_at_best(changed):
    bracket = CHANGES["brighter"](scene(9))
    found = judge(scene(9), bracket, cosine=0.96, exif=(SHOTS, SHOTS | changed))
    assert kind_of(found) == Kind.SIMILAR_SHOTS
    assert kind_of(judge(scene(9), bracket, exif=(SHOTS, SHOTS))) == Kind.SAME_PICTURE


def test_a_page_photographed_twice_is_a_similar_shot():
    one, other = family(PAPERS["receipt"], seed=10, size=2)
    moments = (SHOTS, SHOTS | {"taken_at": "2024-05-31T12:00:20"})
    assert kind_of(judge(one, other, cosine=0.99, exif=moments)) == Kind.SIMILAR_SHOTS


def test_other_words_on_one_photograph_make_another_picture():
    """The same place, one text longer than the other: the meme and the date stamp."""
    stamps = [_stamped(scene(11), text) for text in ("01 02 '19", "27 11 '03")]
    assert kind_of(judge(*stamps, cosine=0.9)) != Kind.SAME_PICTURE
    assert kind_of(judge(scene(11), stamps[0], cosine=0.9)) == Kind.SAME_PICTURE


@pytest.mark.parametrize("colour", ["white", "black"])
def test_a_longer_caption_in_the_same_place_makes_another_picture(colour):
    """A curve of tones must not explain away letters, though nothing else is so dark."""
    pale = Image.blend(scene(12), Image.new("RGB", (480, 360), "grey"), 0.4)
    short, long = (_captioned(pale, text, colour) for text in ("winter", "nobody likes mondays"))
    assert kind_of(judge(short, long, cosine=0.9)) != Kind.SAME_PICTURE
    assert kind_of(judge(pale, long, cosine=0.9)) == Kind.SAME_PICTURE


@pytest.mark.slow
@pytest.mark.parametrize("edit", ["grey", "brighter", "flatter", "jpeg 30", "written upon"])
def test_an_edit_of_one_thing_before_a_plain_ground_is_the_same_picture(edit):
    thing = family(OTHERS["product"], seed=13, size=1)[0]
    assert kind_of(judge(thing, CHANGES[edit](thing))) == Kind.SAME_PICTURE


def test_a_mark_behind_a_line_makes_it_another_page():
    page = family(PAPERS["bill"], seed=14, size=1)[0]
    pixels_of_page = np.asarray(page).copy()
    row = round(page.width * 26 / 60)
    pixels_of_page[row : row + page.width // 25] = np.minimum(
        pixels_of_page[row : row + page.width // 25], (232, 236, 214)
    )
    assert judge(page, Image.fromarray(pixels_of_page), cosine=0.99) is None


@pytest.mark.parametrize("change", ["jpeg 30", "quarter", "cropped corner", "mirrored"])
def test_copies_of_a_photograph_that_is_out_of_focus_are_found(change):
    original = scene(5).filter(ImageFilter.GaussianBlur(14))
    assert kind_of(judge(original, CHANGES[change](original))) == Kind.SAME_PICTURE


def _captioned(image: Image.Image, text: str, colour: str) -> Image.Image:
    image = image.copy()
    ImageDraw.Draw(image).text((30, 300), text, colour, ImageFont.load_default(28))
    return saved(image, quality=90)


def _stamped(image: Image.Image, text: str) -> Image.Image:
    font = ImageFont.load_default(24)
    draw = ImageDraw.Draw(image)
    draw.text((image.width - 20, image.height - 15), text, (255, 255, 255), font, anchor="rb")
    return saved(image, quality=90)
