"""The page where a search begins: examples, recent and saved searches."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from gallery.views import PageRequest, vary_on_htmx
from search.models import RecentSearch, SavedSearch

_RECENT, _SAVED = 10, 12


@dataclass(frozen=True)
class Example:
    """A query that shows one thing the query language can do."""

    query: str
    about: str | Promise

    @property
    def address(self) -> str:
        """The address of the search."""
        return f"{reverse('search')}?{urlencode({'q': self.query})}"


EXAMPLES = (
    Example("a dog on the beach", _("Describe it in your own words")),
    Example("a street without cars", _("Say what to leave out")),
    Example("beach -people +sunset", _("Minus excludes, plus adds")),
    Example("mountains 2:snow", _("Snow counts twice")),
    Example("children summer 2023", _("Dates in words, seasons too")),
    Example("flowers colour:red -in:album", _("Filters, in any number")),
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
