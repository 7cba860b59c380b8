"""Where searching begins: what can be asked, and what was asked before."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode

from gallery.views import PageRequest, vary_on_htmx
from search.models import RecentSearch, SavedSearch

_RECENT, _SAVED = 10, 12


@dataclass(frozen=True)
class Example:
    """A query that shows one thing the language can do, and what that is."""

    query: str
    about: str

    @property
    def address(self) -> str:
        """The search for it."""
        return f"{reverse('search')}?{urlencode({'q': self.query})}"


EXAMPLES = (
    Example("a dog on the beach", "Describe it in your own words"),
    Example("a street without cars", "Say what is not to be there"),
    Example("beach -people +sunset", "Minus leaves out, plus adds"),
    Example("mountains 2:snow", "Snow counts twice"),
    Example("children summer 2023", "Dates in words, seasons too"),
    Example("flowers colour:red -in:album", "Filters, in any number"),
    Example("is:favourite orientation:landscape", "Filters alone"),
    Example("name:IMG_2231", "A file by its name"),
)


def page(request: PageRequest) -> HttpResponse:
    """Return the page for those who have not asked for anything yet."""
    context = {
        "examples": EXAMPLES,
        "recent": RecentSearch.objects.visible_to(request.user).order_by("-used_at")[:_RECENT],
        "saved": SavedSearch.objects.visible_to(request.user).order_by("-created_at")[:_SAVED],
        "focus_search": True,
    }
    return vary_on_htmx(render(request, "search/start.html", context))
