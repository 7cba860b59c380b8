"""Whose turn it is at something slow that others wait for: nobody keeps all others waiting.

Whoever waits keeps a thread, of the web server as a rule, so only a few may, and briefly. People
take turns: the next turn goes to somebody who has the fewest, and a full line makes room for a
newcomer. Among those who have as many, whoever came first goes first.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

WAITING = 4
"""How many may wait in a process of 8 threads, so that others are left for pages."""
SECONDS = 5.0
AT_ONCE = 3
"""Pictures of one person that are read or wait to be. A viewer loads the next and the previous."""
HEADERS_AT_ONCE = 6
"""The same with reads of a header alone, which take milliseconds: programs upload in parallel."""


class NoTurn(Exception):
    """Too many are at work or wait; try again in a moment (HTTP 503 with Retry-After)."""


@dataclass(eq=False)
class _Ticket:
    asker: Hashable
    is_quick: bool
    has_turn: bool = False
    is_sent_away: bool = False


class Turns:
    """`size` may have a turn at a time, and `waiting` more may wait, each for `seconds`.

    There are `spare` more turns for what is quick, and for askers who have none. An asker has or
    waits for `at_once` turns at most, or `quick_at_once` with quick ones. Safe to use from many
    threads.
    """

    def __init__(
        self,
        size: int,
        waiting: int = WAITING,
        seconds: float = SECONDS,
        *,
        spare: int = 1,
        at_once: int = AT_ONCE,
        quick_at_once: int = HEADERS_AT_ONCE,
    ) -> None:
        self.most = size + spare
        self._size, self._waiting, self._seconds, self._spare = size, waiting, seconds, spare
        self._at_once, self._quick_at_once = at_once, quick_at_once
        self.is_closed = False
        self._changed = threading.Condition()
        self._tickets: list[_Ticket] = []

    @contextmanager
    def turn(self, asker: Hashable, *, is_quick: bool = False) -> Iterator[None]:
        """Wait for a turn and hold it. Raises NoTurn where that would take too long.

        `is_quick` says that it will take milliseconds.
        """
        ticket = _Ticket(asker, is_quick)
        with self._changed:
            self._join(ticket)
            try:
                self._wait(ticket)
            except BaseException:
                self._leave(ticket)
                raise
        try:
            yield
        finally:
            with self._changed:
                self._leave(ticket)

    def close(self) -> None:
        """Send away everybody who waits or comes later."""
        with self._changed:
            self.is_closed = True
            for ticket in self._waiting_tickets():
                ticket.is_sent_away = True
            self._changed.notify_all()

    def _join(self, ticket: _Ticket) -> None:
        if self.is_closed:
            raise NoTurn("there are no more turns")
        of_asker = [one.is_quick for one in self._tickets if one.asker == ticket.asker]
        slow = of_asker.count(False)
        has_slow = slow >= self._at_once and not ticket.is_quick
        if has_slow or len(of_asker) >= self._quick_at_once:
            raise NoTurn(f"{len(of_asker)} of the same asker are at work or wait")
        if len(self._tickets) >= self._size + self._waiting:
            self._make_room(ticket, len(of_asker))
        self._tickets.append(ticket)
        self._call_next()

    def _make_room(self, newcomer: _Ticket, of_newcomer: int) -> None:
        """Send away the last of who has most in a full line; raise NoTurn if nobody has more."""
        waiting = self._waiting_tickets()
        counts = Counter(one.asker for one in self._tickets if not one.is_sent_away)
        last = max(reversed(waiting), key=lambda one: counts[one.asker], default=None)
        if last is None or counts[last.asker] <= of_newcomer + 1:
            raise NoTurn(f"{len(waiting)} wait already")
        last.is_sent_away = True
        self._changed.notify_all()

    def _wait(self, ticket: _Ticket) -> None:
        def is_over() -> bool:
            return ticket.has_turn or ticket.is_sent_away

        if not self._changed.wait_for(is_over, self._seconds):
            raise NoTurn(f"nobody was done for {self._seconds:.0f} s")
        if ticket.is_sent_away:
            raise NoTurn("somebody else goes first")

    def _leave(self, ticket: _Ticket) -> None:
        self._tickets.remove(ticket)
        self._call_next()

    def _call_next(self) -> None:
        """Give turns to those who have the fewest, quick ones first, as long as there are any."""
        while True:
            running = Counter(one.asker for one in self._tickets if one.has_turn)
            free = self._size - running.total()
            spare = free + self._spare
            fit = [
                one
                for one in self._waiting_tickets()
                if (spare if one.is_quick or not running[one.asker] else free) > 0
            ]
            if not fit:
                break
            following = min(fit, key=lambda one: (running[one.asker], not one.is_quick))
            following.has_turn = True
        self._changed.notify_all()

    def _waiting_tickets(self) -> list[_Ticket]:
        return [one for one in self._tickets if not (one.has_turn or one.is_sent_away)]
