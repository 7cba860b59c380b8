"""Recent searches, and saved searches: named queries that work like albums that keep filling."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from gallery.models import OwnedQuerySet, Photo, User
from gallery.names import BadName, clean_name
from gallery.user_errors import UserError
from search import language
from search.engine import answer
from search.engine.answer import SearchRequest
from search.language.query_errors import query_too_long
from search.language.terms import Query
from search.models import NAME_LIMIT, QUERY_LIMIT, RecentSearch, SavedSearch

RECENT_KEPT = 50
"""Recent searches kept for one person; the oldest goes first."""
SAVED_EACH = 200
"""Saved searches of one person at most."""


class NameTaken(BadName):
    """The owner has a saved search of this name already."""

    code = "name_taken"
    status = 409


class TooMany(BadName):
    """The owner has `SAVED_EACH` saved searches."""

    code = "too_many_searches"
    status = 409


# --- recent searches ------------------------------------------------------------------------------


def remember(user: User, query: Query) -> None:
    """Remember a query that people can read: text and filters, but no pictures.

    The oldest queries beyond `RECENT_KEPT` are forgotten. While the database is busy nothing is
    remembered, for no answer may wait for this or fail.
    """
    text = language.to_text(query)
    if not text or len(text) > QUERY_LIMIT or any(term.kind != "text" for term in query.terms):
        return
    with suppress(OperationalError, IntegrityError), transaction.atomic():
        now = timezone.now()
        if not _recent(user).filter(digest=_digest(text)).update(used_at=now):
            RecentSearch.objects.create(
                owner_id=cast("int", user.pk), query=text, digest=_digest(text), used_at=now
            )
            surplus = _recent(user).order_by("-used_at", "-pk").values_list("pk", flat=True)
            RecentSearch.objects.filter(pk__in=list(surplus[RECENT_KEPT:])).delete()


def recent(user: User, limit: int = RECENT_KEPT) -> list[RecentSearch]:
    """Return the recent searches of a person, the latest first."""
    return list(_recent(user).order_by("-used_at", "-pk")[:limit])


def forget(user: User, text: str | None = None) -> int:
    """Forget one recent search, or all of them without a text; return how many."""
    rows = _recent(user)
    if text is not None:
        rows = rows.filter(digest=_digest(text))
    return rows.delete()[0]


def _recent(user: User) -> OwnedQuerySet[RecentSearch]:
    return RecentSearch.objects.visible_to(user)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


# --- saved searches -------------------------------------------------------------------------------


def save(user: User, name: str, text: str) -> SavedSearch:
    """Keep a query under a name.

    Raises `BadName` (`NameTaken`, `TooMany` among them), and `QueryError` for a bad query.
    """
    row = SavedSearch(owner_id=cast("int", user.pk), name=_name(name), query=_query(text))
    if SavedSearch.objects.visible_to(user).count() >= SAVED_EACH:
        message = _("You have %(count)s saved searches. Remove one to save another.")
        raise TooMany(message % {"count": SAVED_EACH})
    return _named(row, lambda: row.save(force_insert=True))


def change(row: SavedSearch, *, name: str | None = None, text: str | None = None) -> None:
    """Change the name, the query or both of a saved search; raises what `save` does."""
    given: dict[str, str] = {}
    if name is not None:
        given["name"] = row.name = _name(name)
    if text is not None:
        given["query"] = row.query = _query(text)
    # Only these columns: the row may be changed or removed elsewhere at the same moment.
    _named(row, lambda: SavedSearch.objects.filter(pk=row.pk).update(**given))


def listed(user: User) -> list[SavedSearch]:
    """Return the saved searches of a person, by name."""
    rows = SavedSearch.objects.visible_to(user)
    return sorted(rows, key=lambda row: (row.name.casefold(), row.name))


def _name(text: str) -> str:
    return clean_name(text, limit=NAME_LIMIT)


def _query(text: str) -> str:
    written = language.to_text(language.parse(text))
    if len(written) > QUERY_LIMIT:
        raise query_too_long(QUERY_LIMIT)
    return written


def _named(row: SavedSearch, write: Callable[[], object]) -> SavedSearch:
    try:
        with transaction.atomic():
            write()
    except IntegrityError:
        message = _("You already have a saved search called %(name)s.") % {"name": row.name}
        raise NameTaken(message) from None
    return row


# --- overview -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Overview:
    """The first photo of a saved search at the moment, and how many match.

    `more` says that the count is a lower bound. `message` is the sentence where the search
    cannot be answered now.
    """

    photo: Photo | None = None
    count: int = 0
    more: bool = False
    message: str = ""


def overview(user: User, row: SavedSearch) -> Overview:
    """Return the overview of a saved search."""
    try:
        query = language.parse(row.query)
        found = answer.search(user, SearchRequest(query, limit=1, weak=False))
        figures = found.figures
        if not query.wanted:
            count = answer.matching_photos(user, query).count()
        else:
            count = figures.matches if figures.banded else figures.total
    except UserError as error:
        return Overview(message=error.message)
    first = found.photos[0].photo if found.photos else None
    return Overview(first, count, query.wanted != () and figures.has_more_matches)
