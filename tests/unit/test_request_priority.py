"""Long work waits for requests, but never for long."""

from __future__ import annotations

import threading
import time

import pytest
from django.core.signals import request_finished, request_started

from gallery import request_priority


@pytest.fixture
def request_at_work():
    # Not sent through the signals: others close database connections upon them.
    request_priority._begin()
    yield
    request_priority._end()


def waited() -> float:
    started = time.monotonic()
    request_priority.yield_to_requests()
    return time.monotonic() - started


@pytest.fixture
def much_patience(monkeypatch):
    monkeypatch.setattr(request_priority, "PATIENCE_SECONDS", 30.0)


@pytest.mark.usefixtures("much_patience")
def test_nothing_is_waited_for_without_requests():
    assert waited() < 10


@pytest.mark.usefixtures("request_at_work")
def test_a_request_is_waited_for_but_not_for_long():
    assert 0.03 < waited() < 10


@pytest.mark.usefixtures("request_at_work", "much_patience")
def test_a_request_that_takes_long_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(request_priority, "LONG_SECONDS", 0.0)
    assert waited() < 10


@pytest.mark.usefixtures("much_patience")
def test_the_work_goes_on_when_the_request_ends():
    request_priority._begin()
    threading.Timer(0.05, request_priority._end).start()
    assert 0.02 < waited() < 10


def test_requests_are_counted():
    for signal in (request_started, request_finished):
        assert "gallery.request_priority" in {str(key[0][0]) for key in signal.receivers}
