"""The thumbnails that a worker makes of a photo."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from gallery import files
from tests import images
from tests.workers.conftest import add_photo, drain

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.mark.parametrize(
    ("size", "large", "small"),
    [
        ((1200, 900), (512, 384), (320, 240)),
        ((400, 8), (400, 8), (320, 6)),
        ((320, 99), (320, 99), None),
    ],
)
def test_a_photo_gets_a_small_thumbnail_for_tiles(ada, model, size, large, small):
    photo = add_photo(ada, data=images.jpeg("red", size))
    drain()
    paths = files.thumbnail(photo.pk), files.small_thumbnail(photo.pk)
    assert [size_of(path) for path in paths] == [large, small]


def size_of(path: Path) -> tuple[int, int] | None:
    if not path.exists():
        return None
    with Image.open(path) as picture:
        return picture.size
