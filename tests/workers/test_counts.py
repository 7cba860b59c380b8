"""What housekeeping counts each minute is counted in indexes, however many photos there are."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery import trash
from gallery.models import Embedding, Photo
from search.understanding.themes import runs
from tests.planted import store, vectors
from workers.index_sync.sources import PHOTOS

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = vectors(4, 10)


@pytest.fixture
def live(ada, bob, model):
    """Make 33 live photos of Ada and 40 of Bob; four of Ada's are in the trash, three deleted."""
    photos = store(ada, model, ROWS)
    store(bob, model, ROWS)
    trash.trash(Photo.objects.filter(pk__in=[photo.pk for photo in photos[:4]]))
    gone = Photo.objects.filter(pk__in=[photo.pk for photo in photos[4:7]])
    gone.update(deleted_at=timezone.now())
    return Embedding.objects.live().filter(model=model)


def test_rows_of_live_photos_are_counted_without_the_others(live, model):
    rows = Embedding.objects.filter(model=model)
    assert rows.count_live() == live.count() == 73
    indexed = rows.filter(state=Embedding.State.INDEXED)
    assert indexed.count_live() == indexed.live().count()
    assert PHOTOS.counts(model)[0] == PHOTOS.promised(model).count()


def test_libraries_have_the_photos_that_are_live(live, ada, bob, model):
    numbers = {owner: photos for owner, photos, _newest in runs._libraries(model)}
    assert numbers == {ada.pk: 33, bob.pk: 40}


def test_a_missing_row_is_added_though_others_are_in_the_trash(live, model):
    assert Embedding.objects.add_missing(model) == 0
    live.order_by("pk").last().delete()
    assert Embedding.objects.add_missing(model) == 1
    assert live.count() == 73


def test_comparing_with_the_index_looks_up_no_photo_for_each_row(live, model):
    if connection.vendor != "sqlite":
        pytest.skip("EXPLAIN QUERY PLAN is SQLite's")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with CaptureQueriesContext(connection) as asked:
        PHOTOS.counts(model)
    assert asked, "the counts ask the database"
    for query in list(asked):
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
            plan = [row[3] for row in cursor.fetchall()]
        by_id = [step for step in plan if "gallery_photo" in step and "(id=?)" in step]
        assert by_id == [], query["sql"]
        assert "SCAN gallery_embedding" not in plan, query["sql"]
