"""A database server that is away: one sentence for people, one line in the log."""

from __future__ import annotations

import logging
import time

from django.db import Error as DatabaseClientError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

logger = logging.getLogger(__name__)

CODE = "database_away"
SENTENCE = gettext_lazy(
    "The database cannot be reached at the moment. Nothing was lost; try again in a moment."
)
TELL_SECONDS = 60.0

_STATES = ("08", "53", "57P")
"""SQLSTATE classes of Postgres: connection exceptions, no room for more of them, and shutdowns."""

_told_at = -TELL_SECONDS


def tell(error: BaseException | None) -> Promise | str:
    """Log that the server is away, once a minute, and return the sentence for people.

    Returns "" for any other error.
    """
    global _told_at
    if not _is_away(error):
        return ""
    if time.monotonic() - _told_at >= TELL_SECONDS:
        _told_at = time.monotonic()
        why = " ".join(str(error).split())
        logger.error("The database cannot be reached; check DATABASE_URL and the server: %s", why)
    return SENTENCE


def _is_away(error: BaseException | None) -> bool:
    cause = getattr(error, "__cause__", None)
    if not isinstance(error, DatabaseClientError) or cause is None:
        return False
    if not type(cause).__module__.startswith("psycopg"):
        return False
    from psycopg import InterfaceError, OperationalError

    state = getattr(cause, "sqlstate", None)
    if state is None:
        return isinstance(cause, OperationalError | InterfaceError)
    return str(state).startswith(_STATES)
