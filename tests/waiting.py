"""Waits for what another process or thread will have done in a moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def wait_until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Return once the condition is true; fail if that takes too long."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


@contextmanager
def threads_end(name: str) -> Iterator[None]:
    """Wait at the end until no thread is left that began meanwhile and whose name begins so.

    One that outlives its test would write into the database of the next.
    """
    before = set(threading.enumerate())
    yield
    wait_until(
        lambda: (
            not [
                one
                for one in threading.enumerate()
                if one.name.startswith(name) and one not in before
            ]
        )
    )
