"""What this process is at, by kind of work, and how fast: the heartbeat carries it to the page."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from gallery.models import WorkKind

WINDOW_SECONDS = 45.0
"""The rate is the mean over the last seconds with work: several batches, on a slow CPU too."""
LONG_WINDOW_SECONDS = 120.0
"""The same for work that comes in bursts, with rests between."""
STEADY = 16
_IN_BURSTS = frozenset({WorkKind.MAPS, WorkKind.PARTS, WorkKind.QUALITY, WorkKind.READ})


class Speed:
    """Counts things that are done, and tells how many of them were done in a second."""

    def __init__(self, window: float = WINDOW_SECONDS) -> None:
        self._window = window
        self._lock = threading.Lock()
        self._done: deque[tuple[float, int]] = deque()

    def count(self, number: int) -> None:
        """Add what has just been done."""
        with self._lock:
            self._done.append((monotonic(), number))

    def per_second(self) -> float:
        """Return the mean over the last seconds with work, 0.0 if nothing was done recently."""
        now = monotonic()
        with self._lock:
            while self._done and now - self._done[0][0] > self._window:
                self._done.popleft()
            if len(self._done) < 2:
                return 0.0
            # The first entry only marks the start, since it is unknown when its own work began.
            number = sum(number for _, number in self._done) - self._done[0][1]
            return number / max(now - self._done[0][0], 0.001)

    def number(self) -> int:
        """Return how many things the rate is the mean of."""
        with self._lock:
            return sum(number for _, number in self._done)

    def clear(self) -> None:
        """Forget what was counted."""
        with self._lock:
            self._done.clear()


decoded = Speed()
"""Pictures that were read to be embedded."""

_lock = threading.Lock()
_at_work: Counter[WorkKind] = Counter()
_speeds = {
    kind: Speed(LONG_WINDOW_SECONDS if kind in _IN_BURSTS else WINDOW_SECONDS) for kind in WorkKind
}


@contextmanager
def at(kind: WorkKind) -> Iterator[None]:
    """Say that a thread of this process works on this kind."""
    with _lock:
        _at_work[kind] += 1
    try:
        yield
    finally:
        with _lock:
            _at_work[kind] -= 1


def count(kind: WorkKind, number: int) -> None:
    """Add things of a kind that have just been done."""
    _speeds[kind].count(number)


def rate(kind: WorkKind) -> float:
    """Return the mean rate in things a second, 0.0 if nothing was done recently."""
    return _speeds[kind].per_second()


def steady_rate(kind: WorkKind) -> float:
    """Return the rate if it is the mean of many things, else 0.0: pauses count in that of few."""
    speed = _speeds[kind]
    rate = speed.per_second()
    return rate if speed.number() >= STEADY else 0.0


def report() -> dict[str, tuple[bool, float]]:
    """Return whether this process is at work and its rate, for each kind with either of them."""
    told = {kind.value: (_at_work[kind] > 0, round(rate(kind), 2)) for kind in WorkKind}
    return {kind: state for kind, state in told.items() if any(state)}


def forget() -> None:
    """Forget all that was counted, as a new process would."""
    for speed in (decoded, *_speeds.values()):
        speed.clear()
