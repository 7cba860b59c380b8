"""The names that a person's library has: what can be completed and chosen in filters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.cache import cache
from django.db.models import Count, Max, Min, QuerySet

from gallery.models import Album, Photo, Tag
from gallery.models.photos import PhotoQuerySet

User = AbstractBaseUser | AnonymousUser

KEPT_SECONDS = 20
"""How long names are kept: a key is typed more often than an album is made."""
MOST = 500
"""Names of each kind that are kept, the most used ones."""

_TYPES = {"HEIF": "heic"}


@dataclass(frozen=True)
class Traits:
    """What a library has beside names: file types as filters call them, years from the latest."""

    types: tuple[str, ...]
    years: tuple[int, ...]


def names(user: User) -> Mapping[str, list[str]]:
    """Return the names of a person's albums, tags, cameras and lenses by filter.

    The most used come first, of albums the latest. Four queries at most every `KEPT_SECONDS`.
    """
    found = cache.get_or_set(f"known-names-{user.pk}", lambda: _names(user), KEPT_SECONDS)
    return cast("Mapping[str, list[str]]", found)


def traits(user: User) -> Traits:
    """Return the traits of a person's library, at most `KEPT_SECONDS` old."""
    found = cache.get_or_set(f"known-traits-{user.pk}", lambda: _traits(user), KEPT_SECONDS)
    return cast("Traits", found)


def _names(user: User) -> dict[str, list[str]]:
    albums = Album.objects.visible_to(user).order_by("-created_at")
    used = Count("photos__pk")
    tags = Tag.objects.filter(owner_id=user.pk).annotate(used=used).order_by("-used", "name")
    return {
        "album": list(albums.values_list("name", flat=True)[:MOST]),
        "tag": list(tags.filter(used__gt=0).values_list("name", flat=True)[:MOST]),
        "camera": _most_used(user, "camera"),
        "lens": _most_used(user, "lens"),
    }


def _most_used(user: User, column: str) -> list[str]:
    rows = _counted(Photo.objects.visible_to(user).exclude(**{column: ""}), column)
    return [row[0] for row in rows[:MOST]]


def _counted(photos: PhotoQuerySet, column: str) -> QuerySet[Photo, tuple[str, int]]:
    """Return the values of a column with how many photos have each, the most used first."""
    counted = photos.order_by().values_list(column).annotate(used=Count("pk"))
    return counted.order_by("-used", column)


def _traits(user: User) -> Traits:
    photos = Photo.objects.visible_to(user)
    types = [_TYPES.get(row[0], row[0].lower()) for row in _counted(photos, "format")]
    dated = photos.exclude(taken_at=None)
    ends = dated.aggregate(first=Min("taken_at"), last=Max("taken_at"))
    years = range(ends["last"].year, ends["first"].year - 1, -1) if ends["first"] else ()
    return Traits(types=tuple(dict.fromkeys(types)), years=tuple(years))
