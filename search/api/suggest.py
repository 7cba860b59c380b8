"""The API's suggestions: ways to go on typing a query, and queries to ask again."""

from __future__ import annotations

import uuid

from django.http import HttpRequest
from ninja import Query, Router, Schema

from gallery.api.errors import ErrorOut
from search.language import ErrorCode, QueryError, require_known_parameters
from search.language.terms import MAX_CHARACTERS
from search.suggest.suggestions import find_suggestions

router = Router(tags=["search"])


class SuggestIn(Schema):
    """A text, and how many of its characters stand before the cursor; all when below zero."""

    q: str = ""
    at: int = -1


class CompletionOut(Schema):
    """`insert` may take the place of the characters from `start` to `end`; `about` explains it."""

    label: str
    insert: str
    start: int
    end: int
    about: str


class SavedOut(Schema):
    """A saved search."""

    id: uuid.UUID
    name: str
    query: str
    url: str


class SuggestOut(Schema):
    """Completions, the likeliest first; queries asked lately; saved searches."""

    completions: list[CompletionOut]
    recent: list[str]
    saved: list[SavedOut]


@router.get("/search/suggest", response={200: SuggestOut, frozenset({400, 401}): ErrorOut})
def suggest(request: HttpRequest, params: Query[SuggestIn]) -> SuggestOut:
    """Suggest how to go on with a query; without a text, queries to ask again."""
    require_known_parameters(request.GET, "q", "at")
    if len(params.q) > MAX_CHARACTERS:
        limit = f"The query has more than {MAX_CHARACTERS} characters."
        raise QueryError(ErrorCode.QUERY_TOO_LONG, limit)
    found = find_suggestions(request.user, params.q, params.at if params.at >= 0 else len(params.q))
    return SuggestOut(
        completions=[CompletionOut(**vars(one)) for one in found.completions],
        recent=[one.query for one in found.recent],
        saved=[
            SavedOut(id=one.pk, name=one.name, query=one.query, url=one.get_absolute_url())
            for one in found.saved
        ],
    )
