"""The form of all filters, and the facets beside the results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from gallery.models import User
from gallery.user_errors import UserError
from gallery.views import PageRequest, vary_on_htmx
from search import language
from search.facets.result_facets import Facet, FacetValue, facets as facets_of
from search.filters.selection import apply_filters
from search.language import Query, QueryError
from search.views import address, filter_form
from search.views.filter_form import COLOURS

_LISTING = ("sort", "fold")
_KEPT = ("fold", "sort", "least", "weak")
_OPEN = frozenset({"year", "colour", "album", "tag", "label", "town"})
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
def filters(request: PageRequest) -> HttpResponse:
    """The form, filled from the query in the address; only its fields for htmx.

    With `show`, goes on to the photos that the form asks for; with `count`, says how many pass
    its filters.
    """
    if "count" in request.GET:
        return _count(request)
    try:
        query, problem = filter_form.query_of(request.user, request.GET), ""
        if "show" in request.GET:
            return _results(request.GET, query)
    except QueryError as error:
        query, problem = _readable(request.user, request.GET), error.message
    form = filter_form.form_of(request.user, query)
    if problem:
        form.problem = problem
        form.first, form.last = request.GET.get("from", ""), request.GET.get("to", "")
        form.point = request.GET.get("point", "")
    context: dict[str, Any] = {"form": form, "query": language.to_text(query)}
    context["passed_on"] = [(name, request.GET[name]) for name in _LISTING if name in request.GET]
    template = "search/_filters.html" if request.htmx else "search/filters.html"
    status = 400 if problem and not request.htmx else 200
    return vary_on_htmx(render(request, template, context, status=status))


def _results(params: QueryDict, query: Query) -> HttpResponse:
    """Go to the results of a query; without one, to all photos."""
    asked = language.to_params(query)
    if not asked:
        return redirect("grid")
    listing = {name: str(params[name]) for name in _LISTING if params.get(name)}
    return redirect(f"{reverse('search')}?{urlencode(asked | listing)}")


def _readable(user: User, params: QueryDict) -> Query:
    """Return what can be read of an invalid form, so that people need not choose it again."""
    read = Query()
    given = [(key, value) for key in params for value in params.getlist(key)]
    for key, value in given:
        if filter_form.is_filter(key) or key in {"q", "keep"}:
            field = _read_alone(user, key, value)
            read = Query((*read.terms, *field.terms), (*read.filters, *field.filters))
    return read


def _read_alone(user: User, key: str, value: str) -> Query:
    alone = QueryDict(mutable=True)
    alone[key] = value
    try:
        return filter_form.query_of(user, alone)
    except QueryError:
        return Query()


def _count(request: PageRequest) -> HttpResponse:
    """Show how many photos pass the filters of the form, or what is wrong with them."""
    try:
        query = filter_form.query_of(request.user, request.GET)
        found = apply_filters(request.user, query.filters)
    except QueryError as error:
        context: dict[str, Any] = {"problem": error.message}
    else:
        context = {"count": found.photos.count(), "terms": bool(query.terms)}
    return render(request, "search/_filter_count.html", context)


@require_safe
@login_required
def facets(request: PageRequest) -> HttpResponse:
    """The facets of a search, for the side of its results."""
    try:
        query = Query()
        if address.has_query(request.GET):
            query = address.query_of(request.user, request.GET)
        found = facets_of(request.user, address.request_of(request.GET, 1, query))
    except UserError as error:
        context = {"message": error.message}
        return vary_on_htmx(render(request, "search/_facets.html", context, status=error.status))
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
