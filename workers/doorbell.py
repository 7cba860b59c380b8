"""Ringing for the workers when the gallery changed. A bell that fails costs nothing but time."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from django.conf import settings

from gallery.signals import photos_changed

log = logging.getLogger(__name__)

SILENCE = 30.0  # seconds without ringing after the broker could not be reached

_lock = threading.Lock()
_silent_until = 0.0
failures = 0
listening = False
"""Whether a worker of this very process listens; set by the embedded one."""


def connect() -> None:
    """Listen to the gallery's signal."""
    photos_changed.connect(_on_change, dispatch_uid="workers.doorbell")


def _on_change(**kwargs: Any) -> None:
    ring()


def ring() -> bool:
    """Say that there is work; return whether the broker took it. Never raises.

    After a failure the bell stays silent for a while, so that uploads do not wait for a broker
    that is away; the workers look for work by themselves in the meantime.
    """
    global _silent_until, failures
    if not (settings.REDIS_URL or listening):
        # A management command: the running gallery looks for work by itself.
        return False
    with _lock:
        if time.monotonic() < _silent_until:
            return False
    try:
        from workers import tasks

        tasks.index_pending.apply_async(retry=False)
        tasks.purge_deleted.apply_async(retry=False)
    except Exception as error:  # noqa: BLE001 - whatever a broker raises, the upload has succeeded
        with _lock:
            _silent_until = time.monotonic() + SILENCE
            failures += 1
        log.warning("The broker cannot be reached, workers will look by themselves: %s", error)
        return False
    return True
