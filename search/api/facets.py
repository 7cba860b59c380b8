"""Facets over the API."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema

from gallery.api.errors import ErrorOut
from search import language
from search.engine import answer
from search.facets.result_facets import facets
from search.language import require_known_parameters

router = Router(tags=["search"])
SHOWN = 100
"""Values of one kind that are listed at most, beside those that are set."""


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
def list_facets(request: HttpRequest, params: Query[FacetsIn]) -> dict[str, Any]:
    """Return what the photos that match a query have in common, with counts."""
    require_known_parameters(request.GET, "q", "least")
    query = language.parse(params.q) if params.q.strip() else language.Query()
    asked = answer.Asked(query, least=params.least)
    found = facets(request.user, query, least=asked.least, limit=SHOWN)
    listed = [
        {
            "name": facet.name,
            "label": facet.label,
            "filter": facet.filter,
            "others": facet.others,
            "values": [
                {
                    "value": one.value,
                    "label": one.label,
                    "count": one.count,
                    "on": one.on,
                    "q": one.query,
                }
                for one in facet.values
            ],
        }
        for facet in found
    ]
    return {"query": language.to_text(query), "facets": listed}
