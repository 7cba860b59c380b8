"""What this worker says of itself, for the status page."""

from __future__ import annotations

import logging
import os
import socket
import time
from dataclasses import dataclass

from gallery.models import WorkerStatus
from workers import rate

logger = logging.getLogger(__name__)

IDLE_SECONDS = 10.0
BUSY_SECONDS = 2.0


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


def beat() -> None:
    """Write the report if it is due: every 10 s, or every 2 s when something is to be told."""
    global _written_at, _written
    speed = round(rate.photos_per_second(), 2)
    told = (report.model_key, report.device, report.device_reason, detail(), str(speed))
    wait = IDLE_SECONDS if told == _written else BUSY_SECONDS
    if time.monotonic() - _written_at < wait:
        return
    _written_at, _written = time.monotonic(), told
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
