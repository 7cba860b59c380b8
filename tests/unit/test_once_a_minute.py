"""A line that many threads want to write at once is written once."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from gallery.logs.once_a_minute import SECONDS, OnceAMinute


@pytest.fixture
def hasty():
    """Threads take turns so often that a race is lost at once."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_of_many_threads_one_writes(hasty):
    lines, barrier = OnceAMinute(), Barrier(8)

    def ask(turn: int) -> bool:
        barrier.wait(10)
        return lines.is_due(str(turn))

    with ThreadPoolExecutor(8) as pool:
        for turn in range(200):
            assert sum(pool.map(ask, [turn] * 8)) == 1


def test_a_line_is_due_again_after_a_minute(monkeypatch):
    lines, now = OnceAMinute(), time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert lines.is_due("gone")
    assert not lines.is_due("gone")
    assert lines.is_due("away")
    now += SECONDS
    assert lines.is_due("gone")
