"""Fixtures for all tests: a data folder of its own for each, people, and the fake model."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import connection, connections
from django.test import Client
from django.utils import translation

from gallery import decoders, lived_time, originals_marker
from gallery.models import EmbeddingModel
from gallery.work import pauses
from tests import flushing, migrated

# How long one example takes says more about what else the machine does than about the code.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")

# Whether work is paused is read once a second, which could be between two counts of queries.
pauses._TRUSTED_SECONDS = 60.0


def pytest_runtest_setup(item):
    """Skip what `.ci/run` has no time left for on a slow machine, in plain sight."""
    if time.time() > float(os.environ.get("TESTS_END_AT", "inf")):
        pytest.skip("no time left: .ci/run ends before the limit that a build machine sets")


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_modify_db_settings) -> Iterator[bool]:
    """Begin with a migrated database, whose migrations `--create-db` runs all the same."""
    migrated.database(Path(django_settings.DATABASES["default"]["TEST"]["NAME"]))
    yield True
    # Nothing else does: the copy is kept until its folder goes.
    connections.close_all()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup) -> Iterator[None]:
    """Make the database, and let emptying it be quick for tests with transactions of their own."""
    with flushing.fixed_rows_kept():
        yield


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
    from search.understanding import library_vectors
    from search.vectors.index import close_all
    from workers import jobs

    # What one test stopped or found away must not keep the next one from working, and people of
    # the next one may have the keys of those of this one.
    jobs.allow()
    lived_time.forget()
    pauses.forget()
    close_all()
    cache.clear()
    library.forget()
    library_vectors.forget()
    scale.forget()
    crops.forget()
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture(autouse=True)
def _forget_the_language():
    """Take away the language that a request of a test set in this thread."""
    yield
    translation.deactivate()


@pytest.fixture(autouse=True)
def _forget_statistics(request, django_db_blocker):
    """Take away the statistics that a sweep wrote, by which SQLite would plan in later tests.

    Where the test before was rolled back, the connection still plans by them until it reads the
    table anew. In tests with transactions of their own, nothing rolls the table back either.
    """
    marker = request.node.get_closest_marker("django_db")
    if (marker or "db" in request.fixturenames) and connection.vendor == "sqlite":
        request.getfixturevalue("django_db_setup")
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute("ANALYZE sqlite_schema")
    yield
    has_own = bool(marker and marker.kwargs.get("transaction"))
    if not has_own and "transactional_db" not in request.fixturenames:
        return
    with django_db_blocker.unblock():
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE gallery_galleryidentity")  # There may be no table yet.
                cursor.execute("DELETE FROM sqlite_stat1")
                cursor.execute("ANALYZE sqlite_schema")


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
