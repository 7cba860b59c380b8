"""Which photo of a group to keep, by criteria that its owner can order, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from gallery.models import Photo

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

CRITERIA: dict[str, str] = {
    "resolution": "Most pixels",
    "metadata": "Has GPS, camera and date",
    "format": "Best format",
    "file_size": "Largest file",
    "favourite": "Favourite",
    "albums": "In more albums",
    "earliest": "Taken or added first",
    "name": "File name",
}
"""Names of criteria with their labels, in the order that holds until a person changes it."""


class BadCriteria(Exception):
    """A name that is no criterion, or a pattern that is too long; the message says which."""


@dataclass(frozen=True)
class Criteria:
    """Names of all criteria, the weightiest first, and the pattern of names preferred."""

    order: list[str] = field(default_factory=lambda: list(CRITERIA))
    pattern: str = ""


@dataclass(frozen=True)
class Ranked:
    """A photo and what speaks for it within its group, in words."""

    photo: Photo
    reasons: list[str]


def criteria_of(user: AbstractBaseUser | AnonymousUser) -> Criteria:
    """Return what the user wants kept, or the order that holds for everybody."""
    return Criteria()


def set_criteria(
    user: AbstractBaseUser | AnonymousUser, order: Sequence[str], pattern: str
) -> Criteria:
    """Save what the user wants kept and choose the keepers of all their groups anew.

    Criteria left out follow those given. Raises `BadCriteria`.
    """
    return Criteria()


def rank(
    photos: Sequence[Photo], criteria: Criteria, albums: Mapping[UUID, int] | None = None
) -> list[Ranked]:
    """Return the photos of a group, the one to keep first.

    `albums` says in how many albums each photo is; it is asked of the database when not given.
    """
    return [Ranked(photo, []) for photo in photos]
