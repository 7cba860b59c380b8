"""Nobody says that the worker works unless it does, and one that does not is started again."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from types import SimpleNamespace

import pytest
from django.utils import timezone

from gallery.models import Embedding, WorkerStatus
from tests.workers.conftest import add_photo, row_of
from workers import heartbeat, housekeeping, jobs, pipeline, tasks, watch
from workers.watch import Watch

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=clock))
    monkeypatch.setattr(heartbeat, "monotonic", clock)
    # The connection is the test's own.
    monkeypatch.setattr(watch, "close_old_connections", lambda: None)
    monkeypatch.setattr(tasks, "close_old_connections", lambda: None)
    monkeypatch.setattr(heartbeat, "_written_at", 0.0)
    monkeypatch.setattr(heartbeat, "_troubles", {})
    monkeypatch.setattr(heartbeat, "_at_work", 0)
    heartbeat.forget_proof()
    heartbeat.progress()
    yield clock
    heartbeat.forget_proof()


@pytest.fixture
def asked(monkeypatch):
    """The messages that were sent."""
    sent = []
    monkeypatch.setattr(tasks.prove, "apply_async", lambda **options: sent.append(options))
    return sent


class Threads:
    """Worker threads that end when the test says so."""

    def __init__(self) -> None:
        self.ended = False
        self.starts: list[float] = []

    def start_again(self) -> None:
        self.starts.append(watch.time.monotonic())


@pytest.fixture
def threads():
    return Threads()


@pytest.fixture
def look(clock, asked, threads):
    """Let seconds pass, and look after the threads at each of them."""
    one = Watch(lambda: threads.ended, threads.start_again)

    def look(seconds: int = 1) -> None:
        for _ in range(seconds):
            clock.now += 1
            one._look()

    return look


def is_seen() -> bool:
    """Tell whether a heartbeat is written, forgetting the one before."""
    WorkerStatus.objects.all().delete()
    heartbeat._written_at = 0.0
    return WorkerStatus.objects.exists()


def seen_by(look, seconds: int = 1) -> bool:
    is_seen()
    look(seconds)
    return WorkerStatus.objects.exists()


def test_without_a_proof_there_is_no_heartbeat(look, asked):
    assert not seen_by(look)
    assert len(asked) == 1
    tasks.prove.run()
    assert seen_by(look)


def test_a_proof_holds_for_a_while(look):
    heartbeat.prove()
    assert seen_by(look, 19)
    assert not seen_by(look, 1)


def test_who_does_not_answer_is_not_asked_again_and_again(look, asked):
    look(20)
    assert len(asked) == 1
    look(5)
    assert len(asked) == 2


def test_who_answers_is_asked_every_few_seconds(look, asked):
    for _ in range(12):
        heartbeat.prove()
        look()
    assert len(asked) == 2


def test_a_job_that_goes_on_is_proof_enough_and_one_that_does_not_is_none(look, clock, threads):
    heartbeat.prove()
    with jobs.PROJECT._lock:
        for _ in range(5):
            look(100)
            heartbeat.progress()
            assert seen_by(look), "a long job that makes progress is alive"
        clock.now += heartbeat.STUCK_SECONDS
        heartbeat.prove()
        assert not seen_by(look), "others may answer, but the work does not go on"
    assert threads.starts == [], "a thread at work is not joined by another"


def test_threads_that_end_are_started_again_ever_more_slowly(look, threads, clock):
    threads.ended = True
    began = clock.now
    look(2000)
    pauses = [later - sooner for sooner, later in pairwise([began, *threads.starts])]
    assert pauses[:4] == [2, 4, 8, 16]
    assert max(pauses) == 300
    assert "The worker has ended" in heartbeat.detail()
    threads.ended = False
    for _ in range(400):
        heartbeat.prove()
        look()
    assert heartbeat.detail() == ""
    threads.ended, before = True, len(threads.starts)
    look(3)
    assert len(threads.starts) == before + 1, "after a long calm it is quick again"


def test_threads_that_are_silent_for_long_are_replaced(look, threads):
    heartbeat.prove()
    look(59)
    assert threads.starts == []
    look(5)
    assert len(threads.starts) == 1
    assert "does not answer" in heartbeat.detail()


def test_a_watch_outlives_what_a_broker_raises(look, monkeypatch, caplog):
    def fail(**options):
        raise RuntimeError("no broker")

    one = Watch(lambda: False, lambda: None)
    monkeypatch.setattr(tasks.prove, "apply_async", fail)
    monkeypatch.setattr(one, "_stop", Stopped(after=2))
    monkeypatch.setattr(watch.connections, "close_all", lambda: None)
    one._watch()
    assert len([record for record in caplog.records if "looked after" in record.message]) == 2


class Stopped:
    """An event that is set after some rounds."""

    def __init__(self, after: int) -> None:
        self.left = after

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0

    def wait(self, seconds: float) -> bool:
        return False


def waiting(photo, **columns) -> Embedding:
    Embedding.objects.filter(photo=photo).update(**columns)
    housekeeping.sweep()
    return row_of(photo)


def test_a_wait_that_no_pause_explains_ends(ada, model):
    photo = add_photo(ada)
    now = timezone.now()
    assert waiting(photo, not_before=now + timedelta(days=400)).not_before is None
    soon = now + pipeline.LONGEST_PAUSE
    assert waiting(photo, not_before=soon).not_before == soon


def test_a_lease_that_no_worker_took_ends(ada, model):
    photo = add_photo(ada)
    far = timezone.now() + timedelta(days=400)
    row = waiting(photo, state="leased", lease_until=far)
    assert row.lease_until < timezone.now() + timedelta(minutes=6)
