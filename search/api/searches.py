"""Around a search: its facets, suggestions while typing, recent and saved searches."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema, Status

from gallery.api.described import Share, filled, name_up_to, text
from gallery.api.errors import ErrorOut, In
from search import language
from search.api.results import HowIn, SearchOut, search_out
from search.engine import names, saved_searches
from search.engine.answer import SearchRequest
from search.facets.result_facets import facets
from search.language import require_known_parameters
from search.language.query_errors import query_too_long
from search.language.terms import MAX_CHARACTERS
from search.models import NAME_LIMIT, QUERY_LIMIT, SavedSearch
from search.suggest import recent_searches
from search.suggest.suggestions import find_suggestions

router = Router(tags=["searches"])
LISTED = 100
"""Values of one facet that are listed at most, beside those that are set."""
_ERRORS = frozenset({400, 401, 404, 409})


class SavedIn(In):
    """A name and a query in the query language."""

    name: Annotated[str, name_up_to(NAME_LIMIT)]
    query: Annotated[str, filled(QUERY_LIMIT)]


class ChangeIn(In):
    """The fields to change."""

    name: Annotated[str, name_up_to(NAME_LIMIT)] = ""
    query: Annotated[str, filled(QUERY_LIMIT)] = ""


class SavedRef(Schema):
    """A saved search; `url` is its page."""

    id: uuid.UUID
    name: str
    query: str
    url: str = Field(alias="get_absolute_url")


class SavedOut(SavedRef):
    """A saved search, with the time when it was saved."""

    created_at: datetime


class SearchesOut(Schema):
    """All saved searches, by name."""

    searches: list[SavedOut]


class RecentOut(Schema):
    """A query, and when it was last used."""

    query: str
    used_at: datetime


class RecentsOut(Schema):
    """Recent searches, the latest first."""

    searches: list[RecentOut]


class ForgetIn(Schema):
    """The query to forget; all of them if left out."""

    q: str | None = None


@router.get("/searches", response={200: SearchesOut})
def list_searches(request: HttpRequest) -> dict[str, Any]:
    """List the saved searches, by name."""
    return {"searches": saved_searches.listed(request.user)}


@router.post("/searches", response={201: SavedOut, _ERRORS: ErrorOut})
def save_search(request: HttpRequest, body: SavedIn) -> Status[SavedSearch]:
    """Save a query under a name; 409 if the name is in use."""
    return Status(201, saved_searches.save(request.user, body.name, body.query))


@router.get("/searches/recent", response={200: RecentsOut})
def list_recent_searches(request: HttpRequest) -> dict[str, Any]:
    """List the recent searches of the search page."""
    return {"searches": recent_searches.recent(request.user)}


@router.delete("/searches/recent", response={204: None, frozenset({400, 401}): ErrorOut})
def forget_searches(request: HttpRequest, params: Query[ForgetIn]) -> HttpResponse:
    """Forget all recent searches, or the one in `q`."""
    require_known_parameters(request.GET, "q")  # A misspelt name must not forget everything.
    recent_searches.forget(request.user, params.q)
    return HttpResponse(status=204)


@router.get("/searches/{uuid:saved_id}", response={200: SavedOut, 404: ErrorOut})
def saved_search(request: HttpRequest, saved_id: uuid.UUID) -> SavedSearch:
    """Return one saved search."""
    return _own(request, saved_id)


@router.patch("/searches/{uuid:saved_id}", response={200: SavedOut, _ERRORS: ErrorOut})
def change_search(request: HttpRequest, saved_id: uuid.UUID, body: ChangeIn) -> SavedSearch:
    """Change the name or the query of a saved search."""
    row, given = _own(request, saved_id), body.dict(exclude_unset=True)
    saved_searches.change(row, name=given.get("name"), text=given.get("query"))
    return row


@router.delete("/searches/{uuid:saved_id}", response={204: None, 404: ErrorOut})
def remove_search(request: HttpRequest, saved_id: uuid.UUID) -> HttpResponse:
    """Remove a saved search. Its photos stay."""
    _own(request, saved_id).delete()
    return HttpResponse(status=204)


_FOUND = {200: SearchOut, frozenset({400, 401, 404, 503}): ErrorOut}


@router.get("/searches/{uuid:saved_id}/photos", response=_FOUND)
def found_photos(request: HttpRequest, saved_id: uuid.UUID, params: Query[HowIn]) -> SearchOut:
    """Return the photos that match a saved search now; those that match well, unless `weak`."""
    require_known_parameters(request.GET, "sort", "least", "weak", "limit", "cursor", "fold")
    row = _own(request, saved_id)
    if "weak" not in request.GET:
        params.weak = False
    return search_out(request, language.parse(row.query), params)


def _own(request: HttpRequest, saved_id: uuid.UUID) -> SavedSearch:
    return get_object_or_404(SavedSearch.objects.visible_to(request.user), pk=saved_id)


# --- facets and suggestions -----------------------------------------------------------------------


class FacetsIn(Schema):
    """A query in the query language, empty for the whole library; `least` as in a search."""

    q: Annotated[str, text(most=MAX_CHARACTERS)] = ""
    least: Annotated[float | None, Share] = None


class ValueOut(Schema):
    """A value, how many photos have it, and whether a filter asks for it (`on`).

    `q` is the query with the value switched on or off; null when a query cannot hold more.
    """

    value: str
    label: str
    count: int
    on: bool
    q: str | None


class FacetOut(Schema):
    """Values of one kind; `filter` is their filter in the query language."""

    name: str
    label: str
    filter: str
    values: list[ValueOut]
    others: int


class FacetsOut(Schema):
    """The facets of the photos that match `query`, which is as it was understood."""

    query: str
    facets: list[FacetOut]


@router.get(
    "/search/facets",
    tags=["search"],
    response={200: FacetsOut, frozenset({400, 401, 404, 503}): ErrorOut},
)
def list_facets(request: HttpRequest, params: Query[FacetsIn]) -> dict[str, Any]:
    """Return what the photos that match a query have in common, with counts."""
    require_known_parameters(request.GET, "q", "least")
    query = names.read(request.user, params.q) if params.q.strip() else language.Query()
    asked = SearchRequest(query, least=params.least, weak=False)
    found = facets(request.user, asked, limit=LISTED)
    listed = [
        vars(facet) | {"values": [vars(value) | {"q": value.query} for value in facet.values]}
        for facet in found
    ]
    return {"query": language.to_text(query), "facets": listed}


class SuggestIn(Schema):
    """A text, and how many of its characters stand before the cursor; all when below zero."""

    q: Annotated[str, text(most=MAX_CHARACTERS)] = ""
    at: int = -1


class CompletionOut(Schema):
    """`insert` may take the place of the characters from `start` to `end`; `about` explains it."""

    label: str
    insert: str
    start: int
    end: int
    about: str


class SuggestOut(Schema):
    """Completions, the likeliest first, and recent and saved searches."""

    completions: list[CompletionOut]
    recent: list[str]
    saved: list[SavedRef]


@router.get(
    "/search/suggest", tags=["search"], response={200: SuggestOut, frozenset({400, 401}): ErrorOut}
)
def suggest(request: HttpRequest, params: Query[SuggestIn]) -> dict[str, Any]:
    """Suggest how to continue a query; without a text, recent and saved searches."""
    require_known_parameters(request.GET, "q", "at")
    if len(params.q) > MAX_CHARACTERS:
        raise query_too_long(MAX_CHARACTERS)
    found = find_suggestions(request.user, params.q, params.at if params.at >= 0 else len(params.q))
    return {
        "completions": found.completions,
        "recent": [row.query for row in found.recent],
        "saved": found.saved,
    }
