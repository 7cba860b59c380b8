"""Errors that say what is wrong with a query: their codes, and the sentences that recur."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from gallery.user_errors import UserError

MAX_EXCERPT = 40
"""Characters of a query that an error repeats."""


class ErrorCode(StrEnum):
    """Why a query, or a parameter of a search, is refused. docs/reference/api.md explains each."""

    BAD_CHARACTERS = "bad_characters"
    BAD_CURSOR = "bad_cursor"
    BAD_FILTER = "bad_filter"
    BAD_PARAMETER = "bad_parameter"
    BAD_PART = "bad_part"
    BAD_VECTOR = "bad_vector"
    BAD_WEIGHT = "bad_weight"
    NOT_SEARCHABLE_YET = "not_searchable_yet"
    QUERY_EMPTY = "query_empty"
    QUERY_TOO_LONG = "query_too_long"
    TERMS_CANCEL = "terms_cancel"
    TOO_MANY_FILTERS = "too_many_filters"
    TOO_MANY_TERMS = "too_many_terms"
    UNKNOWN_FILTER = "unknown_filter"
    UNKNOWN_PHOTO = "unknown_photo"
    UNKNOWN_PICTURE = "unknown_picture"
    UNREADABLE_PHOTO = "unreadable_photo"
    WORD_TOO_LONG = "word_too_long"


class QueryError(UserError):
    """A query cannot be answered as it is. `message` says what to change."""

    def __init__(self, code: ErrorCode, message: str, *, status: int = 400) -> None:
        super().__init__(message, code=code, status=status)


class Misread(QueryError):
    """A place in a query that cannot be understood.

    `start` and `end` are positions in the cleaned text (`scanner.clean_text`), in characters
    from 0.
    """

    def __init__(self, code: ErrorCode, message: str, *, start: int, end: int) -> None:
        super().__init__(code, message)
        self.start = start
        self.end = end


def query_empty() -> QueryError:
    """Return the error for a query without content."""
    return QueryError(
        ErrorCode.QUERY_EMPTY, _("Type what the photo shows, for example: dog on a beach.")
    )


def query_too_long(limit: int) -> QueryError:
    """Return the error for a text of more than `limit` characters."""
    message = _("The query has more than %(limit)s characters.") % {
        "limit": number_format(limit, force_grouping=True)
    }
    return QueryError(ErrorCode.QUERY_TOO_LONG, message)


def require_known_parameters(names: Iterable[str], *allowed: str) -> None:
    """Raise `QueryError` for a parameter that is not allowed, so that no typo goes unnoticed."""
    if unknown := sorted(set(names) - set(allowed)):
        message = _("There is no parameter %(name)s here.") % {"name": repr(unknown[0][:40])}
        raise QueryError(ErrorCode.BAD_PARAMETER, message)


def excerpt(text: str) -> str:
    """Return part of a query as an error repeats it: in quotes, at most `MAX_EXCERPT` long."""
    return f"“{text if len(text) <= MAX_EXCERPT else text[: MAX_EXCERPT - 1] + '…'}”"
