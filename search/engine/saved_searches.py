"""Saved searches: named queries that work like albums that keep filling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from gallery.models import Photo, User
from gallery.names import BadName, clean_name
from gallery.user_errors import UserError
from search import language
from search.engine import answer, names, shared_searches
from search.engine.answer import SearchRequest
from search.language.query_errors import query_too_long
from search.models import NAME_LIMIT, QUERY_LIMIT, SavedSearch

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


def save(user: User, name: str, text: str) -> SavedSearch:
    """Keep a query under a name.

    Raises `BadName` (`NameTaken`, `TooMany` among them), and `QueryError` for a bad query.
    """
    row = SavedSearch(owner_id=cast("int", user.pk), name=_name(name), query=_query(user, text))
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
        given["query"] = row.query = _query(row.owner, text)
    if "query" in given:
        shared_searches.forget(row.pk)
    # Only these columns: the row may be changed or removed elsewhere at the same moment.
    _named(row, lambda: SavedSearch.objects.filter(pk=row.pk).update(**given))


def listed(user: User) -> list[SavedSearch]:
    """Return the saved searches of a person, by name."""
    rows = SavedSearch.objects.visible_to(user)
    return sorted(rows, key=lambda row: (row.name.casefold(), row.name))


def _name(text: str) -> str:
    return clean_name(text, limit=NAME_LIMIT)


def _query(user: User, text: str) -> str:
    written = language.to_text(names.read(user, text))
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
        found = answer.search(user, SearchRequest(query, limit=1, weak=False, pins=False))
        figures = found.figures
        if not query.wanted:
            count = answer.matching_photos(user, query).count()
        else:
            count = figures.matches if figures.banded else figures.total
    except UserError as error:
        return Overview(message=error.message)
    first = found.photos[0].photo if found.photos else None
    return Overview(first, count, query.wanted != () and figures.has_more_matches)
