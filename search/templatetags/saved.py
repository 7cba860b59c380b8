"""The saved searches among the albums."""

from __future__ import annotations

from django import template

from gallery.models import User
from search.engine.saved_searches import listed
from search.models import SavedSearch

register = template.Library()


@register.simple_tag
def saved_searches(user: User) -> list[SavedSearch]:
    """Return the saved searches of a person, by name."""
    return listed(user)
