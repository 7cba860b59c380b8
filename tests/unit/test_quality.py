"""Which of two photos of one picture holds more, in whatever order they are given."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from search.duplicates.find.quality import Box, Look, Quality, measure
from tests.scenes import saved, scene

pytestmark = pytest.mark.slow

SIZE = (720, 540)


def look(image: Image.Image) -> Look:
    """Return a photo as the worker sees it: a rendition, and parts of the original on request."""
    small = image.copy()
    small.thumbnail((512, 512))

    def part(box: Box) -> np.ndarray:
        left, top, wide, high = box
        right, low = 1 - left - wide, 1 - top - high
        edges = (
            int(left * image.width),
            int(top * image.height),
            image.width - int(right * image.width),
            image.height - int(low * image.height),
        )
        return np.asarray(image.crop(edges))

    return Look(np.asarray(saved(small, "WEBP", quality=80)), image.width, image.height, part)


@cache
def original(seed: int = 3) -> Image.Image:
    """Return a picture as sharp as its pixels allow, with fine grain on its things."""
    image = scene(seed, SIZE)
    grain = np.random.default_rng(seed).normal(0, 60, (SIZE[1], SIZE[0], 1))
    edges = np.asarray(image.filter(ImageFilter.FIND_EDGES).convert("L"), np.float32)[..., None]
    busy = np.clip(edges / 60, 0.1, 1)
    return Image.fromarray(np.clip(np.asarray(image) + grain * busy, 0, 255).astype(np.uint8))


def blown_up(image: Image.Image, share: float, factor: float) -> Image.Image:
    """Return a picture reduced to a share of its size and then enlarged."""
    small = image.resize((round(image.width * share), round(image.height * share)))
    size = (round(image.width * factor), round(image.height * factor))
    return saved(small.resize(size, Image.Resampling.BICUBIC), quality=92)


def stamped(image: Image.Image, opacity: int = 140) -> Image.Image:
    """Return a picture with words across its middle."""
    layer = Image.new("RGBA", image.size)
    font = ImageFont.load_default(image.height // 9)
    middle = (image.width / 2, image.height / 2)
    ImageDraw.Draw(layer).text(middle, "SAMPLE", (255, 255, 255, opacity), font, anchor="mm")
    return saved(Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB"), quality=92)


def boxed(image: Image.Image) -> Image.Image:
    """Return a picture with a price on a yellow box in a corner."""
    image = image.copy()
    box = (image.width * 0.6, image.height * 0.75, image.width * 0.95, image.height * 0.95)
    ImageDraw.Draw(image).rectangle(box, fill=(250, 220, 0))
    return saved(image, quality=92)


def enlarged(image: Image.Image, factor: float = 1.2) -> Image.Image:
    return image.resize((round(image.width * factor), round(image.height * factor)))


def grey(image: Image.Image) -> Image.Image:
    return saved(image.convert("L").convert("RGB"), quality=92)


def sepia(image: Image.Image) -> Image.Image:
    return saved(ImageOps.colorize(image.convert("L"), (30, 15, 0), (255, 240, 210)), quality=92)


def both_orders(
    copy: Callable[[Image.Image], Image.Image], good: Image.Image | None = None
) -> list[Quality]:
    """Return what is measured with the original first, in both orders of the two."""
    good = good or original()
    bad = copy(good)
    there, back = measure(look(good), look(bad)), measure(look(bad), look(good))
    turned = {
        name: None if pair is None else (pair[1], pair[0]) for name, pair in vars(back).items()
    }
    return [there, Quality(**turned)]


@pytest.mark.parametrize("copy", [lambda image: enlarged(grey(image)), sepia])
def test_a_grey_or_toned_copy_has_no_colour(copy):
    for quality in both_orders(copy):
        own, other = quality.colour
        assert own > 10
        assert other < 2


@pytest.mark.parametrize(("share", "factor"), [(0.3, 2.0), (0.3, 1.0), (0.5, 1.5), (0.5, 2.5)])
def test_a_blown_up_copy_holds_what_it_was_made_from(share, factor):
    for quality in both_orders(lambda image: blown_up(image, share, factor)):
        assert quality.detail is not None
        own, other = quality.detail
        assert own == pytest.approx(SIZE[0], rel=0.15)
        assert other == pytest.approx(share * SIZE[0], rel=0.25)


def test_a_blurred_copy_holds_less():
    blur = ImageFilter.GaussianBlur(2)
    for quality in both_orders(lambda image: saved(image.filter(blur), quality=90)):
        assert quality.detail is not None
        assert quality.detail[1] < 0.6 * quality.detail[0]


@pytest.mark.parametrize(
    "copy",
    [
        lambda image: saved(image, quality=80),
        lambda image: saved(image, "WEBP", quality=80),
        lambda image: saved(image.filter(ImageFilter.UnsharpMask(2, 100, 2)), quality=92),
        lambda image: saved(ImageEnhance.Brightness(image).enhance(0.8), quality=92),
        lambda image: saved(enlarged(image), quality=92),
    ],
)
def test_copies_that_lost_nothing_to_see_hold_the_same(copy):
    for quality in both_orders(copy):
        assert quality.detail is not None
        assert quality.detail[1] == pytest.approx(quality.detail[0], rel=0.15)
        assert quality.framed == quality.written == (0.0, 0.0)


def test_a_reduced_copy_holds_what_its_pixels_can():
    for quality in both_orders(lambda image: saved(enlarged(image, 0.5), quality=90)):
        assert quality.detail is not None
        own, other = quality.detail
        assert own == pytest.approx(SIZE[0], rel=0.1)
        assert other == pytest.approx(SIZE[0] / 2, rel=0.1)
        assert quality.blown_up == (0.0, 0.0)


def test_an_enlarged_copy_was_blown_up():
    for quality in both_orders(lambda image: saved(enlarged(image, 1.5), quality=90)):
        assert quality.blown_up == (0.0, 1.0)


@pytest.mark.parametrize(
    ("border", "colour"),
    [(60, "black"), (30, "white"), ((0, 80), "black"), ((50, 20), (120, 20, 20))],
)
def test_a_border_is_no_picture(border, colour):
    for quality in both_orders(lambda i: saved(ImageOps.expand(i, border, colour), quality=92)):
        assert quality.framed == (0.0, 1.0)
        assert quality.shown == (1.0, 1.0)


def test_a_border_around_a_picture_that_is_dark_at_its_edge():
    dark = ImageOps.expand(original().crop((60, 60, 660, 480)), 60, (4, 4, 5))
    framed = saved(ImageOps.expand(dark, 90, "black"), quality=92)
    quality = measure(look(saved(dark, quality=92)), look(framed))
    assert quality.framed[1] >= quality.framed[0]
    assert quality.shown[0] == 1.0


def test_the_bars_of_a_screen_are_no_border_of_a_crop():
    screen = original().copy()
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 0, SIZE[0], 70), fill="white")
    draw.rectangle((0, SIZE[1] - 70, SIZE[0], SIZE[1]), fill="white")
    for quality in both_orders(lambda image: screen.crop((0, 40, SIZE[0], SIZE[1] - 40)), screen):
        assert quality.framed in ((0.0, 0.0), (1.0, 1.0))


@pytest.mark.parametrize(
    "copy", [stamped, lambda i: enlarged(stamped(i)), lambda i: stamped(i, 255), boxed]
)
def test_what_was_laid_over_a_picture_is_seen(copy):
    for quality in both_orders(copy):
        assert quality.written == (0.0, 1.0)


def test_a_crop_shows_less():
    for quality in both_orders(lambda i: saved(i.crop((50, 30, 690, 510)), quality=92)):
        assert quality.shown[0] == 1.0
        assert quality.shown[1] == pytest.approx(640 * 480 / (720 * 540), abs=0.04)


@pytest.mark.parametrize("factor", [2.0, 2.6])
def test_a_brightened_copy_is_burnt(factor):
    for quality in both_orders(lambda i: saved(ImageEnhance.Brightness(i).enhance(factor))):
        assert quality.burnt[0] < 0.02
        assert quality.burnt[1] > 0.05


def test_what_a_longer_exposure_shows_in_the_dark_is_no_lead():
    levels = np.asarray(original(), np.float32)
    dark = saved(Image.fromarray((levels * 0.3).astype(np.uint8)), quality=75)
    light = np.clip(levels * 2.2, 0, 255).astype(np.uint8)
    for quality in both_orders(lambda _: saved(Image.fromarray(light), quality=92), dark):
        assert quality.burnt[1] > 0.05
        assert quality.detail is None or quality.detail[1] <= quality.detail[0]


@pytest.mark.parametrize("turn", [Image.Transpose.ROTATE_90, Image.Transpose.FLIP_LEFT_RIGHT])
def test_turned_copies_are_measured_alike(turn):
    def copy(image: Image.Image) -> Image.Image:
        return saved(enlarged(image.transpose(turn), 0.6), quality=90)

    for quality in both_orders(copy):
        assert quality.detail is not None
        assert quality.detail[1] / quality.detail[0] == pytest.approx(0.6, abs=0.08)


@pytest.mark.parametrize("flip", [ImageOps.mirror, ImageOps.flip])
@pytest.mark.parametrize("qualities", [(90, 90), (85, 92)])
def test_a_mirrored_copy_shows_the_blocks_of_its_original(flip, qualities):
    first = saved(scene(3, (707, 531)), quality=qualities[0])
    quality = measure(look(first), look(saved(flip(first), quality=qualities[1])))
    assert quality.mirrored == (0.0, 1.0)


def test_blocks_that_fit_both_ways_tell_nothing():
    first = saved(scene(3, (704, 528)), quality=90)
    quality = measure(look(first), look(saved(ImageOps.mirror(first), quality=90)))
    assert quality.mirrored == (0.0, 0.0)


def test_photos_of_two_things_are_not_compared():
    quality = measure(look(original(1)), look(original(2)))
    assert quality.detail is None
    assert quality.written == quality.framed == quality.burnt == (0.0, 0.0)


def test_an_original_that_cannot_be_read_has_no_detail():
    good = look(original())
    away = Look(good.small, good.width, good.height, lambda box: None)
    assert measure(good, away).detail is None
    assert measure(good, away).colour[0] > 10
