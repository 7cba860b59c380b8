"""What stands in the search bar of a page."""

from __future__ import annotations

from typing import Any

from django import template
from django.contrib.auth.models import AnonymousUser

from search.views.pictures import Bar, bar_of

register = template.Library()


@register.simple_tag(takes_context=True)
def read_bar(context: dict[str, Any]) -> Bar:
    """Return what the bar holds: the words that were typed (`bar`) or else the page's `query`."""
    text = context.get("bar") or context.get("query") or ""
    # Pages of errors have no user.
    return bar_of(context.get("user") or AnonymousUser(), text)
