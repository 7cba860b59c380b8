"""Figures of large libraries, which may be some seconds old.

Pages ask again and again how many photos there are, from which years, with which facets. Where
photos are many, finding out takes long, and one photo more or less changes little.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import TypeVar, cast

from django.core.cache import cache

from gallery.models import Audience, Photo, Sensitive, User, hidden_photos

MANY = 5000
"""Photos from which on figures are kept. Those of smaller libraries are always new."""
FACTOR = 50
MIN_SECONDS, MAX_SECONDS = 10, 60
"""How long figures are kept: `FACTOR` times as long as finding out took, within bounds."""

Value = TypeVar("Value")


def recent(user: User, name: str, read: Callable[[], Value]) -> Value:
    """Return what `read` returns for a person; in a large library perhaps what it returned lately.

    An audience never gets old figures, so that what is shared no longer is gone at once. Nor does
    anybody get figures from before they hid photos as sensitive, or showed them again.
    """
    if not is_large(user):
        return read()
    kept = cache.get(key := _key(user, name))
    if kept is not None:
        return cast("Value", kept)
    started = monotonic()
    value = read()
    took = monotonic() - started
    if _key(user, name) == key:  # Else photos were hidden or shown meanwhile.
        cache.set(key, value, min(max(FACTOR * took, MIN_SECONDS), MAX_SECONDS))
    return value


def is_large(user: User) -> bool:
    """Tell whether a person has, or lately had, so many photos that figures are kept."""
    if isinstance(user, Audience) or not user.is_authenticated:
        return False
    large: bool | None = cache.get(key := f"large-{user.pk}")
    if large is None:
        # Not their count: that takes as long as there are photos.
        large = Photo.objects.visible_to(user).values("pk")[MANY:].exists()
        cache.set(key, large, MIN_SECONDS)
    return large


def count_photos(user: User) -> int:
    """Return how many photos a person may see; of a large library, how many there were lately."""
    return recent(user, "photos", partial(_count_photos, user))


def _count_photos(user: User) -> int:
    """Return how many photos a person may see.

    Counted whole, less the hidden ones: an index counts all, and nothing is asked of each.
    """
    if isinstance(user, Audience):
        return Photo.objects.visible_to(user).count()
    every = Photo.objects.visible_to(user, hidden=True)
    return every.count() - every.filter(pk__in=hidden_photos(user)).count()


def _key(user: User, name: str) -> str:
    """Return the key of a figure, which is another one as soon as other photos are hidden.

    What hides photos is read from its index each time, so that no process has to be told: before
    the figure and after it, so that a figure from before a change is never found after it.
    """
    hidden = Sensitive.objects.hidden_of(user.pk).values_list("pk", flat=True)
    return f"recent-{name}-{user.pk}-{hash(frozenset(hidden))}"
