"""Requests go first: long work in the web server's process waits while one is answered.

Python runs one thread at a time, and a request gives up its turn hundreds of times. Without this a
search would wait a few milliseconds to get each of them back. Where no requests are answered, as
in a separate worker process, nothing ever waits. Threads that compute also run at the lowest
priority: a query's 99th percentile while indexing falls from more than a second to tens of
milliseconds, without any loss of indexing speed.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from typing import Any

from django.core.signals import request_finished, request_started

PATIENCE_SECONDS = 0.05
"""How long one step of the work waits at most, so that it goes on under any traffic."""

LONG_SECONDS = 2.0
"""When the last request began so long ago, those at work are uploads or downloads."""

LOWEST_PRIORITY = 19

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


def lower_thread_priority() -> None:
    """Lower the calling thread's priority; on Linux niceness belongs to a thread.

    Threads that this one starts inherit it, the compute threads of the model among them.
    Elsewhere niceness belongs to the whole process, so there nothing is changed.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST_PRIORITY)


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
