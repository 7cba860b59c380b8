"""What somebody searched for lately, and searches with a name, which are albums that fill."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone

from gallery.models import OwnedQuerySet, Photo, User
from gallery.names import BadName, clean_name
from search import language
from search.engine import answer as retrieval
from search.engine.answer import Asked
from search.language import Query
from search.language.errors import QueryError
from search.models import RecentSearch, SavedSearch
from search.models.searches import NAME_LIMIT, QUERY_LIMIT

RECENT_KEPT = 50
"""Queries of one person that are remembered; the one asked longest ago goes first."""
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


# --- asked lately ---------------------------------------------------------------------------------


def remember(user: User, query: Query) -> None:
    """Note that a query was asked, if people can read it: words and filters, no pictures.

    What was asked longest ago is forgotten beyond `RECENT_KEPT`. A busy database forgets it all:
    no answer waits for this, or fails.
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
    """Return the queries that a person asked, the last one first."""
    return list(_recent(user).order_by("-used_at", "-pk")[:limit])


def forget(user: User, text: str | None = None) -> int:
    """Forget a query as it was remembered, or with None all of them; return how many."""
    rows = _recent(user)
    if text is not None:
        rows = rows.filter(digest=_digest(text))
    return rows.delete()[0]


def _recent(user: User) -> OwnedQuerySet[RecentSearch]:
    return RecentSearch.objects.visible_to(user)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


# --- saved ----------------------------------------------------------------------------------------


def save(user: User, name: str, text: str) -> SavedSearch:
    """Keep a query under a name.

    Raises `BadName` (`NameTaken`, `TooMany` among them), and `QueryError` for a bad query.
    """
    row = SavedSearch(owner_id=cast("int", user.pk), name=_name(name), query=_query(text))
    if SavedSearch.objects.visible_to(user).count() >= SAVED_EACH:
        raise TooMany(f"You have {SAVED_EACH} saved searches. Remove one to save another.")
    return _named(row, lambda: row.save(force_insert=True))


def change(row: SavedSearch, *, name: str | None = None, text: str | None = None) -> None:
    """Give a saved search what is given, or nothing at all; raises what `save` does."""
    given: dict[str, str] = {}
    if name is not None:
        given["name"] = row.name = _name(name)
    if text is not None:
        given["query"] = row.query = _query(text)
    # Only what is given: the row may be changed or removed elsewhere at the same moment.
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
        message = f"The query has more than {QUERY_LIMIT} characters."
        raise QueryError("query_too_long", message)
    return written


def _named(row: SavedSearch, write: Callable[[], object]) -> SavedSearch:
    try:
        with transaction.atomic():
            write()
    except IntegrityError:
        raise NameTaken(f"There is a saved search called {row.name} already.") from None
    return row


# --- at a glance ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Glance:
    """What a saved search comes to now: its first photo, and how many match.

    `more` tells that there may be more than were counted. `message` is the sentence where it
    cannot be asked just now.
    """

    photo: Photo | None = None
    count: int = 0
    more: bool = False
    message: str = ""


def glance(user: User, row: SavedSearch) -> Glance:
    """Return what a saved search comes to now."""
    try:
        query = language.parse(row.query)
        answer = retrieval.search(user, Asked(query, limit=1, weak=False))
        figures = answer.figures
        if query.wanted and figures.banded:
            count, more = figures.matches, figures.more and figures.matches >= figures.levels[0]
        elif query.wanted:
            count, more = figures.total, False
        else:
            count, more = retrieval.result(user, query).count(), False
    except (QueryError, retrieval.SearchUnavailable) as error:
        return Glance(message=error.message)
    return Glance(answer.hits[0].photo if answer.hits else None, count, more)
