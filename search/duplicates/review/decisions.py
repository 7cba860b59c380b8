"""Decisions about groups, one or many together, and what is written down to undo them."""

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
from django.utils.translation import gettext as _, ngettext

from gallery import stacks, trash
from gallery.locks import lock_owner
from gallery.models import Photo, Stack, User
from gallery.slices import slices
from gallery.user_errors import UserError
from search.duplicates.groups import groups as duplicate_groups, keeper
from search.duplicates.groups.criteria import criteria_of
from search.duplicates.groups.figures import figures_of
from search.duplicates.models import DuplicateGroup, GroupMember, NotTheSame, Resolution
from search.duplicates.review import merging

_CHUNK = 200  # groups decided in one transaction, so that others get their turn to write


class GroupChanged(UserError):
    """The group is no longer what the person saw; the message says how."""

    code = "group_changed"
    status = 409


class NothingKept(UserError):
    """No photo of the group would be kept, or a photo to keep is not in it."""

    code = "nothing_kept"


@dataclass(frozen=True)
class Batch:
    """Decisions taken together: how many groups, photos, and bytes moved to the trash.

    `photos` are those moved to the trash (keep) or decided about (stack, dismiss). `skipped`
    groups had changed meanwhile, or were decided in another tab.
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
    user: User, group_id: UUID, action: str, *, seen: Collection[UUID], keep: Collection[UUID] = ()
) -> Resolution:
    """Decide one group by a `Resolution.Action`, in one transaction.

    `seen` are the photos that the person saw in the group, `keep` those not to be trashed; the
    best of these gets the albums, tags and so on of the trashed ones. Raises `GroupChanged`,
    `NothingKept`, `DuplicateGroup.DoesNotExist` (unknown or somebody else's), and ValueError for
    an unknown action.
    """
    action = Resolution.Action(action)
    with transaction.atomic():
        lock_owner(user.pk or 0)
        groups = DuplicateGroup.objects.visible_to(user).filter(pk=group_id)
        case = next(iter(_cases(user.pk or 0, list(groups))), None)
        if case is None:
            raise _reason_gone(user, group_id, seen)
        _check_seen(case, set(seen))
        if action == Resolution.Action.KEEP:
            case = _Case(case.group, case.photos, _photos_to_keep(case, set(keep)))
        (row,) = _decide([case], action, uuid.uuid4(), timezone.now())
        duplicate_groups.regroup(case.group.owner_id, [photo.pk for photo in case.photos])
    return row


def resolve_many(user: User, kind: str, action: str, *, groups: Collection[UUID] | None) -> Batch:
    """Decide many groups of a kind in the same way, all of them for None.

    The action "keep" keeps the one photo that is best by the owner's criteria. Groups are decided
    as they are when this begins. A group that changes meanwhile is left out, so that nothing is
    trashed because of a decision made a moment before. Raises ValueError for an unknown action.
    """
    action = Resolution.Action(action)
    owner_id, batch, now = user.pk or 0, uuid.uuid4(), timezone.now()
    members = _members(user, kind, groups)
    rows: list[Resolution] = []
    try:
        for some in slices(members, _CHUNK):
            with transaction.atomic():
                lock_owner(owner_id)
                rest = DuplicateGroup.objects.filter(pk__in=some, owner_id=owner_id)
                cases = _cases(owner_id, list(rest))
                same = [case for case in cases if _ids(case.photos) == members[case.group.pk]]
                rows += _decide(same, action, batch, now)
    finally:
        decided = {photo_id for row in rows for photo_id in members[row.pk]}
        duplicate_groups.regroup(owner_id, decided)
    asked = len(members) if groups is None else len(set(groups))
    photos = sum(row.trashed if action == Resolution.Action.KEEP else row.photos for row in rows)
    freed = sum(row.freed for row in rows)
    return Batch(batch, len(rows), photos, freed, skipped=asked - len(rows))


def _members(user: User, kind: str, groups: Collection[UUID] | None) -> dict[UUID, set[UUID]]:
    """Return the photos of the groups asked for, as they are now."""
    members: dict[UUID, set[UUID]] = defaultdict(set)
    visible = DuplicateGroup.objects.visible_to(user).filter(kind=kind)
    own = GroupMember.objects.filter(group__in=visible.values("pk"), kind=kind)
    parts = [own] if groups is None else [own.filter(group__in=some) for some in slices(groups)]
    for part in parts:
        for group_id, photo_id in part.order_by("group_id").values_list("group_id", "photo_id"):
            members[group_id].add(photo_id)
    return members


def _cases(owner_id: int, groups: list[DuplicateGroup]) -> list[_Case]:
    """Return the groups that still have two live photos, with the best one to be kept."""
    members = GroupMember.objects.filter(group__in=[group.pk for group in groups])
    group_of = dict(members.values_list("photo_id", "group_id")) if groups else {}
    live: dict[UUID, list[Photo]] = defaultdict(list)
    for some in slices(sorted(group_of)):
        rows = Photo.objects.live().filter(pk__in=some).order_by("pk")
        for photo in rows.select_for_update(no_key=True):
            live[group_of[photo.pk]].append(photo)
    criteria, albums = criteria_of(owner_id), keeper.album_counts(group_of)
    cases = []
    for group in groups:
        measured = figures_of([photo.pk for photo in live[group.pk]], group.kind)
        photos = keeper.in_order(live[group.pk], criteria, albums, measured)
        if len(photos) > 1:
            cases.append(_Case(group, photos, photos[:1]))
    return cases


def _ids(photos: Iterable[Photo]) -> set[UUID]:
    return {photo.pk for photo in photos}


def _reason_gone(user: User, group_id: UUID, seen: Collection[UUID]) -> Exception:
    if Resolution.objects.visible_to(user).filter(pk=group_id).exists():
        return GroupChanged(
            _("You already decided this group in another tab or on another device.")
        )
    some = list(seen)[: duplicate_groups.REGROUP_LIMIT]
    if user.pk and Photo.objects.filter(owner_id=user.pk, pk__in=some).exists():
        return GroupChanged(
            _("This group no longer exists. Its photos were deleted or put into other groups.")
        )
    return DuplicateGroup.DoesNotExist()


def _check_seen(case: _Case, seen: set[UUID]) -> None:
    now = _ids(case.photos)
    if now == seen:
        return
    gone, new = len(seen - now), len(now - seen)
    changes = []
    if gone:
        changes.append(ngettext("%(n)d photo is gone", "%(n)d photos are gone", gone) % {"n": gone})
    if new:
        changes.append(ngettext("%(n)d photo is new", "%(n)d photos are new", new) % {"n": new})
    message = _(
        "This group changed while it was open: %(changes)s. Nothing was done. Check the group "
        "again."
    )
    raise GroupChanged(message % {"changes": ", ".join(changes)})


def _photos_to_keep(case: _Case, keep: set[UUID]) -> list[Photo]:
    if not keep:
        raise NothingKept(_("At least one photo of a group has to be kept."))
    if not keep <= _ids(case.photos):
        raise NothingKept(_("Only photos of the group can be kept."))
    return [photo for photo in case.photos if photo.pk in keep]


def _decide(
    cases: list[_Case], action: Resolution.Action, batch: UUID, now: datetime
) -> list[Resolution]:
    """Do what was decided and write it down. A decision has the id of the group that it ends."""
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
    _DECIDE[action](cases, rows)
    group_ids = [case.group.pk for case in cases]
    GroupMember.objects.filter(group__in=group_ids).delete()
    DuplicateGroup.objects.filter(pk__in=group_ids).delete()
    return Resolution.objects.bulk_create(rows)


def _keep(cases: list[_Case], rows: list[Resolution]) -> None:
    marks = merging.AlbumsAndTags([photo.pk for case in cases for photo in case.photos])
    merged, trashed = [], []
    for case, row in zip(cases, rows, strict=True):
        others = [photo for photo in case.photos if photo not in case.keep]
        # If several photos are kept, the best gains only what would be lost with the trashed ones.
        gains = merging.merge(case.keep[0], others, marks)
        merged.append((case.keep[0], gains))
        trashed += others
        row.trashed, row.freed = len(others), sum(photo.size for photo in others)
        row.changes |= {"trashed": [str(photo.pk) for photo in others], "gains": gains}
    merging.save(merged)
    for some in slices([photo.pk for photo in trashed]):
        trash.trash(Photo.objects.filter(pk__in=some))
    # Photos that were kept side by side are not shown together again.
    _remember_not_the_same([case.keep for case in cases], rows)


def _stack(cases: list[_Case], rows: list[Resolution]) -> None:
    for case, row in zip(cases, rows, strict=True):
        before = _stacks_of(case.photos)
        stack = stacks.create(Photo.objects.filter(pk__in=_ids(case.photos)), case.photos[0])
        row.changes |= {"stack": str(stack.pk) if stack else "", "before": before}


def _stacks_of(photos: list[Photo]) -> list[dict[str, Any]]:
    """Return the stacks that the photos leave, each as its cover and its photos."""
    ids = {photo.stack_id for photo in photos if photo.stack_id is not None}
    return [
        {"cover": str(stack.cover_id), "members": [str(photo.pk) for photo in stack.photos.all()]}
        for stack in Stack.objects.filter(pk__in=ids).prefetch_related("photos")
    ]


def _dismiss(cases: list[_Case], rows: list[Resolution]) -> None:
    _remember_not_the_same([case.photos for case in cases], rows)


def _remember_not_the_same(sets: list[list[Photo]], rows: list[Resolution]) -> None:
    """Remember that no two photos of a set are the same, and note in its row what is new."""
    known: set[tuple[UUID, UUID]] = set()
    for some in slices([photo.pk for photos in sets for photo in photos if len(photos) > 1]):
        words = NotTheSame.objects.filter(first__in=some)
        known.update(words.values_list("first_id", "second_id"))
    new = []
    for photos, row in zip(sets, rows, strict=True):
        pairs = set(combinations(sorted(_ids(photos)), 2))
        row.changes["apart"] = [str(photo.pk) for photo in photos] if pairs else []
        row.changes["apart_before"] = [[str(a), str(b)] for a, b in sorted(pairs & known)]
        new += [
            NotTheSame(owner_id=row.owner_id, first_id=a, second_id=b) for a, b in pairs - known
        ]
    NotTheSame.objects.bulk_create(new, ignore_conflicts=True)


_DECIDE = {
    Resolution.Action.KEEP: _keep,
    Resolution.Action.STACK: _stack,
    Resolution.Action.DISMISS: _dismiss,
}
