"""Measures how much disk space the gallery takes, now and then, in a thread of its own.

It is no job of `workers.jobs`: walking over millions of files takes minutes on a slow disk.
"""

from __future__ import annotations

import logging
import threading

from django.db import close_old_connections, connections

from gallery import database_outages, space
from gallery.request_priority import lower_thread_priority

logger = logging.getLogger(__name__)

LOOK_SECONDS = 60.0
BEGIN_SECONDS = 5.0


class SpaceFigures:
    """Looks every minute whether the figures are due, until it is stopped."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="space", daemon=True)

    def start(self) -> None:
        """Start and return at once."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """End within a moment; what was measured is measured anew at the next start."""
        self._stop.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        lower_thread_priority()
        try:
            wait = BEGIN_SECONDS
            while not self._stop.wait(wait):
                self._look()
                wait = LOOK_SECONDS
        finally:
            connections.close_all()

    def _look(self) -> None:
        try:
            close_old_connections()
            if space.is_due():
                space.measure(self._stop.is_set)
        except space.Stopped:
            return
        except Exception as error:
            # Nobody would start this thread again.
            if not database_outages.is_told(error):
                logger.exception("Measuring the space failed and is tried again.")
