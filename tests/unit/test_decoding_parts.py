"""Parts of pictures, cut out where people see them."""

from __future__ import annotations

import numpy as np
import pytest

from gallery.decoding import DecodeError, DecoderPool
from tests import images

BOX = (0.1, 0.6, 0.3, 0.2)


@pytest.fixture(scope="module")
def pool():
    pool = DecoderPool(size=1)
    yield pool
    pool.close()


def inside(pixels: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    left, top, width, height = box
    high, wide = pixels.shape[:2]
    rows = slice(round(top * high), round((top + height) * high))
    return pixels[rows, round(left * wide) : round((left + width) * wide)]


@pytest.mark.parametrize("orientation", images.ORIENTATIONS)
def test_a_part_is_cut_from_the_upright_picture(pool, tmp_path, orientation):
    path = images.write(tmp_path, "file", images.turned(orientation, (400, 300)))
    found = pool.part(path, BOX, 60)
    assert found.shape == (30, 60, 3)
    wanted = inside(np.asarray(images.gradient((400, 300))), BOX).mean(axis=(0, 1))
    assert np.abs(found.mean(axis=(0, 1)) - wanted).max() < 6


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_part_of_a_turned_tiff_is_cut_from_the_upright_picture(pool, tmp_path, orientation):
    picture = images.gradient((400, 300))
    data = images.encode(picture, "TIFF", tiffinfo={0x0112: orientation})
    path = images.write(tmp_path, "file", data)
    upright = np.rot90(np.asarray(picture), 2 if orientation == 3 else -1)
    wanted = inside(upright, BOX).mean(axis=(0, 1))
    assert np.abs(pool.part(path, BOX, 60).mean(axis=(0, 1)) - wanted).max() < 6


def test_a_part_has_the_detail_of_the_original(pool, tmp_path):
    picture = images.encode(images.gradient((4000, 1000)), "JPEG")
    path = images.write(tmp_path, "file", picture)
    assert pool.part(path, (0.5, 0, 0.05, 0.9), 512).shape == (512, 114, 3)
    # A quarter, as the decoder makes it.
    assert pool.part(path, (0, 0, 1, 1), 5000).shape == (250, 1000, 3)


@pytest.mark.parametrize(
    "box", [(0, 0, 1e-9, 1e-9), (1, 1, 1, 1), (0.99999, 0, 1e-5, 1), (-1, -1, 5, 5)]
)
def test_absurd_boxes_give_at_least_a_pixel(pool, tmp_path, box):
    path = images.write(tmp_path, "file", images.encode(images.gradient(), "PNG"))
    assert pool.part(path, box, 512).size >= 3


def test_damaged_pictures_have_no_parts(pool, tmp_path):
    path = images.write(tmp_path, "file", images.encode(images.gradient(), "JPEG")[:300])
    with pytest.raises(DecodeError):
        pool.part(path, BOX, 512)
