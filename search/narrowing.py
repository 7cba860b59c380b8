"""Filters of a query, for the vector index and for SQL alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from gallery.models import Photo
from gallery.models.photos import PhotoQuerySet
from search.index import Eq, Filter as IndexFilter
from search.language import Filter

User = AbstractBaseUser | AnonymousUser


@dataclass(frozen=True)
class Narrowed:
    """What a person's filters leave over.

    `photos` and `flt` mean the same photos: in SQL, and as the index understands it. `notes` are
    sentences about values that nothing can match, such as an album that is not there.
    """

    photos: PhotoQuerySet
    flt: IndexFilter
    notes: tuple[str, ...] = ()


def narrow(user: User, filters: Sequence[Filter]) -> Narrowed:
    """Return the photos of a person that pass all filters; raise `QueryError` for bad values."""
    photos = Photo.objects.visible_to(user)
    return Narrowed(photos, Eq("owner", str(user.pk)))
