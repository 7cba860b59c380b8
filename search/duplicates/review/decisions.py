"""Decisions about groups: taken at once or many together, remembered, and undone."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from gallery import stacks, trash
from gallery.locks import lock_owner
from gallery.models import Photo, Stack, User
from gallery.slices import slices
from gallery.user_errors import UserError
from search.duplicates.groups import groups as grouped, ranking
from search.duplicates.models import DuplicateGroup, GroupMember, NotTheSame, Resolution
from search.duplicates.review import merging
from search.duplicates.review.album_counts import album_counts
from search.duplicates.review.history import Entry, Undone, history, undo

__all__ = [
    "Batch",
    "Changed",
    "Entry",
    "NothingKept",
    "Undone",
    "history",
    "resolve",
    "resolve_many",
    "undo",
]

_CHUNK = 200
"""Groups decided in one transaction, so that others get their turn to write."""


class Changed(UserError):
    """The group is no longer what was decided about; the message says so."""

    code = "group_changed"
    status = 409


class NothingKept(UserError):
    """No photo of the group would be kept, or one named for keeping is not in it."""

    code = "nothing_kept"


@dataclass(frozen=True)
class Batch:
    """Decisions taken together: how many groups, photos, and bytes moved to the trash.

    `photos` are those moved to the trash (keep) or decided about (stack, dismiss). `skipped`
    groups had changed or were decided by somebody else meanwhile.
    """

    id: UUID
    groups: int
    photos: int
    freed: int
    skipped: int = 0


@dataclass(frozen=True)
class _Case:
    """A group to decide: its live photos, the best first, and those to keep, the best first."""

    group: DuplicateGroup
    photos: list[Photo]
    keep: list[Photo]


def resolve(
    user: User,
    group_id: UUID,
    action: str,
    *,
    seen: Collection[UUID],
    keep: Collection[UUID] = (),
) -> Resolution:
    """Decide one group: "keep", "stack" or "dismiss", in one transaction.

    `seen` are the photos that the person saw in the group, `keep` those not to be trashed; of
    these the best one gets the albums, tags and so on of the trashed ones. Raises `Changed`,
    `NothingKept`, `DuplicateGroup.DoesNotExist` (unknown or somebody else's), and ValueError for
    an unknown action.
    """
    action = Resolution.Action(action)
    with transaction.atomic():
        lock_owner(user.pk or 0)
        found = DuplicateGroup.objects.visible_to(user).filter(pk=group_id)
        case = next(iter(_cases(user.pk or 0, list(found))), None)
        if case is None:
            raise _gone(user, group_id, seen)
        _check_seen(case, set(seen))
        if action == Resolution.Action.KEEP:
            case = _Case(case.group, case.photos, _kept(case, set(keep)))
        (row,) = _decide([case], action, uuid.uuid4(), timezone.now())
        grouped.regroup(case.group.owner_id, [photo.pk for photo in case.photos])
    return row


def resolve_many(user: User, kind: str, action: str, *, groups: Collection[UUID] | None) -> Batch:
    """Decide many groups of a kind in the same way, all of them for None.

    To "keep" is to keep the one photo that is best by the owner's criteria. The groups are decided
    as they stand when this begins: one that changes meanwhile is left out, so that nothing is
    trashed because of what was decided a moment before. Raises ValueError for an unknown action.
    """
    action = Resolution.Action(action)
    owner_id, batch, now = user.pk or 0, uuid.uuid4(), timezone.now()
    begun = _members(user, kind, groups)
    rows: list[Resolution] = []
    try:
        for some in slices(begun, _CHUNK):
            with transaction.atomic():
                lock_owner(owner_id)
                found = DuplicateGroup.objects.filter(pk__in=some, owner_id=owner_id)
                cases = _cases(owner_id, list(found))
                same = [one for one in cases if _ids(one.photos) == begun[one.group.pk]]
                rows += _decide(same, action, batch, now)
    finally:
        done = {row.pk for row in rows}
        grouped.regroup(owner_id, {pk for one in done for pk in begun[one]})
    asked = len(begun) if groups is None else len(set(groups))
    photos = sum(row.trashed if action == Resolution.Action.KEEP else row.photos for row in rows)
    freed = sum(row.freed for row in rows)
    return Batch(batch, len(rows), photos, freed, skipped=asked - len(rows))


def _members(user: User, kind: str, groups: Collection[UUID] | None) -> dict[UUID, set[UUID]]:
    """Return the photos of the groups asked for, as they are now."""
    found: dict[UUID, set[UUID]] = defaultdict(set)
    mine = GroupMember.objects.filter(group__owner_id=user.pk or 0, kind=kind)
    parts = [mine] if groups is None else [mine.filter(group__in=some) for some in slices(groups)]
    for part in parts:
        for group_id, photo_id in part.order_by("group_id").values_list("group_id", "photo_id"):
            found[group_id].add(photo_id)
    return found


def _cases(owner_id: int, groups: list[DuplicateGroup]) -> list[_Case]:
    """Return the groups that still have two live photos, with the best one to be kept."""
    members = GroupMember.objects.filter(group__in=[group.pk for group in groups])
    homes = dict(members.values_list("photo_id", "group_id")) if groups else {}
    live: dict[UUID, list[Photo]] = defaultdict(list)
    for some in slices(sorted(homes)):
        rows = Photo.objects.live().filter(pk__in=some).order_by("pk")
        for photo in rows.select_for_update(no_key=True):
            live[homes[photo.pk]].append(photo)
    criteria, albums = ranking.saved(owner_id), album_counts(homes)
    cases = []
    for group in groups:
        photos = ranking.in_order(live[group.pk], criteria, albums)
        if len(photos) > 1:
            cases.append(_Case(group, photos, photos[:1]))
    return cases


def _ids(photos: Iterable[Photo]) -> set[UUID]:
    return {photo.pk for photo in photos}


def _gone(user: User, group_id: UUID, seen: Collection[UUID]) -> Exception:
    if Resolution.objects.visible_to(user).filter(pk=group_id).exists():
        return Changed("This group was decided already, in another tab or on another device.")
    some = list(seen)[: grouped.MOST]
    if user.pk and Photo.objects.filter(owner_id=user.pk, pk__in=some).exists():
        return Changed("This group is gone: its photos were deleted or regrouped meanwhile.")
    return DuplicateGroup.DoesNotExist()


def _check_seen(case: _Case, seen: set[UUID]) -> None:
    there = _ids(case.photos)
    if there == seen:
        return
    gone, new = len(seen - there), len(there - seen)
    changes = [f"{_photos(gone)} gone"] if gone else []
    changes += [f"{_photos(new)} new"] if new else []
    raise Changed(
        f"This group changed while it was open: {', '.join(changes)}. Nothing was done; look again."
    )


def _photos(number: int) -> str:
    return "1 photo is" if number == 1 else f"{number} photos are"


def _kept(case: _Case, keep: set[UUID]) -> list[Photo]:
    if not keep:
        raise NothingKept("At least one photo of a group has to be kept.")
    if not keep <= _ids(case.photos):
        raise NothingKept("Only photos of the group can be kept.")
    return [photo for photo in case.photos if photo.pk in keep]


def _decide(
    cases: list[_Case], action: Resolution.Action, batch: UUID, now: datetime
) -> list[Resolution]:
    """Do what was decided and write it down. A decision has the id of the group that it ended."""
    rows = [
        Resolution(
            id=case.group.pk,
            batch=batch,
            owner_id=case.group.owner_id,
            kind=case.group.kind,
            action=action,
            keeper=case.keep[0],
            photos=len(case.photos),
            changes={"members": [str(photo.pk) for photo in case.photos]},
            decided_at=now,
        )
        for case in cases
    ]
    _DEEDS[action](cases, rows)
    ended = [case.group.pk for case in cases]
    GroupMember.objects.filter(group__in=ended).delete()
    DuplicateGroup.objects.filter(pk__in=ended).delete()
    return Resolution.objects.bulk_create(rows)


def _keep(cases: list[_Case], rows: list[Resolution]) -> None:
    marks = merging.Marks([photo.pk for case in cases for photo in case.photos])
    merged, doomed = [], []
    for case, row in zip(cases, rows, strict=True):
        out = [photo for photo in case.photos if photo not in case.keep]
        # Where several stay, nothing is copied between them; they only get what would be lost.
        got = merging.merge(case.keep[0], out, marks)
        merged.append((case.keep[0], got))
        doomed += out
        row.trashed, row.freed = len(out), sum(photo.size for photo in out)
        row.changes |= {"trashed": [str(photo.pk) for photo in out], "got": got}
    merging.give(merged)
    for some in slices([photo.pk for photo in doomed]):
        trash.trash(Photo.objects.filter(pk__in=some))
    # Photos that were kept side by side are not asked about again.
    _say_apart([case.keep for case in cases], rows)


def _stack(cases: list[_Case], rows: list[Resolution]) -> None:
    for case, row in zip(cases, rows, strict=True):
        before = _stacks_of(case.photos)
        made = stacks.create(Photo.objects.filter(pk__in=_ids(case.photos)), case.photos[0])
        row.changes |= {"stack": str(made.pk) if made else "", "before": before}


def _stacks_of(photos: list[Photo]) -> list[dict[str, Any]]:
    """Return the stacks that the photos leave, each as its cover and its photos."""
    left = {photo.stack_id for photo in photos if photo.stack_id is not None}
    found = []
    for made in Stack.objects.filter(pk__in=left).prefetch_related("photos") if left else []:
        members = [str(photo.pk) for photo in made.photos.all()]
        found.append({"cover": str(made.cover_id), "members": members})
    return found


def _dismiss(cases: list[_Case], rows: list[Resolution]) -> None:
    _say_apart([case.photos for case in cases], rows)


def _say_apart(sets: list[list[Photo]], rows: list[Resolution]) -> None:
    """Remember for each set of photos that no two of them are the same, and write down whose."""
    known: set[tuple[UUID, UUID]] = set()
    for some in slices([photo.pk for photos in sets for photo in photos if len(photos) > 1]):
        said = NotTheSame.objects.filter(first__in=some)
        known.update(said.values_list("first_id", "second_id"))
    new = []
    for photos, row in zip(sets, rows, strict=True):
        pairs = set(combinations(sorted(_ids(photos)), 2))
        row.changes["apart"] = [str(photo.pk) for photo in photos] if pairs else []
        row.changes["apart_before"] = [[str(a), str(b)] for a, b in sorted(pairs & known)]
        new += [
            NotTheSame(owner_id=row.owner_id, first_id=a, second_id=b) for a, b in pairs - known
        ]
    NotTheSame.objects.bulk_create(new, ignore_conflicts=True)


_DEEDS = {
    Resolution.Action.KEEP: _keep,
    Resolution.Action.STACK: _stack,
    Resolution.Action.DISMISS: _dismiss,
}
