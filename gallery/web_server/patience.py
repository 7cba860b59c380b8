"""How long the server waits for a client. All times are monotonic seconds.

Whoever is slow on purpose sends a little again and again, so silence alone says nothing: a deadline
for headers, and a lowest speed for bodies and answers, are what a client cannot prolong.
"""

from __future__ import annotations

HEADER_SECONDS = 15.0
"""From the first byte of a request (on a new connection, from its opening) to the end of its
headers. They take one packet or two, which even a lost one delays by a few seconds only."""
IDLE_SECONDS = 60.0
"""Between two requests of a connection."""
WINDOW_SECONDS = 60.0
WINDOW_BYTES = 30_000
"""What must move in every window while a body is received or an answer sent: 0.5 kB/s. A phone at
4 kB/s may be silent for 52 seconds of it, in a tunnel for example."""


class Pace:
    """Whether what has to move does move; `keeps` is called again and again while it has to."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._moved = 0

    def rest(self) -> None:
        """Note that nothing has to move now."""
        self._since = None

    def keeps(self, now: float, moved: int) -> bool:
        """Tell whether the client is fast enough; `moved` counts all bytes of the connection."""
        if self._since is None:
            self._since, self._moved = now, moved
        if now - self._since < WINDOW_SECONDS:
            return True
        is_fast = moved - self._moved >= WINDOW_BYTES
        self._since, self._moved = now, moved
        return is_fast
