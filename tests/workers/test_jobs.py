"""The list of jobs: what runs first, what gives way, and what is left alone for a while."""

from __future__ import annotations

from functools import partial

import pytest

from search.vectors.index import IndexUnavailable
from workers import INDEX, MAINTENANCE, doorbell, heartbeat, jobs, model_choice
from workers.jobs import COMPARE, EMBED, JOBS, PARTS, PURGE, WITHDRAW

pytestmark = pytest.mark.django_db


@pytest.fixture
def due(monkeypatch):
    """The jobs that have work, none at first; a run finishes each."""
    due: set[jobs.Job] = set()
    for job in JOBS:
        monkeypatch.setattr(job, "has_work", lambda job=job: job in due)
        monkeypatch.setattr(job, "work", lambda until, job=job: due.discard(job) or 1)
    monkeypatch.setattr(heartbeat, "_troubles", {})
    return due


@pytest.fixture
def ran(due, monkeypatch) -> list[jobs.Job]:
    """The jobs that ran, in their order."""
    ran: list[jobs.Job] = []

    def work(until, job):
        ran.append(job)
        due.discard(job)
        return 1

    for job in JOBS:
        monkeypatch.setattr(job, "work", partial(work, job=job))
    return ran


def test_each_queue_runs_its_jobs_from_the_top(due, ran):
    due.update(JOBS)
    jobs.run(MAINTENANCE)
    assert ran == [WITHDRAW, PURGE, COMPARE]
    jobs.run(INDEX)
    assert ran[3:] == [jobs.PROJECT, EMBED, jobs.CALIBRATE, jobs.LABELS]
    jobs.run(MAINTENANCE)
    assert ran[7:] == [jobs.MAPS], "it had to wait for all above"
    jobs.run(INDEX)
    assert ran[8:] == [PARTS, jobs.QUALITY, jobs.SUSPECT]
    jobs.run(MAINTENANCE)
    assert ran[11:] == [jobs.READ], "it had to wait for all others"
    assert not jobs.is_work_due()


def test_nothing_that_needs_the_model_runs_while_it_is_chosen(due, ran, monkeypatch):
    due.update(JOBS)
    monkeypatch.setattr(model_choice, "is_settling", lambda: True)
    jobs.run(INDEX)
    assert ran == []


def test_parts_wait_for_all_due_work_but_not_for_removals(due):
    due.add(PARTS)
    assert not PARTS.must_wait()
    due.update({WITHDRAW, PURGE})
    assert not PARTS.must_wait()
    for job in (jobs.PROJECT, EMBED, jobs.CALIBRATE, COMPARE):
        due.add(job)
        assert PARTS.must_wait()
        assert PARTS.run() == 0
        due.discard(job)
    assert PARTS.run() == 1


def test_comparing_waits_for_indexing_in_this_process_only(due, monkeypatch):
    due.update({EMBED, COMPARE})
    assert not COMPARE.must_wait(), "another process may be the one that indexes"
    seen = []

    def embed(until):
        due.discard(EMBED)
        seen.extend([COMPARE.must_wait(), COMPARE.run(), jobs.is_work_due()])
        return 1

    monkeypatch.setattr(EMBED, "work", embed)
    assert EMBED.run() == 1
    assert seen == [True, 0, False]
    assert COMPARE.run() == 1


def test_a_more_urgent_job_ends_one_that_runs(due, monkeypatch):
    due.add(PARTS)
    asked = []

    def embed_parts(until):
        asked.append(until())
        due.add(EMBED)
        asked.append(until())
        return 1

    monkeypatch.setattr(PARTS, "work", embed_parts)
    PARTS.run()
    assert asked == [False, True]


def test_a_call_meanwhile_has_the_running_thread_look_once_more(due, monkeypatch):
    due.add(EMBED)
    done = []

    def embed(until):
        done.append(EMBED.run())
        if len(done) == 2:
            due.discard(EMBED)
        return 1

    monkeypatch.setattr(EMBED, "work", embed)
    assert EMBED.run() == 2
    assert done == [0, 0]


def test_an_outage_pauses_a_job_and_is_told(due, monkeypatch):
    due.add(COMPARE)
    tries = []

    def away(until):
        tries.append(True)
        raise IndexUnavailable("Nobody answers.")

    with monkeypatch.context() as patched:
        patched.setattr(COMPARE, "work", away)
        assert [COMPARE.run(), COMPARE.run()] == [0, 0]
    assert len(tries) == 1
    assert COMPARE.is_paused()
    assert not COMPARE.is_due()
    assert heartbeat.detail() == "Comparing photos has to wait. Nobody answers."
    COMPARE.resume()
    assert COMPARE.run() == 1
    assert heartbeat.detail() == ""


def test_parts_rest_when_there_are_none(due):
    assert not PARTS.is_due()
    due.add(PARTS)
    assert not PARTS.is_due(), "the question is expensive"
    PARTS.resume()
    assert PARTS.is_due()


def test_the_bell_rings_again_only_after_progress(due, monkeypatch):
    rung = []
    monkeypatch.setattr(doorbell, "ring", lambda: rung.append(True))
    monkeypatch.setattr(EMBED, "work", lambda until: 0)
    due.add(EMBED)
    jobs.run(INDEX)
    assert rung == [], "a full disk must not make a loop"
    due.add(jobs.PROJECT)
    jobs.run(INDEX)
    assert rung == [True]


def test_a_stop_ends_everything(due):
    due.update(JOBS)
    jobs.request_stop()
    assert [job.run() for job in JOBS] == [0] * len(JOBS)
    jobs.allow()
    assert WITHDRAW.run() == 1
