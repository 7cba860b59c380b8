"""What this process says of itself: its progress, its speed, and what is wrong.

The status page shows the heartbeat. The watchdog ends the process when work that was begun makes no
progress: Celery's time limits do not exist in its thread and solo pools, and no thread can be
stopped from outside. A supervisor restarts the process, and the leases of the stuck rows run out.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

from gallery.models import WorkerStatus

logger = logging.getLogger(__name__)

IDLE_SECONDS = 10.0
BUSY_SECONDS = 2.0
WINDOW_SECONDS = 15.0
"""The speed is the mean over so many last seconds in which there was work."""
STUCK_SECONDS = 120.0
EXIT_STATUS = 70  # EX_SOFTWARE of sysexits.h


@dataclass
class Report:
    """The model at work, where it runs, and why there."""

    model_key: str = ""
    device: str = ""
    device_reason: str = ""


report = Report()
_troubles: dict[str, str] = {}

_written_at = -IDLE_SECONDS
_written: tuple[str, ...] = ()

_lock = threading.Lock()
_embedded: deque[tuple[float, int]] = deque()
_at_work = 0
_last_progress = monotonic()


# --- the status page ------------------------------------------------------------------------------


def name() -> str:
    """Return what tells this process from others."""
    return f"{socket.gethostname()[:150]}:{os.getpid()}"


def tell(about: str, sentence: str) -> None:
    """Remember what is wrong with one thing, in a sentence; an empty one says all is well.

    A trouble is logged when it begins or changes, however often it is told.
    """
    if sentence and _troubles.get(about) != sentence:
        logger.warning("%s", sentence)
    _troubles[about] = sentence


def detail() -> str:
    """Return all present troubles."""
    return " ".join(sentence for sentence in list(_troubles.values()) if sentence)


def count_embedded(photos: int) -> None:
    """Count photos that have just been embedded."""
    with _lock:
        _embedded.append((monotonic(), photos))


def photos_per_second() -> float:
    """Return the mean speed of embedding, 0.0 when nothing was embedded lately."""
    now = monotonic()
    with _lock:
        while _embedded and now - _embedded[0][0] > WINDOW_SECONDS:
            _embedded.popleft()
        if len(_embedded) < 2:
            return 0.0
        # The first batch marks the beginning: when its own work began is not known.
        photos = sum(count for _, count in _embedded) - _embedded[0][1]
        return photos / max(now - _embedded[0][0], 0.001)


def beat() -> None:
    """Write the report if it is due: every 10 s, or every 2 s when something changed."""
    global _written_at, _written
    speed = round(photos_per_second(), 2)
    told = (report.model_key, report.device, report.device_reason, detail(), str(speed))
    wait = IDLE_SECONDS if told == _written else BUSY_SECONDS
    if monotonic() - _written_at < wait:
        return
    _written_at, _written = monotonic(), told
    WorkerStatus.objects.update_or_create(
        name=name(),
        defaults={
            "model_key": report.model_key,
            "device": report.device[:50],
            "device_reason": report.device_reason[:300],
            "detail": detail()[:300],
            "photos_per_second": speed,
        },
    )


def farewell() -> None:
    """Remove the row of a process that stops."""
    global _written_at, _written
    _written_at, _written = -IDLE_SECONDS, ()
    WorkerStatus.objects.filter(name=name()).delete()


# --- the watchdog ---------------------------------------------------------------------------------


def progress() -> None:
    """Say that something was finished just now."""
    global _last_progress
    _last_progress = monotonic()


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
    return monotonic() - _last_progress if _at_work else 0.0


def _exit() -> None:
    os._exit(EXIT_STATUS)


def end_if_stuck(limit: float = STUCK_SECONDS, exit_process: Callable[[], None] = _exit) -> None:
    """End the process if its work is stuck for longer than `limit` seconds."""
    stuck = stuck_seconds()
    if stuck > limit:
        logger.critical("No progress for %.0f s while indexing; ending the process.", stuck)
        exit_process()
