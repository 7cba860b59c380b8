"""What the pages that everybody opens cost the database hardly grows with the gallery."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from gallery.models import Embedding, Photo
from tests.workers.conftest import add_photo

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif("connection.vendor != 'sqlite'", reason="it counts the steps of SQLite"),
]

PAGES = ("/", "/problems", "/duplicates", "/trash", "/status-strip", "/favourites")
MORE = 2000
STEPS = 14
"""Steps of SQLite's machine for each photo more. Counting photos in an index takes 4 or 5, and
leaving out those that are hidden as sensitive 2 or 3; a look into a table for each of them takes
15 and more. The grid counts twice."""


def add_searchable(owner, model, count: int) -> None:
    """Add photos that are searchable and compared, ten minutes apart."""
    now = timezone.now()
    moments = [now - timedelta(minutes=10 * number) for number in range(count)]
    photos = Photo.objects.bulk_create(
        Photo(
            owner=owner, sha256=uuid.uuid4().hex * 2, size=1, width=4, height=3, format="PNG",
            extension="png", name="a.png", shown_at=moment, wall_at=moment, decoded_at=now,
        )
        for moment in moments
    )  # fmt: skip
    Embedding.objects.bulk_create(
        Embedding(photo=photo, model=model, state="indexed", indexed_at=now, compared_at=now)
        for photo in photos
    )
    with connection.cursor() as cursor:
        # As the sweep does, so that plans are made for what is there.
        cursor.execute("ANALYZE")


@contextmanager
def counted_steps():
    """Count the steps of SQLite's machine, in tens."""
    steps = []
    connection.connection.set_progress_handler(lambda: steps.append(10), 10)
    try:
        yield steps
    finally:
        connection.connection.set_progress_handler(None, 0)


@pytest.fixture
def failed(ada, model):
    """A photo that could not be made searchable, in a gallery of some that are."""
    photo = add_photo(ada)
    Embedding.objects.update(state="failed", reason="corrupt")
    add_searchable(ada, model, 100)
    return photo


@pytest.mark.slow
def test_the_pages_of_a_larger_gallery_cost_no_more(failed, ada, ada_client, model):
    def cost(path: str) -> int:
        cache.clear()
        ada_client.get(path)  # What is kept between requests is there.
        with counted_steps() as steps:
            assert ada_client.get(path).status_code == 200
        return sum(steps)

    before = {path: cost(path) for path in PAGES}
    add_searchable(ada, model, MORE)
    grown = {path: (cost(path) - before[path]) / MORE for path in PAGES}
    assert {path: steps for path, steps in grown.items() if steps >= STEPS} == {}


def test_what_failed_is_found(failed, ada_client):
    assert str(failed.pk) in ada_client.get("/problems").content.decode()
