"""What a worker reports: its progress, its speed and its troubles.

The jobs page shows the heartbeat. The watchdog ends the process when claimed work makes no
progress: Celery has no time limits in its thread and solo pools, and Python cannot stop a thread.
A supervisor then restarts the process, and the leases of the stuck rows expire.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Any

from django.db import DatabaseError, close_old_connections, connections

from gallery import database_outages
from gallery.models import Embedding, EmbeddingModel, WorkerStatus, WorkKind
from gallery.sentences import joined, said_by
from search.vectors.embedders.device import gpu_memory
from workers import activity

logger = logging.getLogger(__name__)

IDLE_SECONDS = 10.0
BUSY_SECONDS = 2.0
STUCK_SECONDS = 120.0
EXIT_STATUS = 70  # EX_SOFTWARE of sysexits.h


@dataclass(kw_only=True)
class Report:
    """The queues that are served, the model at work, where it runs, and why there."""

    queues: str = ""
    model_key: str = ""
    device: str = ""
    device_reason: str = ""


report = Report()
_troubles: dict[str, str] = {}

_written_at = -IDLE_SECONDS
_written: dict[str, Any] = {}

_lock = threading.Lock()
_at_work = 0
_last_progress = monotonic()
_proven_at = -inf


# --- the heartbeat --------------------------------------------------------------------------------


def name() -> str:
    """Return the unique name of this process."""
    return f"{socket.gethostname()[:150]}:{os.getpid()}"


def tell(about: str, trouble: str | Exception) -> None:
    """Report a trouble in one sentence; an empty one says that all is well again.

    A trouble is logged once, when it begins or changes.
    """
    sentence = trouble if isinstance(trouble, str) else said_by(trouble)
    if sentence and _troubles.get(about) != sentence:
        logger.warning("%s", sentence)
    _troubles[about] = sentence


def detail() -> str:
    """Return all current troubles."""
    return joined(*_troubles.values())


def beat() -> None:
    """Write the report if it is due: every 10 s, or every 2 s when something changed."""
    global _written_at, _written
    used, memory = gpu_memory(report.device) or (None, None)
    told: dict[str, Any] = {
        "queues": report.queues,
        "model_key": report.model_key,
        "device": report.device[:50],
        "device_reason": report.device_reason,
        "detail": detail(),
        "photos_per_second": round(activity.rate(WorkKind.EMBED), 2),
        "decodes_per_second": round(activity.decoded.per_second(), 2),
        "gpu_used_bytes": used,
        "gpu_bytes": memory,
        "work": activity.report(),
    }
    wait = IDLE_SECONDS if told == _written else BUSY_SECONDS
    if monotonic() - _written_at >= wait:
        _written_at, _written = monotonic(), told
        WorkerStatus.objects.update_or_create(name=name(), defaults=told)
        _remember_speed()


def _remember_speed() -> None:
    """Keep how fast the model embeds on this machine, for estimates; only while photos wait."""
    rate = activity.steady_rate(WorkKind.EMBED)
    if rate and Embedding.objects.queued(Embedding.State.PENDING).exists():
        model = EmbeddingModel.objects.filter(key=report.model_key)
        model.update(photos_per_second=round(rate, 3))


def farewell() -> None:
    """Remove the row of a process that stops."""
    global _written_at, _written
    _written_at, _written = -IDLE_SECONDS, {}
    WorkerStatus.objects.filter(name=name()).delete()


class Heartbeat:
    """A thread that does nothing but beat, so that no work delays it, and watches over the process.

    It is for a process of its own: there, the process ends with the thread that works. `queues` are
    those that the process serves.
    """

    def __init__(self, queues: Iterable[str]) -> None:
        report.queues = ",".join(sorted(queues))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Beat from now on, and return at once."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Beat no more, and take the row of this process away."""
        self._stop.set()
        self._thread.join(timeout)
        with suppress(DatabaseError):
            farewell()

    def _beat_on(self) -> None:
        try:
            while not self._stop.is_set():
                self._beat_once()
                self._stop.wait(BUSY_SECONDS)
        finally:
            connections.close_all()

    def _beat_once(self) -> None:
        end_if_stuck()
        try:
            close_old_connections()
            beat()
        except DatabaseError as error:
            # The row says so by its age, and the next beat comes soon.
            if not database_outages.is_told(error):
                logger.warning("The heartbeat could not be written: %s", error)


# --- the proof that messages are taken ------------------------------------------------------------


def prove() -> None:
    """Report that a worker thread took or finished a message just now."""
    global _proven_at
    _proven_at = monotonic()


def forget_proof() -> None:
    """Ask for a new proof, because the threads are new."""
    global _proven_at
    _proven_at = -inf


def seconds_since_proof() -> float:
    """Return the age of the last proof, infinite without one."""
    return monotonic() - _proven_at


def seconds_since_progress() -> float:
    """Return how long ago a step of any job was finished."""
    return monotonic() - _last_progress


# --- the watchdog ---------------------------------------------------------------------------------


def progress() -> None:
    """Report that a step was finished just now."""
    global _last_progress
    _last_progress = monotonic()


@contextmanager
def working() -> Iterator[None]:
    """Mark claimed work. Loading a model may take long and does not count as such."""
    global _at_work
    progress()
    with _lock:
        _at_work += 1
    try:
        yield
    finally:
        with _lock:
            _at_work -= 1


def _exit() -> None:
    os._exit(EXIT_STATUS)


def end_if_stuck(limit: float = STUCK_SECONDS, exit_process: Callable[[], None] = _exit) -> None:
    """End the process if claimed work made no progress for longer than `limit` seconds."""
    stuck = monotonic() - _last_progress if _at_work else 0.0
    if stuck > limit:
        logger.critical("No progress for %.0f s while indexing; ending the process.", stuck)
        exit_process()
