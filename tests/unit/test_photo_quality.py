"""Sharpness, clipped tones and noise, as measured on squares at full size."""

from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image, ImageFilter

from gallery.decoding import DecodeError, quality, tiles
from gallery.decoding.answers import to_sheet
from gallery.decoding.frames import BadFrame
from gallery.decoding.quality import measure, squares_of


def scene(seed: int, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """Return a made-up picture with edges of all sizes, as photos have."""
    rng = np.random.default_rng(seed)
    pixels = np.full((size[1], size[0]), rng.uniform(80, 170), np.float32)
    for side in np.geomspace(3, 200, 400):
        x, y = rng.uniform(0, size[0]), rng.uniform(0, size[1])
        box = (slice(int(y), int(y + side)), slice(int(x), int(x + side * rng.uniform(0.5, 2))))
        pixels[box] += rng.uniform(-40, 40)
    return Image.fromarray(np.clip(pixels, 8, 247).astype(np.uint8)).convert("RGB")


def figures(image: Image.Image):
    sheet = tiles.cut(image)
    assert sheet is not None
    return measure(squares_of(np.asarray(sheet)))


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), sigma=st.floats(0.7, 6))
def test_blur_always_lowers_sharpness(seed, sigma):
    sharp = scene(seed)
    blurred = figures(sharp.filter(ImageFilter.GaussianBlur(sigma)))
    own = figures(sharp)
    assert blurred.sharpness < own.sharpness
    assert blurred.rank < own.rank


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), light=st.floats(0.5, 1.0))
def test_light_and_contrast_do_not_change_sharpness(seed, light):
    sharp = scene(seed)
    own, darker = figures(sharp), figures(sharp.point(lambda level: level * light))
    assert darker.sharpness == pytest.approx(own.sharpness, rel=0.04)
    assert darker.light == pytest.approx(own.light * light, rel=0.02)


def test_noise_is_seen_and_does_not_count_as_detail():
    blurred = scene(1).filter(ImageFilter.GaussianBlur(2))
    pixels = np.asarray(blurred, np.float32)
    noise = np.random.default_rng(1).normal(0, 6, pixels.shape[:2])[..., None]
    noisy = figures(Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8)))
    assert noisy.noise == pytest.approx(6, rel=0.25)
    assert noisy.sharpness < figures(scene(1)).sharpness


def test_a_blurred_centre_shows_in_the_centre():
    sharp = scene(2)
    mask = Image.new("L", sharp.size)
    mask.paste(255, (180, 130, 460, 350))
    found = figures(Image.composite(sharp.filter(ImageFilter.GaussianBlur(3)), sharp, mask))
    own = figures(sharp)
    assert found.centre < 0.8 * own.centre
    assert found.sharpness > found.centre


def test_lost_tones_are_shares_of_the_picture():
    pixels = np.asarray(scene(3)).copy()
    pixels[:, :320] = 255
    pixels[:120] = 0
    found = figures(Image.fromarray(pixels))
    assert found.clipped_lights == pytest.approx(0.375, abs=0.03)
    assert found.clipped_darks == pytest.approx(0.25, abs=0.03)


def test_a_plain_picture_is_not_sharp():
    found = figures(Image.new("RGB", (640, 480), "grey"))
    assert found.sharpness == 0
    assert found.noise == 0


@given(width=st.integers(1, 20_000), height=st.integers(1, 20_000))
def test_squares_lie_inside_and_apart_where_there_is_room(width, height):
    columns, rows = tiles.grid(width, height)
    assert columns * rows * tiles.SIDE**2 <= width * height
    for count, length in ((columns, width), (rows, height)):
        starts = [tiles._start(number, count, length) for number in range(count)]
        assert all(0 <= start <= length - tiles.SIDE for start in starts)
        assert all(b - a >= tiles.SIDE for a, b in pairwise(starts))


# --- through the decoder --------------------------------------------------------------------------


def encoded(image: Image.Image, name: str = "JPEG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
def test_the_decode_measures_at_full_size(pool, put, name):
    # A larger JPEG is read at a half of its size.
    picture = scene(4, (600, 400) if name == "JPEG" else (2400, 1600))
    options = {"quality": 90} if name in {"JPEG", "WEBP"} else {}
    sheet = pool.decode(put(encoded(picture, name, **options))).sheet
    assert sheet is not None
    assert sheet.shape[::-1] == tuple(tiles.SIDE * many for many in tiles.grid(*picture.size))
    assert measure(squares_of(sheet)).sharpness == pytest.approx(figures(picture).sharpness, 0.1)


def test_what_is_costly_is_left_for_later(pool, put):
    picture = scene(5, (2400, 1600))
    path = put(encoded(picture, quality=90))
    assert pool.decode(path).sheet is None
    measured = measure(squares_of(pool.squares(path)))
    assert measured.sharpness == pytest.approx(figures(picture).sharpness, 0.1)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_all_modes_of_colour_are_measured(pool, put, mode):
    name = {"CMYK": "JPEG"}.get(mode, "PNG")
    assert pool.decode(put(encoded(scene(6).convert(mode), name))).sheet.size


def test_tiny_pictures_have_nothing_to_measure(pool, put):
    sheet = pool.decode(put(encoded(Image.new("RGB", (40, 900))))).sheet
    assert sheet is not None
    assert measure(squares_of(sheet)) is None


def test_a_broken_file_is_shown_and_not_measured(pool, put):
    data = encoded(scene(7), quality=95)
    path = put(data[: len(data) * 3 // 4])
    assert pool.decode(path).thumbnail
    assert not pool.squares(path).size
    with pytest.raises(DecodeError):
        pool.squares(put(b"no picture"))


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"sheet_width": -64, "sheet_height": -64},
        {"sheet_width": 64.0, "sheet_height": 64},
        {"sheet_width": 63, "sheet_height": 64},
        {"sheet_width": 64, "sheet_height": 128},
    ],
)
def test_sheets_that_are_not_honest_are_not_believed(header):
    with pytest.raises(BadFrame):
        to_sheet(header, bytes(64 * 64))


@given(
    rows=st.integers(1, 5).flatmap(
        lambda half: st.lists(
            st.lists(st.integers(0, 2040), min_size=2 * half, max_size=2 * half), min_size=1
        )
    )
)
def test_counted_medians_are_exact(rows):
    numbers = np.array(rows, np.int16)
    assert quality._medians(numbers).tolist() == np.median(numbers, axis=1).tolist()
