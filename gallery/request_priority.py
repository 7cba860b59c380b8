"""Requests go first: long work in the web server's process stands aside while one is answered.

Python runs one thread at a time, and a request gives up and wants back its turn hundreds of times:
without this a search would wait a few milliseconds for each of them. Where no requests are
answered, as in a worker of its own, nothing is ever waited for.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from django.core.signals import request_finished, request_started

PATIENCE_SECONDS = 0.05
"""How long one step of the work waits at most, so that it goes on under any traffic."""

LONG_SECONDS = 2.0
"""When the last request began so long ago, those at work are uploads or downloads."""

_lock = threading.Lock()
_free = threading.Event()
_free.set()
_answering = 0
_began_at = 0.0


def connect() -> None:
    """Count the requests of this process from now on."""
    request_started.connect(_begin, dispatch_uid="gallery.request_priority")
    request_finished.connect(_end, dispatch_uid="gallery.request_priority")


def yield_to_requests() -> None:
    """Wait until no request is being answered, or for `PATIENCE_SECONDS`."""
    if not _free.is_set() and time.monotonic() - _began_at < LONG_SECONDS:
        _free.wait(PATIENCE_SECONDS)


def _begin(**kwargs: Any) -> None:
    global _answering, _began_at
    with _lock:
        _answering += 1
        _began_at = time.monotonic()
        _free.clear()


def _end(**kwargs: Any) -> None:
    global _answering
    with _lock:
        _answering = max(0, _answering - 1)
        if not _answering:
            _free.set()
