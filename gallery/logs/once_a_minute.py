"""Lines of the log that every request would repeat are written once a minute."""

from __future__ import annotations

import threading
import time

SECONDS = 60.0


class OnceAMinute:
    """Says of a line whether it is due; threads may ask at the same time, and one is told yes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._written_at: dict[str, float] = {}

    def is_due(self, line: str) -> bool:
        """Return True, and count the line as written, unless it was within the last minute."""
        with self._lock:
            now = time.monotonic()
            if now - self._written_at.get(line, -SECONDS) < SECONDS:
                return False
            self._written_at[line] = now
            return True
