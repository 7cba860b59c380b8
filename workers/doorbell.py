"""Tells the workers that there is work, without delaying the caller.

A thread sends the messages, so a broker that is down or does not respond does not slow down a
request, and many rings become one message. If a ring is lost, the workers' own rounds find the
work.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from django.conf import settings

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 5.0
"""Wait after the broker failed; only the ringing thread waits."""

TASKS = ("workers.index_pending", "workers.purge_deleted", "workers.compare_photos")
"""The names of the tasks, so that a process that only rings need not import the work."""

failures = 0
"""Rings that did not reach the broker since this process started."""

_pulled = threading.Event()
_lock = threading.Lock()
_ringer: threading.Thread | None = None
_listening = False
_is_away = False


def listen(*, listening: bool) -> None:
    """Set whether workers run in this process, which read an in-memory broker."""
    global _listening
    _listening = listening


def ring(**signal: Any) -> None:
    """Wake the workers soon, also as a receiver of a signal; returns at once and never raises."""
    if not _is_heard():
        # The gallery runs in another process, or not at all; its workers look on their own.
        return
    _pulled.set()
    _ensure_ringer()


def is_broker_away() -> bool:
    """Tell whether the last message of this process did not reach the broker."""
    return _is_away


def _is_heard() -> bool:
    return bool(settings.REDIS_URL) or _listening


def _ensure_ringer() -> None:
    """Start the sending thread once per process, since it is not alive after a fork."""
    global _ringer
    with _lock:
        if _ringer is None or not _ringer.is_alive():
            _ringer = threading.Thread(target=_ring_for_ever, name="doorbell", daemon=True)
            _ringer.start()


def _ring_for_ever() -> None:
    while True:
        _pulled.wait()
        _pulled.clear()
        if _is_heard() and not _send():
            time.sleep(PAUSE_SECONDS)
            _pulled.set()


def _send() -> bool:
    """Send one message per task; return whether the broker took them."""
    global failures, _is_away
    from workers.celery import app

    try:
        for name in TASKS:
            app.send_task(name, retry=False, ignore_result=True)
    except Exception as error:  # noqa: BLE001 - the thread lives on whatever a broker raises
        if not _is_away:
            logger.warning("The broker cannot be reached, ringing goes on: %s", error)
        failures += 1
        _is_away = True
        return False
    _is_away = False
    return True
