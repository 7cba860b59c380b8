"""Facets: what the photos of the current result have in common, with counts."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from gallery.user_errors import RETRY_SECONDS
from gallery.views import PageRequest, vary_on_htmx
from search.engine import answer
from search.facets.facets import Facet, Value, facets as facets_of
from search.language import Query
from search.language.errors import QueryError
from search.views import address
from search.views.filter_form import COLOURS

_KEPT = ("fold", "sort", "least", "weak")
_OPEN = frozenset({"year", "colour", "album", "tag"})
"""Facets that are open at first; the others open when they are set."""


@dataclass(frozen=True)
class Choice:
    """A value of a facet with the address that switches it; empty where that cannot be."""

    value: Value
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
        if address.asks_for_something(request.GET):
            asked = address.asked(request.GET, 1)
            query, least = asked.query, asked.least
        found = facets_of(request.user, query, least=least)
    except QueryError as error:
        return _said(request, error.message, error.status)
    except answer.SearchUnavailable as error:
        response = _said(request, error.message, 503)
        response["Retry-After"] = RETRY_SECONDS
        return response
    groups = [_group(request, facet) for facet in found]
    return vary_on_htmx(render(request, "search/_facets.html", {"groups": groups}))


def _said(request: PageRequest, message: str, status: int) -> HttpResponse:
    return vary_on_htmx(render(request, "search/_facets.html", {"message": message}, status=status))


def _group(request: PageRequest, facet: Facet) -> Group:
    choices = [
        Choice(
            one,
            "" if one.query is None else _address(request, one.query),
            COLOURS.get(one.value, "") if facet.name == "colour" else "",
        )
        for one in facet.values
    ]
    return Group(facet, choices, open=facet.is_set or facet.name in _OPEN)


def _address(request: PageRequest, query: str) -> str:
    kept = {name: request.GET[name] for name in _KEPT if request.GET.get(name)}
    return f"{reverse('search')}?{urlencode({'q': query} | kept)}" if query else reverse("grid")
