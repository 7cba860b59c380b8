"""The saved searches among the albums."""

from __future__ import annotations

from django import template
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from search.engine.saved_searches import listed
from search.models import SavedSearch

register = template.Library()


@register.simple_tag
def saved_searches(user: AbstractBaseUser | AnonymousUser) -> list[SavedSearch]:
    """Return the saved searches of a person, by name."""
    return listed(user)
