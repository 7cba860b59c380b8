"""Who goes first: new uploads, a backfill, and photos that only wait for the index."""

from __future__ import annotations

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gallery.models import Embedding, PhotoParts
from search.parts import boxes
from search.vectors.index import open_index
from tests.workers.conftest import add_photo, assert_settled, drain, row_of
from workers import INDEX, activity, heartbeat, jobs, pipeline
from workers.index_sync.projection import project_waiting
from workers.index_sync.sources import PHOTOS, SOURCES

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


class StepClock:
    """A clock on which every step of the work takes a second."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def step(self) -> None:
        self.now += 1


@pytest.fixture(autouse=True)
def _one_by_one(settings, monkeypatch):
    """Every photo is a batch of its own, and every turn is over after one."""
    clock = StepClock()
    monkeypatch.setattr(jobs, "time", clock)
    monkeypatch.setattr(heartbeat, "progress", clock.step)
    settings.EMBEDDING_BATCH = 1
    monkeypatch.setattr(PHOTOS, "chunk", 1)
    monkeypatch.setattr(jobs, "SLICE_SECONDS", 0.5)
    monkeypatch.setattr(jobs, "UPLOAD_SECONDS", 0.5)
    jobs.allow()
    yield
    # Pauses of the other clock mean nothing.
    jobs.allow()


@pytest.fixture
def after_first_batch(monkeypatch):
    """Have something happen once a batch has been embedded, while the next is decoded."""

    def do(what) -> None:
        count = activity.count

        def count_once(kind, number):
            monkeypatch.setattr(activity, "count", count)
            what()

        monkeypatch.setattr(activity, "count", count_once)

    return do


def backfill(owner, number):
    photos = [add_photo(owner) for _ in range(number)]
    Embedding.objects.update(priority=0)
    return photos


def states(photos):
    return [row_of(photo).state for photo in photos]


def test_a_new_upload_is_searchable_while_a_lost_index_is_filled(photos, ada, model):
    open_index(model.collection, model.dim).drop()
    PHOTOS.wait_again(model, [photo.pk for photo in photos])
    upload = add_photo(ada)
    jobs.run(INDEX)
    assert states([upload]) == ["indexed"]
    assert states(photos) == ["indexed", "embedded", "embedded"], "both had a turn"
    for _ in photos:
        jobs.run(INDEX)
    assert_settled(model)


def test_photos_that_wait_for_the_index_get_a_turn_during_a_backfill(
    photos, ada, model, after_first_batch
):
    waiting = backfill(ada, 3)
    # As when a date is corrected meanwhile: the payload has to be sent again.
    after_first_batch(lambda: PHOTOS.wait_again(model, [photos[0].pk]))
    jobs.EMBED.run()
    assert states([photos[0], *waiting]) == ["embedded", "indexed", "pending", "pending"]
    jobs.run(INDEX)
    assert states(photos) == ["indexed"] * 3
    while jobs.EMBED.run():
        pass
    assert_settled(model)


def test_a_backfill_alone_is_not_interrupted(ada, model):
    waiting = backfill(ada, 3)
    jobs.run(INDEX)
    assert states(waiting) == ["indexed"] * 3


def test_an_outage_of_the_index_does_not_hold_up_embedding(ada, model):
    photos = [add_photo(ada) for _ in range(3)]
    jobs.PROJECT.pause(60)
    jobs.EMBED.run()
    assert states(photos) == ["embedded"] * 3
    jobs.PROJECT.resume()
    drain()
    assert_settled(model)


def test_a_new_upload_overtakes_a_batch_of_a_backfill_that_was_claimed_ahead(
    ada, model, after_first_batch
):
    uploads = []
    waiting = backfill(ada, 3)
    after_first_batch(lambda: uploads.append(add_photo(ada)))
    drain()
    (upload,) = uploads
    times = [row_of(photo).indexed_at for photo in [waiting[0], upload, *waiting[1:]]]
    assert times == sorted(times)
    assert set(Embedding.objects.values_list("attempts", flat=True)) == {0}, "none was counted"


def test_a_batch_has_one_priority(ada, model):
    backfill(ada, 2)
    upload = add_photo(ada)
    claimed = Embedding.objects.claim(model, 10)
    assert [row.photo for row in claimed] == [upload]
    assert len(Embedding.objects.claim(model, 10)) == 2


def test_what_the_points_are_made_of_comes_with_the_rows(ada, model, monkeypatch):
    """Nothing is read row by row."""
    photos = [add_photo(ada) for _ in range(6)]
    drain()
    for row in Embedding.objects.select_related("photo"):
        parts = PhotoParts(embedding=row, generation=row.generation)
        parts.set_parts(np.array(boxes.PLACES[:2], np.float32), np.eye(2, model.dim))
        parts.save()
    for source in SOURCES:
        monkeypatch.setattr(source, "chunk", 100)
        source.wait_again(model, [photo.pk for photo in photos])
        with CaptureQueriesContext(connection) as captured:
            assert project_waiting(source, model) == len(photos)
        assert len(captured) < 2 * len(photos)


@pytest.mark.parametrize(
    ("setting", "fitting", "children", "claimed"),
    [(0, 16, 2, 16), (0, 512, 2, 64), (0, 512, 4, 128), (0, 64, 8, 64), (100, 16, 2, 100)],
)
def test_a_claim_is_no_larger_than_device_and_decoders_can_take(
    ada, model, settings, monkeypatch, setting, fitting, children, claimed
):
    """Leased rows that wait for decoders for minutes would lose their lease."""
    settings.EMBEDDING_BATCH, settings.DECODER_CHILDREN = setting, children
    asked = []
    claim = "gallery.models.embeddings.EmbeddingQuerySet.claim"
    monkeypatch.setattr(claim, lambda self, model, most: asked.append(most) or [])
    pipeline._claim(model, fitting)
    assert asked == [claimed]
