"""Ends a server whose receiving thread hangs, where no supervisor would notice."""

from __future__ import annotations

import logging
import os
import threading

logger = logging.getLogger(__name__)

SILENT_SECONDS = 120
"""As long as a supervisor waits. Disks that sleep, and backups that freeze a disk, are faster."""
_ROUND_SECONDS = 1.0


class Watchdog:
    """A thread that ends this process with status 1 once `beat` was not called for too long.

    It counts its own rounds instead of reading a clock: a process that was frozen as a whole, by
    `docker pause` or a debugger, did not hang.
    """

    def __init__(self) -> None:
        self._silent = 0
        self._stopped = threading.Event()

    def start(self) -> None:
        """Start to watch, and return at once."""
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def beat(self) -> None:
        """Note that the receiving thread lives."""
        self._silent = 0

    def stop(self) -> None:
        """Watch no more."""
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(_ROUND_SECONDS):
            self._silent += 1
            if self._silent > SILENT_SECONDS:
                logger.critical(
                    "The web server has received nothing for %d s and ends, so that it can be "
                    "started again. Look whether the disk of UPLOAD_TMP_DIR hangs.",
                    SILENT_SECONDS,
                )
                os._exit(1)
