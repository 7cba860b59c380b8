"""Groups as people see them: pages of groups, what differs in each, and how much there is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from gallery.models import Photo, SkippedFile
from search.models import DuplicateGroup

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

    User = AbstractBaseUser | AnonymousUser

SORTS = ("bytes", "date", "closeness")
SAME_FILE = "same_file"
"""The third kind, of files that were not stored at all; see `gallery.models.SkippedFile`."""


@dataclass(frozen=True)
class Totals:
    """How many groups of a kind wait, with how many photos, and the bytes to recover.

    For `SAME_FILE`: photos of which copies were skipped, files skipped, and bytes not stored.
    """

    groups: int = 0
    photos: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class ShownMember:
    """A photo of a group: whether it is the one to keep, and what is known of it.

    `facts` has the same names for every member, in order, the value "" where nothing is known;
    `differing` are the (name, value) pairs of those that differ within the group. `closeness`
    (0 to 1) and `how` are against the group's medoid.
    """

    photo: Photo
    keep: bool
    reasons: list[str]
    closeness: float
    how: str
    facts: dict[str, str]
    differing: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Shown:
    """A group with its members, the keeper first, and the names of facts that differ."""

    group: DuplicateGroup
    members: list[ShownMember]
    differing: list[str]


@dataclass(frozen=True)
class Page:
    """Some groups and the cursor of those that follow, None at the end."""

    groups: list[Shown]
    next: str | None


@dataclass(frozen=True)
class Alike:
    """Another photo that one is like, and the group in which both wait, if any."""

    photo: Photo
    kind: str
    closeness: float
    how: str
    group: UUID | None


def page(user: User, kind: str, *, sort: str = "bytes", cursor: str = "", limit: int = 50) -> Page:
    """Return up to `limit` groups; raises `gallery.paging.BadCursor` for a made-up argument."""
    return Page([], None)


def totals(user: User) -> dict[str, Totals]:
    """Return the totals of each kind, `SAME_FILE` too."""
    return {name: Totals() for name in (SAME_FILE, "same_picture", "similar_shots")}


def shown(user: User, group_id: UUID) -> Shown | None:
    """Return one group, or None when it is gone, unknown or somebody else's."""
    return None


def skipped(
    user: User, *, cursor: str = "", limit: int = 50
) -> tuple[list[SkippedFile], str | None]:
    """Return files that were not stored, newest first, each with its photo, and the next cursor."""
    return [], None


def alike(user: User, photo_id: UUID) -> list[Alike]:
    """Return the visible photos that a visible photo is like, the closest first."""
    return []
