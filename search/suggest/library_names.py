"""The names that a person's library has: what can be completed and chosen in filters."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

from django.core.cache import cache
from django.db.models import Count, Max, Min, QuerySet
from django.utils import timezone

from gallery import marks
from gallery.models import Album, Photo, PhotoQuerySet, Tag, User

LEAST_SECONDS, MOST_SECONDS, FACTOR = 10, 300, 200
"""How long what was found is kept: so many times as long as finding it took, within bounds. A key
is typed more often than an album is made, and large libraries change little by one photo."""
MOST = 500
"""Names of each kind that are kept."""

_TYPES = {"HEIF": "heic"}
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Traits:
    """What a library has beside names: file types as filters call them, years from the latest."""

    types: tuple[str, ...]
    years: tuple[int, ...]


def names(user: User) -> Mapping[str, list[str]]:
    """Return the names of a person's albums, tags, cameras and lenses by filter.

    The most used come first, of albums the latest. They may be some seconds old.
    """
    return _kept(f"known-names-{user.pk}", lambda: _names(user))


def traits(user: User) -> Traits:
    """Return the traits of a person's library, which may be some seconds old."""
    return _kept(f"known-traits-{user.pk}", lambda: _traits(user))


def _kept(key: str, find: Callable[[], _Found]) -> _Found:
    found = cache.get(key)
    if found is None:
        started = time.monotonic()
        found = find()
        took = time.monotonic() - started
        cache.set(key, found, min(max(FACTOR * took, LEAST_SECONDS), MOST_SECONDS))
    return cast("_Found", found)


def _names(user: User) -> dict[str, list[str]]:
    latest = Album.objects.visible_to(user).order_by("-created_at")
    photos = Photo.objects.visible_to(user)
    used = _tag_use(user)
    tags = sorted(marks.tags_in_use(user), key=lambda name: -used.get(name, 0))
    return {
        "album": list(latest.values_list("name", flat=True)[:MOST]),
        "tag": tags[:MOST],
        "camera": _most_used(photos.exclude(camera=""), "camera"),
        "lens": _most_used(photos.exclude(lens=""), "lens"),
    }


def _traits(user: User) -> Traits:
    photos = Photo.objects.visible_to(user)
    types = [_TYPES.get(one, one.lower()) for one in _most_used(photos, "format")]
    ends = photos.exclude(taken_at=None).aggregate(first=Min("taken_at"), last=Max("taken_at"))
    first, last = (end and timezone.localdate(end).year for end in (ends["first"], ends["last"]))
    years = range(last, first - 1, -1) if first else ()
    return Traits(tuple(dict.fromkeys(types)), tuple(years))


def _most_used(photos: PhotoQuerySet, column: str) -> list[str]:
    """Return the values of a column; counting rows lets the index answer alone."""
    counted = photos.order_by().values_list(column).annotate(used=Count("*"))
    rows: QuerySet[Photo, tuple[str, int]] = counted.order_by("-used", column)
    return [row[0] for row in rows[:MOST]]


def _tag_use(user: User) -> dict[str, int]:
    """Return how many photos each tag has, those in the trash as well."""
    through = Tag.photos.through.objects.filter(tag__owner_id=user.pk)
    return dict(through.values_list("tag__name").annotate(used=Count("*")).order_by())
