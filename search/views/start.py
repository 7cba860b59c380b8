"""Where a search begins: the start page, suggestions while typing, and recent searches."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from gallery.views import PageRequest, vary_on_htmx
from search.models import RecentSearch, SavedSearch
from search.suggest.recent_searches import forget as forget_searches
from search.suggest.suggestions import find_suggestions
from search.views.pictures import bar_of

_RECENT, _SAVED = 10, 12


@dataclass(frozen=True)
class Example:
    """A query that shows one thing the query language can do.

    Its words are translated, for the models read many languages; the names of filters are not.
    """

    query: str | Promise
    about: str | Promise

    @property
    def address(self) -> str:
        """The address of the search."""
        return f"{reverse('search')}?{urlencode({'q': str(self.query)})}"


EXAMPLES = (
    Example(pgettext_lazy("a search", "a dog on the beach"), _("Describe it in your own words")),
    Example(pgettext_lazy("a search", "a street without cars"), _("Say what to leave out")),
    Example(pgettext_lazy("a search", "beach -people +sunset"), _("Minus excludes, plus adds")),
    Example(pgettext_lazy("a search", "mountains 2:snow"), _("Snow counts twice")),
    Example(pgettext_lazy("a search", "children summer 2023"), _("Dates in words, seasons too")),
    Example(pgettext_lazy("a search", "flowers colour:red -in:album"), _("Filters, in any number")),
    Example("is:favourite orientation:landscape", _("Filters alone")),
    Example("name:IMG_2231", _("A file name")),
)


def page(request: PageRequest) -> HttpResponse:
    """Return the page for a search without a query."""
    context = {
        "examples": EXAMPLES,
        "recent": RecentSearch.objects.visible_to(request.user).order_by("-used_at")[:_RECENT],
        "saved": SavedSearch.objects.visible_to(request.user).order_by("-created_at")[:_SAVED],
        "focus_search": True,
    }
    return vary_on_htmx(render(request, "search/start.html", context))


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


@require_safe
@login_required
def bar(request: PageRequest) -> HttpResponse:
    """The pictures of a pasted query `q` as chips of the search bar, and the text beside them."""
    context = {"bar": bar_of(request.user, request.GET.get("q", ""))}
    response = render(request, "search/_tokens.html", context)
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
