"""Fixtures for all tests: a data folder of its own for each, people, and the fake model."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client

from gallery import decoders, lived_time, originals_marker
from gallery.models import EmbeddingModel


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, settings):
    """Give the test its own data folder and let go of everything opened in it afterwards."""
    settings.DATA_DIR = tmp_path / "data"
    settings.MEDIA_DIR = settings.DATA_DIR / "media"
    settings.UPLOAD_TMP_DIR = settings.DATA_DIR / "tmp"
    settings.FILE_UPLOAD_TEMP_DIR = settings.UPLOAD_TMP_DIR
    for folder in (settings.MEDIA_DIR, settings.UPLOAD_TMP_DIR):
        folder.mkdir(parents=True)
    yield settings.DATA_DIR
    from search.parts import crops, scale
    from search.relevance import library
    from search.vectors.index import close_all
    from workers import jobs

    # What one test stopped or found away must not keep the next one from working, and people of
    # the next one may have the keys of those of this one.
    jobs.allow()
    lived_time.forget()
    close_all()
    cache.clear()
    library.forget()
    scale.forget()
    crops.forget()
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _stop_decoder_children():
    yield
    from workers import look_ahead

    look_ahead.close()
    decoders.close()
    shutil.rmtree(django_settings.DATA_DIR, ignore_errors=True)


@pytest.fixture
def _set_up(db):
    """A gallery that was set up while it was empty, as all are."""
    originals_marker.check()


@pytest.fixture
def ada(_set_up):
    return get_user_model().objects.create_user("ada", password="correct horse")


@pytest.fixture
def bob(_set_up):
    return get_user_model().objects.create_user("bob", password="battery staple")


@pytest.fixture
def ada_client(ada):
    client = Client()
    client.force_login(ada)
    return client


@pytest.fixture
def bob_client(bob):
    client = Client()
    client.force_login(bob)
    return client


@pytest.fixture
def admin(db) -> Client:
    """A browser in which an administrator is signed in."""
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root", password="correct horse"))
    return client


@pytest.fixture
def model(db):
    """The active embedding model of the tests."""
    from tests.embedders import ColourEmbedder

    return EmbeddingModel.objects.create(
        key="colours", dim=ColourEmbedder.dim, state=EmbeddingModel.State.ACTIVE
    )
