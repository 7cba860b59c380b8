"""Work that a person paused rests in every process, until a person resumes it."""

from __future__ import annotations

import signal
import threading

import pytest
from django.db import OperationalError

from gallery.models import Embedding, PausedWork, WorkKind
from gallery.work import pauses
from tests.workers.conftest import add_photo, assert_settled, drain, expire_leases, points
from tests.workers.test_kill import run_worker
from workers import INDEX, back_up_on_time, jobs, look_into_folders
from workers.jobs import COMPARE, EMBED, JOBS, PURGE, WITHDRAW

pytestmark = pytest.mark.django_db


def states() -> set[str]:
    return set(Embedding.objects.values_list("state", flat=True))


def test_nothing_that_may_be_paused_is_done_while_all_is(ada, model):
    add_photo(ada)
    pauses.pause()
    assert drain() == 0
    jobs.run(INDEX)
    assert states() == {"pending"}
    assert not jobs.is_work_due()
    assert all(job.is_held() == (job not in {WITHDRAW, PURGE}) for job in JOBS)
    pauses.resume()
    assert jobs.is_work_due()
    drain()
    assert_settled(model)


@pytest.mark.parametrize("kind", [WorkKind.EMBED, WorkKind.PROJECT, WorkKind.COMPARE])
def test_one_kind_rests_and_the_others_go_on(ada, model, kind):
    add_photo(ada)
    pauses.pause([kind])
    drain()
    row = Embedding.objects.get()
    assert row.state == {"embed": "pending", "project": "embedded", "compare": "indexed"}[kind]
    assert row.compared_at is None
    pauses.resume([kind])
    drain()
    assert_settled(model)
    assert Embedding.objects.get().compared_at is not None


def test_a_pause_ends_the_work_after_the_batch_at_hand(ada, model, settings, monkeypatch):
    settings.EMBEDDING_BATCH = 2
    for _ in range(6):
        add_photo(ada)
    finish = jobs.pipeline._finish

    def paused_meanwhile(*arguments):
        pauses.pause()
        return finish(*arguments)

    monkeypatch.setattr(jobs.pipeline, "_finish", paused_meanwhile)
    EMBED.run()
    rows = Embedding.objects.order_by("pk")
    assert [row.state for row in rows] == ["embedded"] * 2 + ["pending"] * 4
    assert {row.attempts for row in rows[2:]} == {0}, "what was claimed ahead is given back untried"
    monkeypatch.undo()
    pauses.resume()
    drain()
    assert_settled(model)


def test_another_process_pauses_within_a_second(ada, model, monkeypatch):
    """This one learns of it from the database, as soon as what it read is old."""
    clock = [100.0]
    monkeypatch.setattr(pauses, "_TRUSTED_SECONDS", 1.0)
    monkeypatch.setattr(pauses.time, "monotonic", lambda: clock[0])
    assert not EMBED.is_held()
    PausedWork.objects.create(kind="embed")
    clock[0] += 1.1
    assert EMBED.is_held()
    PausedWork.objects.all().delete()
    clock[0] += 1.1
    assert not EMBED.is_held()


def test_while_the_database_is_away_the_last_word_counts(ada, model, monkeypatch):
    pauses.pause([WorkKind.EMBED])
    assert EMBED.is_held()
    pauses.forget()

    def away(*_, **__):
        raise OperationalError("gone")

    monkeypatch.setattr(PausedWork.objects, "values_list", away)
    assert EMBED.is_held()
    assert not COMPARE.is_held()


def test_folders_and_backups_rest_too(ada, model, monkeypatch):
    looked, made = [], []
    monkeypatch.setattr(look_into_folders, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(look_into_folders.connections, "close_all", lambda: None)
    monkeypatch.setattr(look_into_folders, "close_old_connections", lambda: None)
    monkeypatch.setattr(look_into_folders, "rescan", lambda stop: stop.set())
    monkeypatch.setattr(look_into_folders, "look", looked.append)
    monkeypatch.setattr(back_up_on_time, "back_up_now", made.append)
    monkeypatch.setattr(back_up_on_time.schedule, "is_due", lambda: True)
    pauses.pause()
    stop = threading.Event()
    rounds = iter(range(3))
    monkeypatch.setattr(stop, "wait", lambda _: stop.is_set() or next(rounds, None) is None)
    look_into_folders.run(stop)
    back_up_on_time.Backups()._back_up_if_due()
    assert (looked, made) == ([], [])
    pauses.resume()
    rounds = iter(range(3))
    look_into_folders.run(stop)
    back_up_on_time.Backups()._back_up_if_due()
    assert (len(looked), len(made)) == (1, 1)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("step", ["claimed", "embedded", "saved", "photos_flushed"])
def test_a_pause_survives_a_kill_and_loses_nothing(ada, model, settings, step):
    photos = [add_photo(ada) for _ in range(3)]
    assert run_worker(settings, **{step: "kill"}) == -signal.SIGKILL
    before = states()
    pauses.pause()
    expire_leases()
    assert run_worker(settings) == 0
    assert states() == before, "the next process rests as well"
    pauses.resume()
    assert run_worker(settings) == 0
    assert_settled(model)
    assert points(model) == {photo.pk for photo in photos}
