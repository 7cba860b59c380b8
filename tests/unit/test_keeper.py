"""Which photo of a group is kept, and why."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from gallery.decoding.answers import RAW_FORMATS
from gallery.models import Photo
from search.duplicates.groups.criteria import BadCriteria, Criteria, Criterion, parse_criteria
from search.duplicates.groups.figures import Figures, gathered
from search.duplicates.groups.keeper import FORMATS, rank

MEASURED = {"detail": 1000.0, "colour": 0.0, "light": 118.0, "framed": 0.0, "written": 0.0,
            "blown_up": 0.0, "shown": 0.8, "burnt": 0.0}  # fmt: skip
BETTER = {"detail": {"detail": 4000.0}, "colour": {"colour": 30.0}, "whole": {"shown": 1.0},
          "sharpest": {"sharpness": 0.9}}  # fmt: skip
DAY = datetime(2024, 5, 1, tzinfo=UTC)
GPS = {"latitude": 48.1, "longitude": 11.5}


def photo(**fields) -> Photo:
    defaults = {"size": 1_000_000, "format": "JPEG", "name": "IMG_1.jpg", "width": 4032}
    defaults |= {"height": 3024, "exif": {}, "created_at": DAY}
    if "taken_at" in fields:
        defaults["date_source"] = Photo.DateSource.CAMERA
    return Photo(**(defaults | fields))


def best(
    *photos: Photo, order: tuple[str, ...] = (), pattern: str = "", albums=None, measured=None
) -> Photo:
    criteria = Criteria(
        [*order, *(name for name in Criterion.values if name not in order)], pattern
    )
    return rank(photos, criteria, albums or {}, measured or {})[0].photo


def reasons(*photos: Photo, albums=None, measured=None) -> list[list[str]]:
    ranked = rank(photos, Criteria(), albums or {}, measured or {})
    found = {one.photo.pk: one.reasons for one in ranked}
    return [found[photo.pk] for photo in photos]


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"width": 4032}, {"width": 2016, "exif": GPS, "favourite": True, "size": 9_000_000}),
        ({"exif": GPS}, {"format": "PNG", "size": 9_000_000}),
        ({"exif": {"model": "X100"}, "taken_at": DAY}, {"exif": GPS}),
        ({"format": "HEIF", "size": 900_000}, {"size": 4_000_000}),
        ({"format": "PNG"}, {"format": "HEIF"}),
        ({"size": 2_000_000}, {"favourite": True}),
        ({"favourite": True}, {"created_at": datetime(2020, 1, 1, tzinfo=UTC)}),
        ({}, {"name": "IMG_1 (1).jpg"}),
        ({}, {"name": "IMG-20240501-WA0003.jpg"}),
    ],
)
def test_the_usual_order_keeps_what_cannot_be_had_back(better, worse):
    good, bad = photo(**better), photo(**worse)
    assert best(good, bad) is good
    assert best(bad, good) is good


@pytest.mark.parametrize("name", Criterion.values)
def test_each_criterion_decides_when_it_comes_first(name):
    camera = {"model": "X100"}
    wins = {
        "negative": {"format": "NEF"},
        "detail": {},
        "sharpest": {},
        "colour": {},
        "whole": {},
        "resolution": {"width": 8000},
        "metadata": {"exif": GPS | camera, "taken_at": DAY},
        "format": {"format": "TIFF"},
        "file_size": {"size": 9_000_000},
        "favourite": {"favourite": True},
        "albums": {},
        "earliest": {"taken_at": datetime(2019, 1, 1, tzinfo=UTC)},
        "name": {"name": "keep me.jpg"},
    }
    good = photo(id=uuid.UUID(int=2), **{"exif": camera, **wins[name]})
    # A photo has one format, so in that case the other one is no negative.
    rest = {key: wins[key] for key in wins if key not in (name, "negative", "format")}
    if name == "sharpest":
        del rest["resolution"]  # Only photos of about one size are compared.
    if name != "format":
        rest["negative"] = wins["negative"] if name != "negative" else wins["format"]
    fields = {k: v for some in rest.values() for k, v in some.items()}
    bad = photo(id=uuid.UUID(int=1), **{**fields, "exif": camera})
    albums = {good.pk: 1} if name == "albums" else {bad.pk: 1}
    base = {**MEASURED, "sharpness": 0.5}
    better = Figures(**{**base, **BETTER.get(name, {})})
    others_better = {k: v for key in BETTER if key != name for k, v in BETTER[key].items()}
    worse = Figures(**{**base, **others_better})
    measured = {good.pk: better, bad.pk: worse}
    assert best(bad, good, order=(name,), pattern="keep*", albums=albums, measured=measured) is good


@pytest.mark.parametrize("source", Photo.DateSource.values)
def test_only_a_date_in_the_file_counts_as_metadata(source):
    dated, plain = photo(taken_at=DAY, date_source=source), photo(size=9_000_000)
    is_embedded = source in {"camera", "gps", "metadata"}
    assert (best(plain, dated) is dated) == is_embedded
    assert reasons(dated, plain)[0] == (["has date"] if is_embedded else [])


def test_nearly_the_same_resolution_is_the_same():
    cut, whole = photo(width=4000, exif=GPS), photo(width=4032)
    assert best(cut, whole) is cut
    assert best(photo(width=3900, exif=GPS), whole) is whole


def test_the_order_of_the_photos_is_nothing():
    same = [photo(id=uuid.UUID(int=number)) for number in (3, 1, 2)]
    assert [ranked.photo.pk.int for ranked in rank(same, Criteria(), {})] == [1, 2, 3]


@pytest.mark.parametrize(
    "name",
    [
        "a (1).jpg",
        "a - Copy.jpg",
        "a copy 2.png",
        "a_Kopie.jpg",
        "a-edited.jpg",
        "a~2.jpg",
        "IMG-20240501-WA0003.jpg",
    ],
)
def test_copies_are_known_by_their_names(name):
    plain = photo(name="Copyright party.jpg")
    assert best(photo(name=name), plain) is plain


def test_the_reasons_are_what_sets_the_keeper_apart():
    original = photo(exif=GPS, taken_at=DAY, favourite=True, size=4_000_000)
    small = photo(width=2016, height=1512, taken_at=DAY, name="IMG_1 (1).jpg")
    kept, other = reasons(original, small, albums={original.pk: 2, small.pk: 1})
    assert kept == [
        "4032×3024, the largest",
        "has GPS",
        "3.8\xa0MB, the largest file",
        "favourite",
        "in 2 albums",
        "not named like a copy",
    ]
    assert other == ["in 1 album"]


def test_equal_photos_have_no_reasons():
    assert reasons(photo(), photo()) == [[], []]


def test_a_better_format_is_a_reason():
    assert reasons(photo(format="HEIF"), photo()) == [["HEIF, the better format"], []]
    assert reasons(photo(format="PNG"), photo()) == [["PNG, lossless"], []]


def test_an_unknown_format_is_the_last():
    assert best(photo(format="XYZ"), photo(format=FORMATS[-1])).format == FORMATS[-1]


def test_criteria_left_out_follow():
    assert parse_criteria(["albums"], " IMG* ") == Criteria(
        ["albums", *(name for name in Criterion.values if name != "albums")], "IMG*"
    )


CAMERA = {"make": "Canon", "model": "EOS R5"}
LARGER = {"width": 4838, "height": 3629, "size": 9_000_000}


def measured_pair(good: Photo, bad: Photo, *, same_picture: bool = True, **figures):
    """Return what comparing two photos said; each figure is (of the good one, of the bad one)."""
    quality = {name: (value, value) for name, value in MEASURED.items()} | {"shown": (1.0, 1.0)}
    return gathered([(good.pk, bad.pk, quality | figures)], same_picture=same_picture)


@pytest.mark.parametrize(
    ("figures", "reason"),
    [
        ({"detail": (1000.0, 300.0)}, "real detail of 1000 px, not 300 px"),
        ({"detail": (276.0, 149.6)}, "real detail of 270 px, not 150 px"),
        ({"colour": (30.0, 0.1)}, "in colour, not grey"),
        ({"framed": (0.0, 1.0)}, "without a border"),
        ({"written": (0.0, 1.0)}, "nothing laid over it"),
        ({"blown_up": (0.0, 1.0)}, "not blown up"),
        ({"burnt": (0.01, 0.2)}, "keeps light and dark parts"),
        ({"shown": (1.0, 0.8)}, "shows more of the picture"),
        ({"framed": (0.0, 1.0), "written": (0.0, 1.0)}, "without a border, nothing laid over it"),
    ],
)
def test_more_pixels_do_not_make_up_for_less_in_them(figures, reason):
    good, bad = photo(), photo(**LARGER)
    measured = measured_pair(good, bad, **figures)
    assert best(good, bad, measured=measured) is good
    assert best(bad, good, measured=measured) is good
    kept, other = reasons(good, bad, measured=measured)
    assert kept == [reason]
    assert reason not in other


def test_a_copy_without_the_cameras_data_never_wins_by_size():
    original, copy = photo(exif=CAMERA), photo(**LARGER)
    assert best(copy, original) is original
    assert best(copy, original, order=("resolution",)) is original
    assert best(copy, original, order=("file_size", "resolution")) is original
    assert best(photo(**LARGER, exif=CAMERA), original) is not original


def test_real_detail_counts_even_without_the_cameras_data():
    large, reduced = photo(), photo(width=800, height=600, exif=CAMERA)
    assert best(large, reduced, measured=measured_pair(large, reduced, detail=(4000, 800))) is large


@pytest.mark.parametrize("name", RAW_FORMATS)
def test_a_negative_is_kept_before_the_picture_made_of_it(name):
    negative = photo(format=name, width=3000, height=2000, size=900_000)
    made = photo(exif=CAMERA | GPS, taken_at=DAY, favourite=True)
    assert best(made, negative) is negative
    assert reasons(negative, made)[0][0] == f"{name}, the negative"


def test_small_differences_decide_nothing():
    one, other = photo(), photo(**LARGER)
    measured = measured_pair(
        one, other, detail=(1000, 850), colour=(20, 14), burnt=(0.0, 0.005), shown=(1.0, 0.99)
    )
    assert best(one, other, measured=measured) is other


def test_the_middle_of_a_bracket_is_kept():
    shots = [photo(size=size) for size in (1_000_000, 2_000_000, 3_000_000)]
    lights = dict(zip((shot.pk for shot in shots), (32.0, 60.0, 108.0), strict=True))
    measured = {
        pk: Figures(colour=10.0, light=light, burnt=0.05 if light > 100 else 0.0,
                    same_picture=False) for pk, light in lights.items()
    }  # fmt: skip
    assert best(*shots, measured=measured) is shots[1]
    assert best(*reversed(shots), measured=measured) is shots[1]


def test_of_two_shots_the_one_that_is_not_burnt_is_kept():
    good, burnt = photo(), photo(**LARGER)
    measured = measured_pair(
        good, burnt, same_picture=False, light=(60.0, 108.0), burnt=(0.0, 0.05)
    )
    assert best(burnt, good, measured=measured) is good
    assert reasons(good, burnt, measured=measured)[0] == ["keeps light and dark parts"]


def test_a_photo_that_was_not_measured_neither_wins_nor_loses_by_it():
    good, bad, unknown = photo(), photo(**LARGER), photo()
    measured = measured_pair(good, bad, detail=(4000, 900))
    assert best(bad, good, unknown, measured=measured) in (good, unknown)
    assert best(bad, photo(), unknown, measured=measured) is bad


def test_every_comparison_has_a_say():
    good, one, two = photo(), photo(), photo()
    pairs = [
        (good.pk, one.pk, {"detail": [1000, 400], "framed": [0, 1]}),
        (good.pk, two.pk, {"detail": [900, 800], "framed": [0, 0]}),
        (one.pk, two.pk, {"detail": [700, 700], "framed": [0, 0]}),
    ]
    found = gathered(pairs)
    assert (found[good.pk].detail, found[one.pk].detail, found[two.pk].detail) == (900, 400, 700)
    assert found[one.pk].framed == 1


@pytest.mark.parametrize(
    ("order", "pattern"),
    [(["beauty"], ""), (["albums", "albums"], ""), ([], "x" * 101), ([], "a\nb"), ([], "a\0")],
)
def test_made_up_criteria_are_refused(order, pattern):
    with pytest.raises(BadCriteria):
        parse_criteria(order, pattern)


def test_the_sharpness_of_a_smaller_copy_is_not_compared():
    large, small = photo(), photo(width=2016, height=1512)
    measured = {
        large.pk: Figures(sharpness=0.3, same_picture=False),
        small.pk: Figures(sharpness=0.9, same_picture=False),
    }
    assert best(small, large, measured=measured) is large
    assert "the sharpest of these" not in reasons(small, large, measured=measured)[0]
