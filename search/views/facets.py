"""Facets: what the photos of the current results have in common, with counts."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from gallery.user_errors import RETRY_SECONDS, UserError
from gallery.views import PageRequest, vary_on_htmx
from search.facets.result_facets import Facet, FacetValue, facets as facets_of
from search.language import Query
from search.views.address import has_query, request_of
from search.views.filter_form import COLOURS

_KEPT = ("fold", "sort", "least", "weak")
_OPEN = frozenset({"year", "colour", "album", "tag"})
"""Facets that are open at first; the others open when they are set."""


@dataclass(frozen=True)
class Choice:
    """A value of a facet, and the address that switches it; empty where a query is full."""

    value: FacetValue
    url: str
    paint: str


@dataclass(frozen=True)
class Group:
    """A facet as it is drawn."""

    facet: Facet
    choices: list[Choice]
    open: bool


@require_safe
@login_required
def facets(request: PageRequest) -> HttpResponse:
    """The facets of a search, for the side of its results."""
    try:
        query, least = Query(), None
        if has_query(request.GET):
            asked = request_of(request.GET, 1)
            query, least = asked.query, asked.least
        found = facets_of(request.user, query, least=least)
    except UserError as error:
        context = {"message": error.message}
        response = render(request, "search/_facets.html", context, status=error.status)
        if error.status == 503:
            response["Retry-After"] = RETRY_SECONDS
        return vary_on_htmx(response)
    groups = [_group(request, facet) for facet in found]
    return vary_on_htmx(render(request, "search/_facets.html", {"groups": groups}))


def _group(request: PageRequest, facet: Facet) -> Group:
    choices = [
        Choice(
            value,
            "" if value.query is None else _address(request, value.query),
            COLOURS.get(value.value, "") if facet.name == "colour" else "",
        )
        for value in facet.values
    ]
    return Group(facet, choices, open=facet.is_set or facet.name in _OPEN)


def _address(request: PageRequest, query: str) -> str:
    kept = {name: request.GET[name] for name in _KEPT if request.GET.get(name)}
    return f"{reverse('search')}?{urlencode({'q': query} | kept)}" if query else reverse("grid")
