"""What this worker says of itself, for the status page."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass

from gallery.models import WorkerStatus
from workers import rate

IDLE_SECONDS = 10.0
BUSY_SECONDS = 2.0


@dataclass
class Report:
    """The present device, model and trouble; `detail` is one sentence, empty when all is well."""

    model_key: str = ""
    device: str = ""
    device_reason: str = ""
    detail: str = ""


report = Report()

_written_at = -IDLE_SECONDS
_written: tuple[str, ...] = ()


def name() -> str:
    """Return what tells this process from others."""
    return f"{socket.gethostname()[:150]}:{os.getpid()}"


def beat() -> None:
    """Write the report if it is due: every 10 s, or every 2 s when something is to be told."""
    global _written_at, _written
    speed = round(rate.photos_per_second(), 2)
    told = (report.model_key, report.device, report.device_reason, report.detail, str(speed))
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
            "detail": report.detail[:300],
            "photos_per_second": speed,
        },
    )


def farewell() -> None:
    """Remove the row of a process that stops."""
    global _written_at, _written
    _written_at, _written = -IDLE_SECONDS, ()
    WorkerStatus.objects.filter(name=name()).delete()
