"""Recent and saved searches in the API."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Schema, Status

from gallery.api.errors import ErrorOut, In
from search import language
from search.api.results import HowIn, SearchOut, search_out
from search.engine import saved_searches
from search.language import require_known_parameters
from search.models import SavedSearch

router = Router(tags=["searches"])
_ERRORS = frozenset({400, 401, 404, 409})


class SavedIn(In):
    """A name and a query in the query language."""

    name: str
    query: str


class ChangeIn(In):
    """The fields to change."""

    name: str = ""
    query: str = ""


class SavedOut(Schema):
    """A saved search; `url` is its page."""

    id: uuid.UUID
    name: str
    query: str
    created_at: datetime
    url: str


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
def list_searches(request: HttpRequest) -> SearchesOut:
    """List the saved searches, by name."""
    return SearchesOut(searches=[_out(row) for row in saved_searches.listed(request.user)])


@router.post("/searches", response={201: SavedOut, _ERRORS: ErrorOut})
def save_search(request: HttpRequest, body: SavedIn) -> Status[SavedOut]:
    """Save a query under a name; 409 if the name is in use."""
    return Status(201, _out(saved_searches.save(request.user, body.name, body.query)))


@router.get("/searches/recent", response={200: RecentsOut})
def recent_searches(request: HttpRequest) -> RecentsOut:
    """List the recent searches of the search page."""
    rows = saved_searches.recent(request.user)
    return RecentsOut(searches=[RecentOut(query=row.query, used_at=row.used_at) for row in rows])


@router.delete("/searches/recent", response={204: None, frozenset({400, 401}): ErrorOut})
def forget_searches(request: HttpRequest, params: Query[ForgetIn]) -> HttpResponse:
    """Forget all recent searches, or the one in `q`."""
    require_known_parameters(request.GET, "q")  # A misspelt name must not forget everything.
    saved_searches.forget(request.user, params.q)
    return HttpResponse(status=204)


@router.get("/searches/{uuid:saved_id}", response={200: SavedOut, 404: ErrorOut})
def saved_search(request: HttpRequest, saved_id: uuid.UUID) -> SavedOut:
    """Return one saved search."""
    return _out(_own(request, saved_id))


@router.patch("/searches/{uuid:saved_id}", response={200: SavedOut, _ERRORS: ErrorOut})
def change_search(request: HttpRequest, saved_id: uuid.UUID, body: ChangeIn) -> SavedOut:
    """Change the name or the query of a saved search."""
    row, given = _own(request, saved_id), body.dict(exclude_unset=True)
    saved_searches.change(row, name=given.get("name"), text=given.get("query"))
    return _out(row)


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


def _out(row: SavedSearch) -> SavedOut:
    return SavedOut(
        id=row.pk,
        name=row.name,
        query=row.query,
        created_at=row.created_at,
        url=row.get_absolute_url(),
    )
