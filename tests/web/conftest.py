"""Groups of duplicates for the tests of pages and API."""

from __future__ import annotations

import pytest

from gallery.models import Photo
from search.duplicates.models import DuplicateGroup, Kind
from tests.alike import group, photo


@pytest.fixture
def pair(ada) -> tuple[DuplicateGroup, Photo, Photo]:
    """A group of a large photo and a small copy of it."""
    large = photo(ada, width=4032, height=3024, size=6_400_000, name="IMG_1.jpg")
    small = photo(ada, width=800, height=600, size=200_000, name="IMG_1 (1).jpg")
    return group(large, small), large, small


@pytest.fixture
def shots(ada) -> tuple[DuplicateGroup, list[Photo]]:
    """A group of three similar shots."""
    taken = [photo(ada, width=400 + 10 * place, name=f"shot-{place}.jpg") for place in range(3)]
    return group(*taken, kind=Kind.SIMILAR_SHOTS), taken
