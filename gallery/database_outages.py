"""A database server that is away: one sentence for people, one line in the log."""

from __future__ import annotations

import logging

from django.db import Error as DatabaseClientError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from gallery.logs.once_a_minute import OnceAMinute
from gallery.sqlite import record_file

logger = logging.getLogger(__name__)

CODE = "database_away"
SENTENCE = gettext_lazy(
    "The database cannot be reached at the moment. Nothing was lost; try again in a moment."
)

_STATES = ("08", "53", "57P")
"""SQLSTATE classes of Postgres: connection exceptions, no room for more of them, and shutdowns."""

_told = OnceAMinute()


def tell(error: BaseException | None) -> Promise | str:
    """Log that the server is away, once a minute, and return the sentence for people.

    Returns "" for any other error.
    """
    if not _is_away(error):
        return ""
    if _told.is_due(CODE):
        why = " ".join(str(error).split())
        logger.error("The database cannot be reached; check DATABASE_URL and the server: %s", why)
    return SENTENCE


def is_told(error: BaseException | None) -> bool:
    """Log an error that the loss or absence of the database explains, once a minute.

    Returns False for any other error, which the caller logs.
    """
    return bool(record_file.tell(error) or tell(error))


def _is_away(error: BaseException | None) -> bool:
    # Django puts an error of its own around that of the client library, save where it closes the
    # cursor of an iterator.
    cause = error.__cause__ if isinstance(error, DatabaseClientError) else error
    if not type(cause).__module__.startswith("psycopg"):
        return False
    from psycopg import InterfaceError, OperationalError

    state = getattr(cause, "sqlstate", None)
    if state is None:
        return isinstance(cause, OperationalError | InterfaceError)
    return str(state).startswith(_STATES)
