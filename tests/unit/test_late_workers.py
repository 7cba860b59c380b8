"""The workers of `serve` start after the first page, and end whenever they are asked to."""

from __future__ import annotations

import threading

import pytest
from django.core.signals import request_finished
from django.db import close_old_connections

from gallery import late_workers
from gallery.late_workers import LateWorkers

SOON = 60.0


@pytest.fixture(autouse=True)
def _connections_stay():
    """Let the end of a request leave connections alone, which tests before may have opened."""
    request_finished.disconnect(close_old_connections)
    yield
    request_finished.connect(close_old_connections)


class Workers:
    """Workers that only count what is asked of them."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.asked_to_stop = self.stopped = 0

    def start(self):
        self.started.set()

    def request_stop(self):
        self.asked_to_stop += 1

    def stop(self, timeout):
        self.stopped += 1


def test_they_start_when_a_page_is_out(monkeypatch):
    monkeypatch.setattr(late_workers, "HEAD_START", 3600)
    workers = Workers()
    late = LateWorkers(lambda: workers, pytest.fail)
    late.start()
    assert not workers.started.wait(0.1)
    request_finished.send(sender=None)
    assert workers.started.wait(SOON)
    late.stop(SOON)
    assert (workers.asked_to_stop, workers.stopped) == (1, 1)


def test_they_start_although_nobody_asks(monkeypatch):
    monkeypatch.setattr(late_workers, "HEAD_START", 0.05)
    workers = Workers()
    late = LateWorkers(lambda: workers, pytest.fail)
    late.start()
    assert workers.started.wait(SOON)
    late.stop(SOON)
    assert workers.stopped == 1


def test_a_stop_before_the_first_page_starts_nothing(monkeypatch):
    monkeypatch.setattr(late_workers, "HEAD_START", 3600)
    late = LateWorkers(pytest.fail, pytest.fail)
    late.start()
    late.request_stop()
    late.stop(SOON)


def test_a_start_that_fails_ends_the_server_with_the_error(monkeypatch, caplog):
    monkeypatch.setattr(late_workers, "HEAD_START", 0.05)
    ended = threading.Event()

    def fail():
        raise OSError("no threads left")

    late = LateWorkers(fail, ended.set)
    late.start()
    assert ended.wait(SOON)
    with pytest.raises(OSError, match="no threads left"):
        late.stop(SOON)
    assert "could not be started" in caplog.text


def test_a_stop_while_they_are_made_starts_nothing(monkeypatch):
    monkeypatch.setattr(late_workers, "HEAD_START", 0.05)
    workers, made, may_go_on = Workers(), threading.Event(), threading.Event()

    def make():
        made.set()
        assert may_go_on.wait(SOON)
        return workers

    late = LateWorkers(make, pytest.fail)
    late.start()
    assert made.wait(SOON)
    late.request_stop()
    may_go_on.set()
    late.stop(SOON)
    assert not workers.started.is_set()


def test_a_start_that_breaks_off_is_asked_to_stop_and_raises(monkeypatch, caplog):
    monkeypatch.setattr(late_workers, "HEAD_START", 0.05)
    workers, ended = Workers(), threading.Event()

    def break_off():
        raise OSError("half way")

    workers.start = break_off
    late = LateWorkers(lambda: workers, ended.set)
    late.start()
    assert ended.wait(SOON)
    with pytest.raises(OSError, match="half way"):
        late.stop(SOON)
    assert (workers.asked_to_stop, workers.stopped) == (1, 0)
    assert "could not be started" in caplog.text


def test_pages_know_that_they_are_still_to_start(monkeypatch):
    monkeypatch.setattr(late_workers, "HEAD_START", 3600)
    workers = Workers()
    late = LateWorkers(lambda: workers, pytest.fail)
    assert not late_workers.are_starting()
    late.start()
    assert late_workers.are_starting()
    request_finished.send(sender=None)
    assert workers.started.wait(SOON)
    late.stop(SOON)
    assert not late_workers.are_starting()
