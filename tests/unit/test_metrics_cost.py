"""Asking for the state of a large gallery walks over what waits, not over its photos."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery.metrics.gallery_state import GalleryState
from gallery.models import Embedding, EmbeddingModel, Photo

pytestmark = pytest.mark.django_db

PHOTOS = 1500
SMALL = {"gallery_embeddingmodel", "gallery_lastrun", "gallery_workerstatus"}
SMALL |= {"gallery_filedamage"}
"""Tables with a few rows, which may be read whole."""


@pytest.fixture
def large(ada, model) -> EmbeddingModel:
    """A gallery with a tenth of its photos waiting, a few in the trash, and known statistics."""
    now = timezone.now()
    photos = Photo.objects.bulk_create(
        Photo(owner=ada, sha256=f"{n:064}", size=1, width=1, height=1, name=f"{n}.jpg")
        for n in range(PHOTOS)
    )
    Photo.objects.filter(pk__in=[photo.pk for photo in photos[:40]]).update(trashed_at=now)
    Photo.objects.filter(pk__in=[photo.pk for photo in photos[40:50]]).update(deleted_at=now)
    Photo.objects.filter(pk__in=[photo.pk for photo in photos[50:60]]).update(read_at=now)
    Embedding.objects.bulk_create(
        Embedding(photo=photo, model=model, state="indexed" if n % 10 else "pending")
        for n, photo in enumerate(photos)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return model


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="the words of SQLite's plans")
def test_no_query_walks_over_the_photos(large):
    with CaptureQueriesContext(connection) as asked:
        assert len(list(GalleryState().collect())) > 10
    plans = [plan_of(query["sql"]) for query in asked.captured_queries]
    assert len(plans) > 8
    walks = [
        step
        for plan in plans
        for step in plan
        if step.startswith("SCAN") and not (set(re.findall(r"gallery_\w+", step)) & SMALL)
    ]
    # These indexes hold only photos that are being deleted, or are in the trash.
    assert [walk for walk in walks if not re.search("photo_(deleting|trash)", walk)] == []


def plan_of(sql: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        return [row[3] for row in cursor.fetchall()]
