"""What this worker says of itself, and the watchdog that ends a process which hangs."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError

from gallery.models import WorkerStatus

log = logging.getLogger(__name__)

HANG_SECONDS = 120.0
HANG_EXIT = 70  # EX_SOFTWARE of sysexits.h
WRITE_EVERY = 2.0
_WINDOW = 30.0  # seconds over which the rate is taken

_lock = threading.Lock()
_finished: deque[tuple[float, float, int]] = deque(maxlen=400)
_batch_since: float | None = None
_detail = ""
_written = 0.0
_model: dict[str, str] = {}


def name() -> str:
    """Return what tells this process from others on the status page."""
    return f"{socket.gethostname()}:{os.getpid()}"


def describe(model_key: str, device: str, device_reason: str) -> None:
    """Remember the model and device at work, and write them down."""
    with _lock:
        _model.update(model_key=model_key, device=device[:50], device_reason=device_reason[:300])
    beat(force=True)


def say(sentence: str) -> None:
    """Remember why no work is done now; logged when it changes."""
    global _detail
    with _lock:
        changed, _detail = _detail != sentence, sentence
    if changed:
        log.warning("%s", sentence)


@contextmanager
def batch(photos: int) -> Iterator[None]:
    """Time a batch for the rate; a batch that never ends is noticed by the watchdog."""
    global _batch_since, _detail
    started = time.monotonic()
    with _lock:
        _batch_since = started
    try:
        yield
    finally:
        with _lock:
            _batch_since = None
            _detail = ""
            _finished.append((started, time.monotonic(), photos))
    beat()


def rate() -> float:
    """Return the photos a second of the last half minute's batches, 0 when there were none."""
    now = time.monotonic()
    recent = [entry for entry in list(_finished) if now - entry[1] < _WINDOW]
    if not recent:
        return 0.0
    span = recent[-1][1] - recent[0][0]
    return sum(photos for _, _, photos in recent) / max(span, 0.05)


def beat(*, force: bool = False) -> None:
    """Write the status row, at most every two seconds; a database that is busy may miss one."""
    global _written
    with _lock:
        if not force and time.monotonic() - _written < WRITE_EVERY:
            return
        _written = time.monotonic()
        fields = {**_model, "photos_per_second": round(rate(), 2), "detail": _detail[:300]}
    try:
        WorkerStatus.objects.update_or_create(name=name(), defaults=fields)
    except DatabaseError as error:
        log.info("The heartbeat could not be written: %s", error)


def beat_every(seconds: float) -> None:
    """Write the status row when the last one is older than `seconds`."""
    if time.monotonic() - _written > seconds:
        beat(force=True)


def bite_if_hanging() -> None:
    """End the process when a batch made no progress for two minutes; a restart takes it up again.

    Threads cannot be killed, and time limits do not exist in thread and solo pools.
    """
    with _lock:
        since = _batch_since
    if since is not None and time.monotonic() - since > HANG_SECONDS:
        log.critical("A batch has hung for %d s; the process ends itself.", HANG_SECONDS)
        os._exit(HANG_EXIT)


def farewell() -> None:
    """Remove the status row of a process that stops."""
    try:
        WorkerStatus.objects.filter(name=name()).delete()
    except DatabaseError:
        return
