"""Ends the process when work that was begun makes no progress.

Celery's time limits do not exist in its thread and solo pools, and no thread can be stopped from
outside. A supervisor restarts the process, and the leases of the stuck rows run out.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)

LIMIT_SECONDS = 120.0
EXIT_STATUS = 70  # EX_SOFTWARE of sysexits.h

_lock = threading.Lock()
_at_work = 0
_last_progress = time.monotonic()


def progress() -> None:
    """Say that something was finished just now."""
    global _last_progress
    _last_progress = time.monotonic()


@contextmanager
def working() -> Iterator[None]:
    """Hold while rows are claimed. Loading a model is no claimed work and may take long."""
    global _at_work
    progress()
    with _lock:
        _at_work += 1
    try:
        yield
    finally:
        with _lock:
            _at_work -= 1


def stuck_seconds() -> float:
    """Return for how long claimed work has made no progress; 0 when there is none."""
    return time.monotonic() - _last_progress if _at_work else 0.0


def _exit() -> None:
    os._exit(EXIT_STATUS)


def check(limit: float = LIMIT_SECONDS, exit_process: Callable[[], None] = _exit) -> None:
    """End the process if its work is stuck for longer than `limit` seconds."""
    stuck = stuck_seconds()
    if stuck > limit:
        logger.critical("No progress for %.0f s while indexing; ending the process.", stuck)
        exit_process()
