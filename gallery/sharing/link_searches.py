"""How often may be searched through a link: whoever has one is unknown, and searches cost.

Each search embeds a text and asks the index. A person who looks around stays far below the limits,
and so does a family behind one address.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter

from django.utils.translation import gettext as _

from gallery.models import ShareLink
from gallery.user_errors import UserError

WINDOW = 60
"""Seconds in which searches are counted."""
FROM_ONE_ADDRESS = 30
OF_ONE_LINK = 120
"""From all addresses together."""


class TooManySearches(UserError):
    """Too many searches through a link; `retry_seconds` says when the next one is answered."""

    code = "too_many_requests"
    status = 429

    def __init__(self, seconds: int) -> None:
        super().__init__(_("Too many searches. Wait a minute and try again."))
        self.retry_seconds = str(seconds)


class _Searches:
    """The searches of the minute at hand, in this process; each minute begins with none.

    A cache would throw counts out to make room for those of an attacker.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._window = 0
        self._counts: Counter[tuple[uuid.UUID, str]] = Counter()

    def admit(self, window: int, link: uuid.UUID, address: str) -> bool:
        """Count one more, and tell whether it is answered.

        One that is refused its address does not count for the link: nobody can use up what is left
        for the others.
        """
        with self._lock:
            if window != self._window:
                self._window = window
                self._counts.clear()
            for who, most in ((address, FROM_ONE_ADDRESS), ("", OF_ONE_LINK)):
                if self._counts[link, who] >= most:
                    return False
                self._counts[link, who] += 1
            return True

    def forget(self) -> None:
        with self._lock:
            self._counts.clear()


_searches = _Searches()
forget = _searches.forget


def count(link: ShareLink, address: str) -> None:
    """Count a search through a link from an address; raise `TooManySearches` where it is too many.

    Each web process counts for itself.
    """
    window, second = divmod(int(time.time()), WINDOW)
    if not _searches.admit(window, link.pk, address):
        raise TooManySearches(WINDOW - second)
