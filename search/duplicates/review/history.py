"""The history of decisions about duplicates, and undoing them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, Q, Sum, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from gallery import stacks, trash
from gallery.locks import lock_owner
from gallery.models import Photo, PhotoQuerySet, Stack, User
from gallery.paging import check_limit, cursor_of, read_cursor
from gallery.slices import slices
from search.duplicates.groups import groups
from search.duplicates.models import Kind, NotTheSame, Resolution
from search.duplicates.review import merging

COVERS = 4
"""Photos shown with one line of the history."""

_CHUNK = 200  # decisions undone in one transaction


@dataclass(frozen=True)
class UndoResult:
    """How many photos came back from the trash, and how many were deleted for ever since."""

    restored: int
    missing: int


@dataclass(frozen=True)
class HistoryEntry:
    """One line of the history: decisions taken together, with up to `COVERS` photos to show.

    `photos` are those moved to the trash (`action` keep) or decided about (stack, dismiss),
    `freed` the bytes moved to the trash.
    """

    batch: UUID
    decided_at: datetime
    action: str
    kind: Kind
    groups: int
    photos: int
    freed: int
    undone: bool
    covers: list[Photo]


def history_page(
    user: User, *, cursor: str = "", limit: int = 20
) -> tuple[list[HistoryEntry], str | None]:
    """Return decisions, newest first, and the next cursor; raises `gallery.paging.BadCursor`."""
    check_limit(limit)
    decisions = Resolution.objects.visible_to(user)
    if cursor:
        at, batch = read_cursor(cursor, UUID)
        decisions = decisions.filter(Q(decided_at__lt=at) | Q(decided_at=at, batch__gt=batch))
    batches = decisions.values("batch", "decided_at", "action", "kind").annotate(
        groups=Count("id"), photos=Sum("photos"), trashed=Sum("trashed"), freed=Sum("freed"),
        standing=Count("id", filter=Q(undone_at=None)),
    )  # fmt: skip
    rows = list(batches.order_by("-decided_at", "batch")[: limit + 1])
    last = rows[limit - 1] if len(rows) > limit else None
    covers = _covers(user, [row["batch"] for row in rows[:limit]])
    entries = [_entry(**row, covers=covers[row["batch"]]) for row in rows[:limit]]
    return entries, cursor_of(last["decided_at"], last["batch"].hex) if last else None


def _entry(*, kind: str, photos: int, trashed: int, standing: int, **rest: Any) -> HistoryEntry:
    counted = trashed if rest["action"] == Resolution.Action.KEEP else photos
    return HistoryEntry(kind=Kind(kind), photos=counted, undone=not standing, **rest)


def _covers(user: User, batches: list[UUID]) -> dict[UUID, list[Photo]]:
    """Return the first visible photos of each batch, in one query for all."""
    visible = Photo.objects.visible_to(user)
    place = Window(RowNumber(), partition_by=F("batch"), order_by=F("id").asc())
    rows = Resolution.objects.filter(batch__in=batches, keeper__in=visible)
    covers: dict[UUID, list[Photo]] = defaultdict(list)
    for row in rows.annotate(place=place).filter(place__lte=COVERS).select_related("keeper"):
        if row.keeper is not None:
            covers[row.batch].append(row.keeper)
    return covers


def undo_batch(user: User, batch: UUID) -> UndoResult:
    """Undo decisions taken together; raises `Resolution.DoesNotExist` for an unknown batch.

    Photos come back from the trash, the kept ones lose what they gained unless it was changed
    since, stacks are taken apart, and "not the same" is forgotten. Undoing twice does nothing.
    """
    decisions = Resolution.objects.visible_to(user).filter(batch=batch)
    ids = list(decisions.values_list("pk", flat=True))
    if not ids:
        raise Resolution.DoesNotExist
    restored = missing = 0
    for some in slices(ids, _CHUNK):
        with transaction.atomic():
            lock_owner(user.pk or 0)
            rows = list(decisions.filter(pk__in=some, undone_at=None))
            decisions.filter(pk__in=[row.pk for row in rows]).update(undone_at=timezone.now())
            result = _undo(user, rows)
            restored, missing = restored + result.restored, missing + result.missing
            members = {UUID(pk) for row in rows for pk in row.changes["members"]}
            groups.regroup(user.pk or 0, members)
    return UndoResult(restored, missing)


def _undo(user: User, rows: list[Resolution]) -> UndoResult:
    restored = missing = 0
    for some in slices([pk for row in rows for pk in row.changes.get("trashed", [])]):
        restored += len(trash.restore(Photo.objects.in_trash_of(user).filter(pk__in=some)))
        missing += len(some) - Photo.objects.live().filter(pk__in=some).count()
    _take_back(rows)
    _forget(user, rows)
    for row in rows:
        if row.action == Resolution.Action.STACK:
            _unstack(user, row)
    return UndoResult(restored, missing)


def _take_back(rows: list[Resolution]) -> None:
    gains = {row.keeper_id: row.changes["gains"] for row in rows if row.changes.get("gains")}
    for some in slices([pk for pk in gains if pk is not None]):
        keepers = Photo.objects.not_deleted().filter(pk__in=some).order_by("pk")
        locked = keepers.select_for_update(no_key=True)
        merging.take_back([(photo, gains[photo.pk]) for photo in locked])


def _forget(user: User, rows: list[Resolution]) -> None:
    """Forget which photos are not the same, except what was said before these decisions."""
    pairs: set[tuple[str, str]] = set()
    for row in rows:
        before = {(first, second) for first, second in row.changes.get("apart_before", [])}
        pairs |= set(combinations(sorted(row.changes.get("apart", [])), 2)) - before
    for some in slices({first for first, _ in pairs}):
        words = NotTheSame.objects.filter(
            owner_id=user.pk or 0, first__in=[UUID(pk) for pk in some]
        ).values_list("pk", "first_id", "second_id")
        gone = [pk for pk, first, second in words if (str(first), str(second)) in pairs]
        for part in slices(gone):
            NotTheSame.objects.filter(pk__in=part).delete()


def _unstack(user: User, row: Resolution) -> None:
    """Take the stack apart and restore the stacks that its photos were in before."""
    stack_id = row.changes.get("stack")
    stack = Stack.objects.visible_to(user).filter(pk=stack_id).first() if stack_id else None
    if stack is None:
        return
    stacks.unstack(stack)
    for before in row.changes.get("before", []):
        members = Photo.objects.visible_to(user).filter(pk__in=before["members"])
        # Photos that the person has put into another stack since stay there.
        remainders = _remainders(before, members)
        free = members.filter(Q(stack=None) | Q(stack__in=remainders))
        cover = free.filter(pk=before["cover"]).first() or free.first()
        if cover is not None:
            stacks.create(free, cover)


def _remainders(before: dict[str, Any], members: PhotoQuerySet) -> list[UUID]:
    """Return the stack that was left when photos of an earlier one were taken out, if any."""
    stack_ids = {photo.stack_id for photo in members if photo.stack_id is not None}
    whole = set(before["members"])
    return [
        stack.pk
        for stack in Stack.objects.filter(pk__in=stack_ids).prefetch_related("photos")
        if {str(photo.pk) for photo in stack.photos.all()} <= whole
    ]
