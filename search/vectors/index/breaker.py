"""Keeps a server that hangs from taking every thread of this process.

A bulkhead: only some threads may wait for the server, so that others stay free for pages that do
not need it. A circuit breaker: after a call that got no answer for long, calls fail at once for a
while, until one of them is let through to try again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TypeVar

from django.utils.translation import gettext as _

from search.vectors.index import IndexUnavailable

T = TypeVar("T")

PLACES = 4
"""Calls at the same time; a web process has 8 threads."""
WAIT_SECONDS = 1.0
"""How long a call waits for a place. It waits no longer than the calls before it have taken."""
SLOW_SECONDS = 1.0
"""A call that failed after so long was not refused: the server hangs."""
OPEN_SECONDS = 3.0
"""How long calls fail at once, before one tries again."""


class Breaker:
    """Lets calls through to one server, a few at a time, and none while it hangs."""

    def __init__(self) -> None:
        self._places = threading.BoundedSemaphore(PLACES)
        self._guard = threading.Lock()
        self._began: list[float] = []
        self._closed_from = 0.0
        self._is_trying = False
        self._sentence = ""

    def run(self, call: Callable[[], T]) -> T:
        """Return what the call returns; raise `IndexUnavailable` if it may not begin."""
        with self._turn(), self._place():
            began = monotonic()
            try:
                result = call()
            except IndexUnavailable as error:
                self._note(str(error) if monotonic() - began > SLOW_SECONDS else "")
                raise
            self._note("")
            return result

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Raise while the circuit is open; let one call through when it is time to try again."""
        with self._guard:
            is_open = bool(self._sentence)
            if is_open and (self._is_trying or monotonic() < self._closed_from):
                raise IndexUnavailable(self._sentence)
            self._is_trying = is_open
        try:
            yield
        finally:
            if is_open:
                with self._guard:
                    self._is_trying = False

    def _note(self, sentence: str) -> None:
        """Open the circuit with the sentence that says why, or close it with none."""
        with self._guard:
            self._sentence = sentence
            self._closed_from = monotonic() + OPEN_SECONDS

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(timeout=self._patience()):
            raise IndexUnavailable(_("Too many searches wait for Qdrant. Try again in a moment."))
        began = monotonic()
        with self._guard:
            self._began.append(began)
        try:
            yield
        finally:
            with self._guard:
                self._began.remove(began)
            self._places.release()

    def _patience(self) -> float:
        """Return how long a call may wait for a place: not at all behind calls that hang."""
        with self._guard:
            oldest = min(self._began, default=monotonic())
        return max(0.0, WAIT_SECONDS - (monotonic() - oldest))


_breakers: dict[str, Breaker] = {}
_guard = threading.Lock()


def breaker_of(server: str) -> Breaker:
    """Return this process's breaker for a server, which all its collections share."""
    with _guard:
        return _breakers.setdefault(server, Breaker())
