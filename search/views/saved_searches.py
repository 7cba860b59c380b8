"""Saved searches: named queries, shown among the albums."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from gallery.sharing import shared_sets
from gallery.user_errors import UserError
from gallery.views import PageRequest, share_pages, vary_on_htmx
from gallery.views.tiles import PAGE
from search import language
from search.engine import answer, saved_searches, shared_searches
from search.models import NAME_LIMIT, QUERY_LIMIT, SavedSearch
from search.views import results
from search.views.address import request_of
from search.views.pictures import bar_of

_LIMITS = {"name_limit": NAME_LIMIT, "query_limit": QUERY_LIMIT}


@require_POST
@login_required
def save(request: PageRequest) -> HttpResponse:
    """Keep the query `q` under `name` and go to its page.

    An error is shown in the form: htmx gets the form alone, a plain request a page with it.
    """
    name, text = request.POST.get("name", ""), request.POST.get("q", "")
    try:
        row = saved_searches.save(request.user, name, text)
    except UserError as error:
        context = {"typed": name, "query": text, "problem": error.message, **_LIMITS}
        if request.htmx:
            # htmx swaps in nothing from an error answer.
            return vary_on_htmx(render(request, "search/_save.html", context))
        return vary_on_htmx(render(request, "search/save.html", context, status=error.status))
    if request.htmx:
        return HttpResponseClientRedirect(row.get_absolute_url())
    return redirect(row)


@require_safe
@login_required
def saved_search(request: PageRequest, saved_id: uuid.UUID) -> HttpResponse:
    """The photos that match a saved search now; with `glance`, its tile among the albums."""
    row = _own(request, saved_id)
    if "glance" in request.GET:
        context = {"row": row, "glance": saved_searches.overview(request.user, row)}
        response = render(request, "search/_glance.html", context)
        response["Cache-Control"] = "private, no-store"
        return response
    return _page(request, row)


@require_POST
@login_required
def change(request: PageRequest, saved_id: uuid.UUID) -> HttpResponse:
    """Rename a saved search (`name`), give it another query (`q`), or remove it (`remove`)."""
    row = _own(request, saved_id)
    if "remove" in request.POST:
        row.delete()
        text = _("The saved search %(name)s was removed. Its photos stay in the gallery.")
        messages.success(request, text % {"name": row.name})
        return redirect("albums")
    try:
        saved_searches.change(row, name=request.POST.get("name"), text=_typed(request))
    except UserError as error:
        # What was typed is shown in the field; everything else is as it was.
        return _page(request, _own(request, saved_id), error)
    return redirect(row)


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def share(request: PageRequest, saved_id: uuid.UUID) -> HttpResponse:
    """With whom a saved search is shared, and the forms that change that."""
    row = _own(request, saved_id)
    if (shared := shared_sets.find(shared_searches.thing_of(row))) is not None:
        shared_searches.refresh(shared)
    return share_pages.share(request, shared_searches.thing_of(row), row.get_absolute_url())


def _typed(request: PageRequest) -> str | None:
    """Return the query of the form: its text, and the pictures beside it but the one to `drop`."""
    if "q" not in request.POST:
        return None
    dropped = request.POST.get("drop")
    pictures = [text for text in request.POST.getlist("with") if text != dropped]
    return " ".join([request.POST["q"], *pictures]).strip()


def _page(request: PageRequest, row: SavedSearch, error: UserError | None = None) -> HttpResponse:
    found = results.results_of(
        lambda: answer.search(
            request.user, request_of(request.GET, PAGE, language.parse(row.query))
        )
    )
    context = {
        "saved": row,
        "query": row.query,
        "typed": request.POST.get("name", row.name),
        "edited": bar_of(request.user, row.query if (typed := _typed(request)) is None else typed),
        "problem": error.message if error and "name" in request.POST else "",
        "query_problem": error.message if error and "q" in request.POST else "",
        **_LIMITS,
    }
    response = results.show(request, found, context, page="search/saved.html")
    if error:
        response.status_code = error.status
    return response


def _own(request: PageRequest, saved_id: uuid.UUID) -> SavedSearch:
    return get_object_or_404(SavedSearch.objects.visible_to(request.user), pk=saved_id)
