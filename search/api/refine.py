"""Ways to go on from a query: facets of what it found, and suggestions while it is typed."""

from __future__ import annotations

import uuid

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema

from gallery.api.errors import ErrorOut
from search import language
from search.engine.answer import SearchRequest
from search.facets.result_facets import facets
from search.language import ErrorCode, QueryError, require_known_parameters
from search.language.terms import MAX_CHARACTERS
from search.suggest.suggestions import find_suggestions

router = Router(tags=["search"])
LISTED = 100
"""Values of one facet that are listed at most, beside those that are set."""


class FacetsIn(Schema):
    """A query in the query language, empty for the whole library; `least` as in a search."""

    q: str = ""
    least: float | None = None


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


@router.get("/search/facets", response={200: FacetsOut, frozenset({400, 401, 404, 503}): ErrorOut})
def list_facets(request: HttpRequest, params: Query[FacetsIn]) -> FacetsOut:
    """Return what the photos that match a query have in common, with counts."""
    require_known_parameters(request.GET, "q", "least")
    query = language.parse(params.q) if params.q.strip() else language.Query()
    asked = SearchRequest(query, least=params.least)
    found = facets(request.user, query, least=asked.least, limit=LISTED)
    listed = [
        FacetOut(
            name=facet.name,
            label=facet.label,
            filter=facet.filter,
            values=[
                ValueOut(
                    value=value.value,
                    label=value.label,
                    count=value.count,
                    on=value.on,
                    q=value.query,
                )
                for value in facet.values
            ],
            others=facet.others,
        )
        for facet in found
    ]
    return FacetsOut(query=language.to_text(query), facets=listed)


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
    """Completions, the likeliest first, and recent and saved searches."""

    completions: list[CompletionOut]
    recent: list[str]
    saved: list[SavedOut]


@router.get("/search/suggest", response={200: SuggestOut, frozenset({400, 401}): ErrorOut})
def suggest(request: HttpRequest, params: Query[SuggestIn]) -> SuggestOut:
    """Suggest how to continue a query; without a text, recent and saved searches."""
    require_known_parameters(request.GET, "q", "at")
    if len(params.q) > MAX_CHARACTERS:
        message = _("The query has more than %(count)s characters.") % {"count": MAX_CHARACTERS}
        raise QueryError(ErrorCode.QUERY_TOO_LONG, message)
    found = find_suggestions(request.user, params.q, params.at if params.at >= 0 else len(params.q))
    return SuggestOut(
        completions=[CompletionOut(**vars(completion)) for completion in found.completions],
        recent=[row.query for row in found.recent],
        saved=[
            SavedOut(id=row.pk, name=row.name, query=row.query, url=row.get_absolute_url())
            for row in found.saved
        ],
    )
