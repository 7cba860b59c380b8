"""How fast photos are embedded: the mean over the last seconds in which there was work."""

from __future__ import annotations

import threading
from collections import deque
from time import monotonic

WINDOW_SECONDS = 15.0

_lock = threading.Lock()
_done: deque[tuple[float, int]] = deque()


def add(photos: int) -> None:
    """Count photos that have just been embedded."""
    with _lock:
        _done.append((monotonic(), photos))


def photos_per_second() -> float:
    """Return the mean of the window, 0.0 when nothing was done in it."""
    now = monotonic()
    with _lock:
        while _done and now - _done[0][0] > WINDOW_SECONDS:
            _done.popleft()
        if len(_done) < 2:
            return 0.0
        # The first batch marks the beginning: when its own work began is not known.
        photos = sum(count for _, count in _done) - _done[0][1]
        return photos / max(now - _done[0][0], 0.001)
