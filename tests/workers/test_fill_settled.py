"""A gallery that a benchmark fills in bulk is one that the gallery could have filled itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from benchmarks import fill_settled
from gallery.models import Embedding, InAlbum, Photo, Tagged
from search.fulltext import upkeep
from search.models import PhotoWords
from workers import jobs
from workers.index_sync.sources import PHOTOS

pytestmark = pytest.mark.django_db(transaction=True)
FIRST = 20


@pytest.fixture
def photos(ada, model, monkeypatch):
    """Fill in 20 photos and 20 copies; return all, the newest first."""
    if connection.vendor != "sqlite":
        pytest.skip("it copies inside SQLite")
    monkeypatch.setattr(fill_settled, "FIRST", FIRST)
    before = names_of_indexes()
    with fill_settled.without_indexes():
        fill_settled.write_first(ada, model, FIRST, timezone.now())
        fill_settled.copy(range(FIRST, 2 * FIRST), model.dim)
    assert names_of_indexes() == before
    return list(Photo.objects.visible_to(ada).newest_first())


def names_of_indexes():
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type IN ('index', 'trigger')")
        return {name for (name,) in cursor.fetchall()}


def test_copies_have_the_facts_of_the_first_and_times_of_their_own(photos):
    assert len({photo.shown_at for photo in photos}) == len(photos) == 2 * FIRST
    assert [photo.name for photo in photos] == [f"generated-{at}.jpg" for at in range(2 * FIRST)]
    for first, copied in zip(photos[:FIRST], photos[FIRST:], strict=True):
        assert (copied.camera, copied.rating) == (first.camera, first.rating)
        assert first.shown_at - copied.shown_at == timedelta(minutes=FIRST * fill_settled.MINUTES)
        assert (copied.taken_at is None) == (first.taken_at is None)
    for links in (Tagged, InAlbum):
        numbers = [links.objects.filter(photo__in=some).count() for some in halves(photos)]
        assert numbers[0] == numbers[1] > 0


def halves(photos):
    return photos[:FIRST], photos[FIRST:]


def test_words_are_those_that_workers_write(photos):
    assert not PhotoWords.objects.filter(stale=True).exists()
    stored = dict(PhotoWords.objects.values_list("photo_id", "words"))
    assert stored == upkeep.words_of([photo.pk for photo in photos])
    assert not list(upkeep.faults(deep=True))


def test_each_photo_has_a_vector_of_its_own_and_nothing_waits(photos, model):
    rows = PHOTOS.load(PHOTOS.promised(model), with_vectors=True)
    vectors = {point.vector.tobytes() for row in rows for point in PHOTOS.points(row)}
    assert len(vectors) == len(photos)
    assert PHOTOS.counts(model) == (len(photos), len(photos))
    assert not Embedding.objects.to_compare(model).exists()
    for job in (jobs.EMBED, jobs.PROJECT, jobs.COMPARE, jobs.QUALITY):
        assert not job.is_due(), job.name
