"""What happens by itself: sweeping, purging, comparing, ringing, and watching over progress."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from gallery import failpoints, files
from gallery.models import Embedding, EmbeddingModel, Photo, Tombstone, WorkerStatus
from gallery.signals import photos_changed
from search.vectors.index import IndexUnavailable, Point, close_all, open_index, slug
from tests.lived import let_live
from tests.waiting import wait_until
from tests.workers.conftest import (
    add_photo,
    assert_settled,
    delete_for_ever,
    drain,
    points,
    row_of,
)
from workers import activity, doorbell, heartbeat, housekeeping, jobs
from workers.index_sync import reconcile, removal, sources
from workers.index_sync.sources import PHOTOS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("looked_at")]


# --- the index that was lost ----------------------------------------------------------------------


def test_an_index_that_was_lost_is_filled_again_without_the_model(photos, model, settings):
    close_all()
    shutil.rmtree(settings.DATA_DIR / "index" / slug(model.key))
    for photo in photos:
        files.original(photo).unlink()
    housekeeping.sweep()
    assert_settled(model)
    assert len(points(model)) == 3


def test_an_index_that_cannot_be_read_is_filled_again(photos, model, settings):
    close_all()
    folder = settings.DATA_DIR / "index" / slug(model.key)
    for path in folder.rglob("*.json"):
        path.write_text("nonsense")
    housekeeping.sweep()
    assert_settled(model)
    assert len(points(model)) == 3


def test_single_lost_and_stray_points_are_noticed(photos, model):
    index = open_index(model.key, model.dim)
    vector = row_of(photos[0]).get_vector()
    index.delete([photos[0].pk])
    assert reconcile.quickly(PHOTOS, model) == 1
    drain()
    index.upsert([Point(uuid.uuid4(), vector, {"owner": "1", "gen": 1})])
    assert reconcile.quickly(PHOTOS, model) == 1
    assert reconcile.quickly(PHOTOS, model) == 0
    assert_settled(model)


def test_rows_and_points_are_walked_in_one_order(ada, model, monkeypatch):
    monkeypatch.setattr(reconcile, "CHUNK", 4)
    photos = {add_photo(ada).pk for _ in range(11)}
    drain()
    pairs = list(reconcile.pairs(PHOTOS, model))
    assert [pair.photo_id for pair in pairs] == sorted(photos)
    assert all(pair.row and pair.points for pair in pairs)


# --- deletions ------------------------------------------------------------------------------------


def test_a_deletion_leaves_nothing_but_its_tombstone(photos, model):
    doomed = photos[0]
    delete_for_ever(doomed)
    assert removal.purge() == 1
    assert not Photo.objects.filter(pk=doomed.pk).exists()
    assert not Embedding.objects.filter(photo_id=doomed.pk).exists()
    assert not files.original(doomed).exists()
    assert Tombstone.objects.get().photo_id == doomed.pk
    assert_settled(model)


def test_points_go_from_the_index_of_a_retired_model_too(photos, model):
    EmbeddingModel.objects.update(state="retired")
    EmbeddingModel.objects.create(key="never-filled", dim=8, state="retired")
    delete_for_ever(photos[0])
    removal.purge()
    assert points(model) == {photo.pk for photo in photos[1:]}


def test_deletions_wait_for_an_index_that_is_away(photos, model, monkeypatch):
    def away(key, dim):
        raise IndexUnavailable("nobody answers")

    delete_for_ever(photos[0])
    with monkeypatch.context() as patched:
        patched.setattr(sources, "open_index", away)
        assert removal.purge() == 0
    assert files.original(photos[0]).exists()
    assert jobs.is_work_due()
    housekeeping.sweep()
    assert not files.original(photos[0]).exists()


def test_a_point_that_arrived_after_its_deletion_is_removed(photos, model):
    row = row_of(photos[0])
    delete_for_ever(photos[0])
    removal.purge()
    late = Point(row.photo_id, row.get_vector(), {"owner": "1", "gen": 1})
    open_index(model.key, model.dim).upsert([late])
    housekeeping.sweep()
    assert_settled(model)


# --- the sweep ------------------------------------------------------------------------------------


def test_photos_without_a_row_get_one(photos, model):
    Embedding.objects.filter(photo=photos[0]).delete()
    housekeeping.sweep()
    assert row_of(photos[0]).state == "pending"


def test_an_upload_that_ends_during_the_sweep_does_not_end_it(settings, model, monkeypatch):
    path = settings.UPLOAD_TMP_DIR / "old.upload"
    path.write_bytes(b"half a file")
    is_file = Path.is_file

    def remove(self, **options):
        found = is_file(self, **options)
        if self == path:
            path.unlink()
        return found

    monkeypatch.setattr(Path, "is_file", remove)
    housekeeping.sweep()
    assert not path.exists()


def test_what_is_old_is_removed_and_what_is_young_stays(settings, model):
    old, young = settings.UPLOAD_TMP_DIR / "old.upload", settings.UPLOAD_TMP_DIR / "young.upload"
    for path in (old, young):
        path.write_bytes(b"half a file")
    let_live(40)
    yesterday = time.time() - 27 * 3600
    os.utime(old, (yesterday, yesterday))
    for days in (1, 31):
        deleted_at = timezone.now() - timedelta(days=days)
        Tombstone.objects.create(
            photo_id=uuid.uuid4(), owner_id=1, sha256="0" * 64, deleted_at=deleted_at
        )
    housekeeping.sweep()
    assert not old.exists()
    assert young.exists()
    assert Tombstone.objects.count() == 1


@pytest.mark.parametrize(
    ("state", "due"),
    [("pending", True), ("embedded", True), ("indexed", False), ("failed", False)],
)
def test_work_is_due_by_state(ada, model, state, due):
    add_photo(ada)
    Embedding.objects.update(state=state, reason="cancelled", compared_at=timezone.now())
    assert jobs.is_work_due() is due


# --- the doorbell ---------------------------------------------------------------------------------


@pytest.fixture
def bell(monkeypatch):
    """Count the messages instead of sending them; `works` says whether the broker takes them."""

    class Bell:
        works, sent = True, 0

        def send(self) -> bool:
            self.sent += 1
            return self.works

    bell = Bell()
    monkeypatch.setattr(doorbell, "_send", bell.send)
    monkeypatch.setattr(doorbell, "PAUSE_SECONDS", 0.05)
    yield bell
    doorbell.listen(listening=False)


def wait_for_messages(bell, count: int) -> None:
    wait_until(lambda: bell.sent >= count)


def test_nobody_is_rung_for_where_nobody_listens(bell):
    photos_changed.send(sender=Photo)
    time.sleep(0.05)
    assert bell.sent == 0


def test_many_rings_are_few_messages(bell):
    doorbell.listen(listening=True)
    for _ in range(200):
        photos_changed.send(sender=Photo)
    wait_for_messages(bell, 1)
    time.sleep(0.05)
    assert 1 <= bell.sent < 100


def test_a_broker_that_is_away_holds_nobody_up(settings, monkeypatch):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    def refuse(name, **options):
        raise RuntimeError("whatever a broker raises")

    from workers.celery import app

    before = doorbell.failures

    monkeypatch.setattr(app, "send_task", refuse)
    monkeypatch.setattr(doorbell, "PAUSE_SECONDS", 0.01)
    doorbell.ring()
    wait_until(lambda: doorbell.failures > before)


# --- heartbeat, rate, watchdog, failpoints --------------------------------------------------------


def test_the_heartbeat_tells_of_the_worker_and_is_taken_back(monkeypatch):
    monkeypatch.setattr(heartbeat, "_troubles", {})
    told = heartbeat.Report(
        queues="index", model_key="colours", device="cpu", device_reason="no GPU"
    )
    monkeypatch.setattr(heartbeat, "report", told)
    heartbeat.tell("disk", "")
    heartbeat.tell("test", "fine")
    heartbeat.farewell()
    heartbeat.beat()
    status = WorkerStatus.objects.get()
    assert (status.model_key, status.device, status.detail) == ("colours", "cpu", "fine")
    assert status.queues == "index"
    seen = status.seen_at
    heartbeat.beat()
    assert WorkerStatus.objects.get().seen_at == seen, "one write in ten seconds is enough"
    heartbeat.tell("test", "")
    heartbeat.farewell()
    assert not WorkerStatus.objects.exists()


def test_a_process_of_its_own_beats_whatever_its_worker_does(monkeypatch):
    monkeypatch.setattr(heartbeat, "report", heartbeat.Report())
    monkeypatch.setattr(heartbeat, "BUSY_SECONDS", 0.05)
    monkeypatch.setattr(heartbeat, "IDLE_SECONDS", 0.05)
    beats = heartbeat.Heartbeat(["maintenance"])
    beats.start()
    try:
        deadline = time.monotonic() + 60
        seen: set[object] = set()
        while len(seen) < 3 and time.monotonic() < deadline:
            rows = WorkerStatus.objects.filter(queues="maintenance")
            seen |= set(rows.values_list("seen_at", flat=True))
            time.sleep(0.01)
        assert len(seen) >= 3
    finally:
        beats.stop(60.0)
    assert not WorkerStatus.objects.exists()


def test_the_rate_is_a_mean_over_batches(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(activity, "monotonic", lambda: clock[0])
    speed = activity.Speed()
    assert speed.per_second() == 0.0
    for _ in range(5):
        speed.count(16)
        clock[0] += 1.0
    assert speed.per_second() == pytest.approx(12.8)
    clock[0] += 60
    assert speed.per_second() == 0.0


def test_work_without_progress_ends_the_process():
    ended = []
    heartbeat.end_if_stuck(0.0, lambda: ended.append("idle"))
    with heartbeat.working():
        time.sleep(0.02)
        heartbeat.end_if_stuck(10.0, lambda: ended.append("too early"))
        heartbeat.end_if_stuck(0.01, lambda: ended.append("stuck"))
        heartbeat.progress()
        heartbeat.end_if_stuck(10.0, lambda: ended.append("after progress"))
    assert ended == ["stuck"]


def test_failpoints_do_nothing_unless_armed_by_name(arm):
    failpoints.failpoint("claimed")
    arm(saved="raise")
    failpoints.failpoint("claimed")
    with pytest.raises(failpoints.FailpointReached):
        failpoints.failpoint("saved")


def test_a_sweep_lets_sqlite_learn_how_large_the_tables_are(ada, model):
    for _ in range(3):
        add_photo(ada)
    housekeeping.refresh_statistics()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'gallery_photo'")
        assert cursor.fetchone()[0] > 0
