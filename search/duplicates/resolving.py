"""Decisions about groups: taken at once or many together, remembered, and undone."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from gallery.models import Photo
from search.models import DuplicateGroup, Resolution

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

    User = AbstractBaseUser | AnonymousUser


class Changed(Exception):
    """The group is no longer what was decided about: `note` says so to the person."""

    code = "group_changed"

    def __init__(self, note: str) -> None:
        self.note = note
        super().__init__(note)


class NothingKept(Exception):
    """No photo of the group would be kept, or one named for keeping is not in it."""

    code = "nothing_kept"


@dataclass(frozen=True)
class Batch:
    """Decisions taken together: how many groups, photos in the trash, and bytes of those.

    `skipped` groups had changed or were decided by somebody else meanwhile.
    """

    id: UUID
    groups: int
    photos: int
    freed: int
    skipped: int = 0


@dataclass(frozen=True)
class Undone:
    """How many photos came back from the trash, and how many were deleted for ever since."""

    restored: int
    missing: int


@dataclass(frozen=True)
class Entry:
    """One line of the history: decisions taken together, with up to four photos to show.

    `photos` are those moved to the trash (`action` keep) or decided about (stack, dismiss),
    `freed` the bytes moved to the trash.
    """

    batch: UUID
    decided_at: datetime
    action: str
    kind: str
    groups: int
    photos: int
    freed: int
    undone: bool
    covers: list[Photo]


def resolve(
    user: User,
    group_id: UUID,
    action: str,
    *,
    seen: Collection[UUID],
    keep: Collection[UUID] = (),
) -> Resolution:
    """Decide one group: "keep", "stack" or "dismiss".

    Raises `Changed`, `NothingKept`, `DuplicateGroup.DoesNotExist` (unknown or somebody else's),
    and ValueError for an unknown action.
    """
    raise DuplicateGroup.DoesNotExist


def resolve_many(user: User, kind: str, action: str, *, groups: Collection[UUID] | None) -> Batch:
    """Decide many groups of a kind in the same way, all of them for None."""
    return Batch(uuid.uuid4(), 0, 0, 0)


def undo(user: User, batch: UUID) -> Undone:
    """Undo decisions taken together; raises `Resolution.DoesNotExist` for an unknown batch."""
    raise Resolution.DoesNotExist


def history(user: User, *, cursor: str = "", limit: int = 20) -> tuple[list[Entry], str | None]:
    """Return decisions, newest first, and the next cursor; raises `gallery.paging.BadCursor`."""
    return [], None
