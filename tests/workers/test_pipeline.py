"""The pipeline over real decoder children, a real index and SQLite; only the model is a toy."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from django.db import connection

from gallery import failpoints, files, trash
from gallery.failpoints import FailpointReached
from gallery.models import Embedding, Fingerprint, Photo
from gallery.models.embeddings import MAX_ATTEMPTS, retry
from gallery.reasons import Reason
from search.vectors.embedders.base import DeviceOutOfMemory
from search.vectors.index import open_index
from tests import images
from tests.embedders import ColourEmbedder
from tests.workers.conftest import (
    add_photo,
    assert_settled,
    delete_for_ever,
    drain,
    expire_leases,
    forget_pauses,
    picture,
    points,
    row_of,
)
from workers import housekeeping, jobs, look_ahead, pipeline
from workers.index_sync import removal

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

STEPS = ("claimed", "embedded", "saved", "photos_upserted", "photos_flushed")


def test_pending_photos_become_searchable(ada, model, settings):
    settings.EMBEDDING_BATCH = 4
    photos = [add_photo(ada, colour=colour) for colour in ("red", "green", "blue") * 3]
    assert drain() == len(photos)
    assert_settled(model)
    photo = Photo.objects.get(pk=photos[0].pk)
    assert photo.decoded_at is not None
    assert photo.colour != "#8a8a8a"
    assert len(photo.phash) == 16
    assert files.thumbnail(photo.pk).read_bytes()[8:12] == b"WEBP"
    assert not list(Path(files.thumbnail(photo.pk)).parent.glob("*.part"))


def test_a_point_carries_owner_generation_and_day(ada, model):
    photo = add_photo(ada)
    drain()
    (point,) = open_index(model.key, model.dim).fetch([photo.pk], with_vectors=True)
    assert point.payload["owner"] == str(ada.pk)
    assert point.payload["gen"] == 1
    assert point.payload["taken"] == int(photo.wall_at.timestamp())
    np.testing.assert_allclose(row_of(photo).get_vector(), point.vector, atol=1e-3)


def test_a_jpeg_cut_short_is_searched_and_a_half_copied_one_is_not(ada, model):
    whole = images.encode(images.gradient((600, 400)).effect_spread(9))
    cut, half = add_photo(ada, whole[:-2]), add_photo(ada, whole[: len(whole) // 2])
    drain()
    assert (row_of(cut).state, Photo.objects.get(pk=cut.pk).flaw) == ("indexed", "cut_short")
    row, photo = row_of(half), Photo.objects.get(pk=half.pk)
    assert (row.state, row.reason) == ("failed", Reason.INCOMPLETE)
    assert photo.flaw == "incomplete"
    # People see what is there of it, but it is like no other photo.
    assert photo.decoded_at is not None
    assert files.thumbnail(half.pk).exists()
    assert not Fingerprint.objects.filter(photo=photo).exists()
    retry(Embedding.objects.filter(pk=row.pk))
    drain()
    assert (row_of(half).state, row_of(half).reason) == ("failed", Reason.INCOMPLETE)


def test_nothing_due_is_nothing_done(model):
    assert drain() == 0


def test_a_stored_rendition_serves_instead_of_the_original(ada, model):
    photo = add_photo(ada, colour="blue")
    drain()
    # What cannot be decoded any more shows that it is not looked at.
    files.original(photo).write_bytes(b"no picture")
    row = row_of(photo)
    Embedding.objects.update(state="failed", reason="corrupt")
    retry(Embedding.objects.filter(pk=row.pk))
    drain()
    assert row_of(photo).state == "indexed"
    assert row_of(photo).generation == 2


def test_a_damaged_rendition_sends_the_worker_back_to_the_original(ada, model):
    photo = add_photo(ada)
    drain()
    files.thumbnail(photo.pk).write_bytes(b"RIFFxxxxWEBPno")
    Embedding.objects.update(state="pending", generation=2)
    drain()
    assert row_of(photo).state == "indexed"
    assert files.thumbnail(photo.pk).stat().st_size > 20


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"not a picture at all", Reason.UNSUPPORTED_TYPE),
        (b"", Reason.EMPTY),
        (picture()[:60], Reason.CORRUPT),
    ],
    ids=["text", "empty", "cut short"],
)
def test_one_bad_picture_fails_one_row(ada, model, data, reason, caplog):
    good, bad, other = add_photo(ada), add_photo(ada, data), add_photo(ada)
    drain()
    assert (row_of(bad).state, row_of(bad).reason) == ("failed", reason)
    said = [record.message for record in caplog.records]
    assert said == [line.rstrip() for line in said] != []
    assert {row_of(good).state, row_of(other).state} == {"indexed"}


def test_a_missing_original_fails_its_photo(ada, model):
    good, gone = add_photo(ada), add_photo(ada)
    files.original(gone).unlink()
    drain()
    assert row_of(gone).reason == Reason.MISSING_ORIGINAL
    assert row_of(good).state == "indexed"


def test_originals_that_are_all_away_fail_nothing(ada, model, settings):
    photo = add_photo(ada)
    (settings.MEDIA_DIR / "originals").rename(settings.MEDIA_DIR / "unmounted")
    drain()
    row = row_of(photo)
    assert (row.state, row.attempts) == ("pending", 0)
    (settings.MEDIA_DIR / "unmounted").rename(settings.MEDIA_DIR / "originals")
    forget_pauses()
    drain()
    assert row_of(photo).state == "indexed"


def test_a_full_disk_leaves_rows_pending_and_burns_no_attempt(ada, model, monkeypatch):
    photo = add_photo(ada)
    with monkeypatch.context() as full:
        full.setattr(files, "free_bytes", lambda: 0)
        assert drain() == 0
    row = row_of(photo)
    assert (row.state, row.attempts) == ("pending", 0)
    assert drain() == 1


# --- the model ------------------------------------------------------------------------------------


def use_model(monkeypatch, embed_images) -> None:
    monkeypatch.setattr(ColourEmbedder, "embed_images", embed_images)


def test_a_batch_that_does_not_fit_is_halved(ada, model, monkeypatch, settings):
    settings.EMBEDDING_BATCH = 8
    honest, sizes = ColourEmbedder.embed_images, []

    def small_device(self, images):
        sizes.append(len(images))
        if len(images) > 2:
            raise DeviceOutOfMemory("too much")
        return honest(self, images)

    use_model(monkeypatch, small_device)
    for _ in range(8):
        add_photo(ada)
    assert drain() == 8
    assert sizes == [8, 4, 2, 2, 4, 2, 2]


def test_a_picture_too_large_for_the_device_is_tried_later_and_then_given_up(
    ada, model, monkeypatch
):
    def no_memory(self, images):
        raise DeviceOutOfMemory("none left")

    use_model(monkeypatch, no_memory)
    photo = add_photo(ada)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        drain()
        row = row_of(photo)
        assert row.attempts == attempt
        assert drain() == 0, "a row that waits is not due"
        assert row_of(photo).attempts == attempt
        forget_pauses()
    assert (row.state, row.reason) == ("failed", Reason.GPU_OOM)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 0.5])
def test_a_useless_vector_fails_its_photo_alone(ada, model, monkeypatch, value):
    honest = ColourEmbedder.embed_images

    def spoilt(self, images):
        rows = honest(self, images)
        rows[0] = value
        return rows

    use_model(monkeypatch, spoilt)
    first, second = add_photo(ada), add_photo(ada)
    drain()
    assert (row_of(first).state, row_of(first).reason) == ("failed", Reason.BAD_VECTOR)
    assert row_of(second).state == "indexed"


def test_a_picture_that_breaks_the_model_costs_no_other(ada, model, monkeypatch):
    honest = ColourEmbedder.embed_images

    def breaks_on_blue(self, images):
        if any(image[20, 20, 2] > 200 and image[20, 20, 0] < 100 for image in images):
            raise RuntimeError("a kernel failed")
        return honest(self, images)

    use_model(monkeypatch, breaks_on_blue)
    good = [add_photo(ada) for _ in range(3)]
    bad = add_photo(ada, colour="blue")
    drain()
    assert {row_of(photo).state for photo in good} == {"indexed"}
    row = row_of(bad)
    assert (row.state, row.reason) == ("pending", Reason.BAD_VECTOR)
    assert row.not_before is not None


def test_pauses_double_from_five_seconds_up_to_a_quarter_of_an_hour():
    for attempts, seconds in ((1, 5), (2, 10), (4, 40), (20, 900)):
        for _ in range(20):
            assert 0.8 * seconds <= pipeline.pause(attempts).total_seconds() <= 1.2 * seconds


# --- crashes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", STEPS)
def test_a_failure_between_any_two_steps_is_made_good(ada, model, arm, step):
    photos = [add_photo(ada) for _ in range(3)]
    arm(**{step: "raise"})
    with pytest.raises(FailpointReached):
        drain()
    assert not Embedding.objects.filter(state="indexed").exists()
    arm()
    expire_leases()
    forget_pauses()
    drain()
    assert_settled(model)
    assert {row_of(photo).state for photo in photos} == {"indexed"}


def test_a_row_seen_in_two_crashes_is_tried_alone(ada, model, monkeypatch):
    photos = [add_photo(ada) for _ in range(4)]
    Embedding.objects.filter(photo__in=photos[:2]).update(crashes=2)
    sizes, honest = [], ColourEmbedder.embed_images

    def counting(self, images):
        sizes.append(len(images))
        return honest(self, images)

    use_model(monkeypatch, counting)
    drain()
    assert sorted(sizes) == [1, 1, 2]
    assert_settled(model)
    assert set(Embedding.objects.values_list("crashes", flat=True)) == {0}


def test_a_row_that_crashed_its_worker_four_times_is_given_up(ada, model):
    poison, good = add_photo(ada), add_photo(ada)
    Embedding.objects.filter(photo=poison).update(crashes=4)
    drain()
    assert (row_of(poison).state, row_of(poison).reason) == ("failed", Reason.WORKER_CRASHED)
    assert row_of(good).state == "indexed"


def test_rows_claimed_ahead_are_given_back_when_asked_to_stop(ada, model, settings, monkeypatch):
    settings.EMBEDDING_BATCH = 2
    honest = ColourEmbedder.embed_images

    def stopped_meanwhile(self, images):
        jobs.request_stop()
        return honest(self, images)

    use_model(monkeypatch, stopped_meanwhile)
    for _ in range(6):
        add_photo(ada)
    assert drain() == 2
    states = sorted(Embedding.objects.values_list("state", "attempts"))
    assert states == [("indexed", 0)] * 2 + [("pending", 0)] * 4


# --- hostile pictures -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "reason"),
    [("segfault", Reason.DECODER_CRASHED), ("memory", Reason.DECODE_OOM)],
)
def test_a_picture_that_kills_its_decoder_fails_after_a_second_chance(
    ada, model, monkeypatch, fault, reason
):
    children = look_ahead.LookAhead(faults=True)
    monkeypatch.setattr(look_ahead, "shared", lambda: children)
    try:
        poison = add_photo(ada, picture() + f"SCRY-FAULT:decode:{fault}".encode())
        good = [add_photo(ada) for _ in range(3)]
        assert drain() == len(good)
        assert (row_of(poison).state, row_of(poison).reason) == ("pending", reason)
        forget_pauses()
        drain()
        assert (row_of(poison).state, row_of(poison).reason) == ("failed", reason)
        assert_settled(model)
    finally:
        children.close()


# --- several at once ------------------------------------------------------------------------------


def test_threads_that_drain_at_once_share_one_drain(ada, model, settings, monkeypatch):
    settings.EMBEDDING_BATCH = 2
    seen, honest = [], ColourEmbedder.embed_images

    def counting(self, images):
        seen.append(len(images))
        return honest(self, images)

    use_model(monkeypatch, counting)
    for _ in range(12):
        add_photo(ada)

    def drain_and_close():
        try:
            return drain()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        done = [future.result() for future in [threads.submit(drain_and_close) for _ in range(4)]]
    assert sum(done) == sum(seen) == 12
    assert_settled(model)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_whatever_happens_in_whatever_order_everything_settles(
    ada, model, settings, monkeypatch, seed
):
    """Random uploads, ways to the trash and back, failures between steps, lost points, sweeps."""
    chance = random.Random(seed)
    settings.EMBEDDING_BATCH = 3
    steps = ("claimed", "embedded", "saved", "photos_upserted", "photos_flushed", "points_removed")
    steps += ("rows_withdrawn", "points_withdrawn")

    def add():
        add_photo(ada, colour=chance.choice(["red", "green", "blue"]))

    def delete():
        photo = Photo.objects.live().order_by("?").first()
        if photo is not None:
            delete_for_ever(photo)

    def throw_away():
        trash.trash(Photo.objects.filter(pk__in=Photo.objects.live().order_by("?")[:2]))

    def bring_back():
        trash.restore(Photo.objects.filter(pk__in=Photo.objects.trashed().order_by("?")[:2]))

    def fail():
        monkeypatch.setenv(failpoints.VARIABLE, f"{chance.choice(steps)}=raise")
        with suppress(FailpointReached):
            drain()
            removal.withdraw()
            removal.purge()
        monkeypatch.delenv(failpoints.VARIABLE)

    def lose():
        open_index(model.key, model.dim).delete(list(points(model))[:1])

    actions = (add, add, add, add, delete, throw_away, bring_back, fail, fail, lose, drain)
    actions += (removal.withdraw, removal.purge, housekeeping.sweep)
    for _ in range(35):
        chance.choice(actions)()
        expire_leases()
        forget_pauses()
    for _ in range(3):
        housekeeping.sweep()
        drain()
        forget_pauses()
    assert_settled(model)
    assert not Photo.objects.exclude(deleted_at=None).exists()
