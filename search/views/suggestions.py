"""Suggestions of the search bar, and forgetting recent searches."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from gallery.views import PageRequest
from search.engine.saved_searches import forget as forget_searches
from search.suggest.suggestions import find_suggestions


@require_safe
@login_required
def suggest(request: PageRequest) -> HttpResponse:
    """Suggestions for what stands at the cursor: recent and saved searches, filters, values.

    `q` is the whole text and `at` how many characters stand before the cursor; all if not given.
    """
    text = request.GET.get("q", "")
    found = find_suggestions(request.user, text, _place(request.GET.get("at", ""), len(text)))
    response = render(request, "search/_suggestions.html", {"offers": found, "typed": text.strip()})
    response["Cache-Control"] = "private, no-store"
    return response


def _place(text: str, end: int) -> int:
    """Return the place of a cursor; anything but a number is the end."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else end


@require_POST
@login_required
def forget(request: PageRequest) -> HttpResponse:
    """Forget the recent search `q`, or all of them (`all`)."""
    if "all" in request.POST:
        forget_searches(request.user)
    elif "q" in request.POST:
        forget_searches(request.user, request.POST["q"])
    return HttpResponse(status=204) if request.htmx else redirect("search")
