"""Groups of duplicates, and an administrator, for the tests of pages and API."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

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


@pytest.fixture
def automatic(settings, monkeypatch):
    """A gallery that may choose its model, on a machine whose cache holds no tokenizer."""
    settings.EMBEDDING_MODEL = "auto"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(settings.DATA_DIR / "hub"))


@pytest.fixture
def admin(db) -> Client:
    """A browser in which an administrator is signed in."""
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root", password="correct horse"))
    return client
