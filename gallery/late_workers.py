"""Starts the workers of `serve` when the first page is out.

Importing what they need takes a quarter of a second, and loading the model holds Python's lock for
seconds. Whoever opens the gallery at once would wait for both.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Protocol

from django.core.signals import request_finished

HEAD_START = 0.5
"""Seconds after which the workers start although nobody asked for a page."""

logger = logging.getLogger(__name__)
_starting = threading.Event()


class Workers(Protocol):
    """All work that is done beside requests."""

    def start(self) -> None:
        """Start everything and return at once."""

    def request_stop(self) -> None:
        """Make all work end after its current step; a signal handler may ask for it."""

    def stop(self, timeout: float) -> None:
        """End everything within so many seconds."""


class LateWorkers:
    """`Workers` that `make` makes and starts in a thread, `HEAD_START` after the server.

    If that fails, `failed` is called, and `stop` raises the error.
    """

    def __init__(self, make: Callable[[], Workers], failed: Callable[[], object]) -> None:
        self._make, self._failed = make, failed
        self._workers: Workers | None = None
        self._error: Exception | None = None
        self._stopping = False
        self._page_is_out = threading.Event()
        self._thread = threading.Thread(target=self._begin, name="start-workers", daemon=True)

    def start(self) -> None:
        """Begin to wait for the first page."""
        _starting.set()
        request_finished.connect(self._tell, dispatch_uid="gallery.late_workers")
        self._thread.start()

    def request_stop(self) -> None:
        """Start nothing any more, or make all work end after its current step."""
        self._stopping = True
        self._page_is_out.set()
        if self._workers is not None:
            self._workers.request_stop()

    def stop(self, timeout: float) -> None:
        """End everything within so many seconds; raise what went wrong at the start."""
        self.request_stop()
        self._thread.join(timeout)
        if self._error is not None:
            raise self._error
        if self._workers is not None:
            self._workers.stop(timeout)

    def _tell(self, **kwargs: Any) -> None:
        self._page_is_out.set()

    def _begin(self) -> None:
        self._page_is_out.wait(HEAD_START)
        request_finished.disconnect(dispatch_uid="gallery.late_workers")
        try:
            if self._stopping:
                return
            workers = self._make()
            if self._stopping:
                return
            self._workers = workers
            workers.start()
        except Exception as error:
            logger.exception("The workers could not be started.")
            self._error = error
            self._failed()
        finally:
            _starting.clear()


def are_starting() -> bool:
    """Tell whether the workers of this process have still to start."""
    return _starting.is_set()
