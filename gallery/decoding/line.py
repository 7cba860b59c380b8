"""The waiting line in front of the children: short, first come first served."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from gallery.decoding.errors import PoolBusy, PoolClosed


class Line:
    """Lets at most `size` callers in at a time, and at most `limit` more wait for their turn."""

    def __init__(self, size: int, limit: int, seconds: float) -> None:
        self._free = size
        self._limit = limit
        self._seconds = seconds
        self._closed = False
        self._changed = threading.Condition()
        self._tickets: deque[object] = deque()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn and hold it. Raises PoolBusy (line full or slow) and PoolClosed."""
        self._enter()
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()

    def close(self) -> None:
        """Send everyone who waits away, and all who come later."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def _enter(self) -> None:
        ticket = object()
        with self._changed:
            if self._closed:
                raise PoolClosed
            if len(self._tickets) >= self._limit + self._free:
                raise PoolBusy(f"{len(self._tickets)} pictures wait already")
            self._tickets.append(ticket)
            try:
                self._wait(ticket)
                self._free -= 1
            finally:
                self._tickets.remove(ticket)
                self._changed.notify_all()

    def _wait(self, ticket: object) -> None:
        def my_turn() -> bool:
            return self._closed or (self._free > 0 and self._tickets[0] is ticket)

        if not self._changed.wait_for(my_turn, self._seconds):
            raise PoolBusy(f"no child was free for {self._seconds:.0f} s")
        if self._closed:
            raise PoolClosed
