"""Groups of duplicates in the database: made from edges, and kept right as photos come and go."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from django.db import transaction

from gallery.locks import lock_owner
from gallery.models import Photo
from gallery.slices import slices
from search.duplicates.groups import graph, ranking
from search.duplicates.groups.clustering import Cluster
from search.duplicates.groups.graph import Standing
from search.duplicates.models import DuplicateGroup, GroupMember, Kind
from search.duplicates.review.album_counts import album_counts
from search.duplicates.review.listing import (
    SAME_FILE,
    SORTS,
    Alike,
    Page,
    Shown,
    ShownMember,
    Totals,
    alike,
    page,
    shown,
    skipped,
    totals,
)

__all__ = [
    "SAME_FILE",
    "SORTS",
    "Alike",
    "Page",
    "Shown",
    "ShownMember",
    "Totals",
    "alike",
    "choose_anew",
    "follow",
    "follow_stacks",
    "on_photos_moved",
    "on_photos_stacked",
    "page",
    "regroup",
    "regroup_all",
    "shown",
    "skipped",
    "totals",
]

log = logging.getLogger(__name__)

MOST = 20_000
"""Photos to regroup around; for more of them it is quicker to group everything anew."""

_ROUNDS = 3
"""How often photos that were left alone are looked at again: each time there are fewer."""

# What ranking and the columns of a group need of a photo.
_FIELDS = (
    *("size", "format", "name", "width", "height", "taken_at", "shown_at", "created_at"),
    *("exif", "favourite", "stack_id"),
)
_COLUMNS = ("medoid", "keeper", "size", "recoverable", "closeness", "newest_at")


def regroup(owner_id: int, photo_ids: Iterable[UUID]) -> None:
    """Group anew what lies around the given photos, after edges or photos changed.

    Only those photos, their neighbours and the members of the groups that these are in are
    looked at, never a whole component. Groups whose medoid stays keep their ids.
    """
    ids = set(photo_ids)
    if len(ids) > MOST:
        regroup_all(owner_id)
    elif ids:
        with transaction.atomic():
            lock_owner(owner_id)
            # Whether a photo is a copy decides whether it can be a similar shot.
            ids |= _regroup(owner_id, Kind.SAME_PICTURE, ids)
            _regroup(owner_id, Kind.SIMILAR_SHOTS, ids)


def regroup_all(owner_id: int) -> None:
    """Group all photos of an owner anew, in one transaction."""
    with transaction.atomic():
        lock_owner(owner_id)
        for kind in (Kind.SAME_PICTURE, Kind.SIMILAR_SHOTS):
            old = graph.standing(owner_id, kind, None)
            _replace(owner_id, kind, old, graph.clusters(owner_id, kind, None))


def choose_anew(owner_id: int) -> None:
    """Choose the keepers of all groups of an owner anew, after the criteria changed."""
    with transaction.atomic():
        lock_owner(owner_id)
        touched = _choose(owner_id, Kind.SAME_PICTURE)
        # Where another copy is kept, that one is to be compared with similar shots.
        _regroup(owner_id, Kind.SIMILAR_SHOTS, touched)
        _choose(owner_id, Kind.SIMILAR_SHOTS)


def _choose(owner_id: int, kind: Kind) -> set[UUID]:
    old = graph.standing(owner_id, kind, None)
    same = [Cluster(row.medoid_id, old.members.get(row.pk, {})) for row in old.groups]
    return _replace(owner_id, kind, old, same)[0]


def follow(photo_ids: Collection[UUID]) -> None:
    """Bring the groups up to date with photos that went to the trash or came back."""
    around: dict[int, set[UUID]] = defaultdict(set)
    for some in slices(photo_ids):
        live = Photo.objects.live().filter(pk__in=some)
        back = dict(live.values_list("pk", "owner_id"))
        members = GroupMember.objects.filter(photo__in=some)
        grouped = dict(members.values_list("photo_id", "group__owner_id"))
        # One that went matters only to the groups that still have it, one that came back only
        # while it is in none: whoever moved it may have seen to its groups already.
        for photo_id in grouped.keys() ^ back.keys():
            owner_id = back.get(photo_id) or grouped[photo_id]
            around[owner_id].add(photo_id)
    for owner_id, ids in around.items():
        regroup(owner_id, ids)


def follow_stacks(photo_ids: Collection[UUID]) -> None:
    """Bring the groups up to date with photos that were stacked or unstacked."""
    around: dict[int, set[UUID]] = defaultdict(set)
    for some in slices(photo_ids):
        members = GroupMember.objects.filter(photo__in=some)
        grouped = set(members.values_list("photo_id", flat=True))
        rows = Photo.objects.live().filter(pk__in=some)
        for photo_id, owner_id, stack_id in rows.values_list("pk", "owner_id", "stack_id"):
            # What was decided as a group is in none any more, and is seen to already.
            if (stack_id is None) != (photo_id in grouped):
                around[owner_id].add(photo_id)
    for owner_id, ids in around.items():
        regroup(owner_id, ids)


def on_photos_moved(photo_ids: list[UUID], **kwargs: Any) -> None:
    """Receive `gallery.signals.photos_moved`; a fault is logged, since the move itself is done."""
    try:
        follow(photo_ids)
    except Exception:
        log.exception("The groups of duplicates do not know of %d moved photos", len(photo_ids))


def on_photos_stacked(photo_ids: list[UUID], **kwargs: Any) -> None:
    """Receive `gallery.signals.photos_stacked`; a fault is logged, since they are stacked."""
    try:
        follow_stacks(photo_ids)
    except Exception:
        log.exception("The groups of duplicates do not know of %d stacked photos", len(photo_ids))


def _regroup(owner_id: int, kind: Kind, ids: set[UUID]) -> set[UUID]:
    """Regroup one kind and return the photos that are in other company than before."""
    touched: set[UUID] = set()
    for _ in range(_ROUNDS):
        near = graph.with_stack_mates(graph.with_neighbours(kind, ids))
        old = graph.standing(owner_id, kind, near)
        scope = near.union(*old.members.values())
        changed, alone = _replace(owner_id, kind, old, graph.clusters(owner_id, kind, scope))
        touched |= changed
        # Left alone by a medoid that is gone, a photo may find others a step further away.
        ids = alone - ids
        if not ids:
            break
    return touched


def _replace(
    owner_id: int, kind: Kind, old: Standing, new: list[Cluster]
) -> tuple[set[UUID], set[UUID]]:
    """Put new groups into the place of the old ones, of which those that go on keep their ids.

    Returns the photos of groups that changed, and those that were in a group and are no more.
    """
    photos = _photos({photo_id for group in new for photo_id in group.members})
    new = [group for group in new if _is_group(group, photos)]
    rows = _rows(owner_id, kind, old, new)
    criteria, albums = ranking.saved(owner_id), album_counts(photos)
    changed = []
    for row, group in zip(rows, new, strict=True):
        members = [photos[photo_id] for photo_id in group.members]
        filled = _fill(row, group, members, ranking.best(members, criteria, albums))
        if filled or old.members.get(row.pk) != group.members:
            changed.append((row, group))
    gone = {row.pk for row in old.groups} - {row.pk for row in rows}
    _write(kind, old, gone, changed)
    touched = {photo_id for pk in gone for photo_id in old.members.get(pk, {})}
    for row, group in changed:
        touched.update(group.members, old.members.get(row.pk, {}))
    before = {photo_id for members in old.members.values() for photo_id in members}
    return touched, before.difference(*(group.members for group in new))


def _photos(ids: Collection[UUID]) -> dict[UUID, Photo]:
    found: dict[UUID, Photo] = {}
    for some in slices(ids):
        rows = Photo.objects.live().filter(pk__in=some).only(*_FIELDS)
        found.update((photo.pk, photo) for photo in rows)
    return found


def _is_group(group: Cluster, photos: dict[UUID, Photo]) -> bool:
    """Tell whether there is something to decide: all photos live, and not all in one stack."""
    if len(group.members) < 2 or not all(photo_id in photos for photo_id in group.members):
        return False
    stacks = {photos[photo_id].stack_id for photo_id in group.members}
    return len(stacks) > 1 or None in stacks


def _rows(owner_id: int, kind: Kind, old: Standing, new: list[Cluster]) -> list[DuplicateGroup]:
    """Return a row for each new group: that of the old one it continues, or a fresh one.

    A group continues the one with its medoid, or else the one it shares most photos with.
    """
    free = {row.medoid_id: row for row in old.groups}
    kept = {group.medoid: free.pop(group.medoid) for group in new if group.medoid in free}
    left = {row.pk: row for row in free.values()}
    home = {photo_id: pk for pk in left for photo_id in old.members.get(pk, {})}
    rows = []
    for group in new:
        row = kept.get(group.medoid)
        if row is None:
            shared = Counter(home[photo_id] for photo_id in group.members if photo_id in home)
            row = next((left.pop(pk) for pk, _ in shared.most_common() if pk in left), None)
        rows.append(row or DuplicateGroup(owner_id=owner_id, kind=kind))
    return rows


def _fill(row: DuplicateGroup, group: Cluster, members: list[Photo], best: Photo) -> bool:
    """Write the facts of a group into its row and tell whether any of them is new."""
    facts = {
        "medoid_id": group.medoid,
        "keeper_id": best.pk,
        "size": len(members),
        "recoverable": sum(photo.size for photo in members) - best.size,
        "closeness": min(closeness for closeness, _ in group.members.values()),
        "newest_at": max(photo.shown_at for photo in members),
    }
    changed = False
    for name, value in facts.items():
        if getattr(row, name) != value:
            setattr(row, name, value)
            changed = True
    return changed


def _write(
    kind: Kind, old: Standing, gone: set[UUID], changed: list[tuple[DuplicateGroup, Cluster]]
) -> None:
    anew = [(row, group) for row, group in changed if old.members.get(row.pk) != group.members]
    # Memberships go first, as a photo is in one group of a kind only.
    for some in slices(gone | {row.pk for row, _ in anew}):
        GroupMember.objects.filter(group__in=some).delete()
    for some in slices(gone):
        DuplicateGroup.objects.filter(pk__in=some).delete()
    DuplicateGroup.objects.bulk_create(
        [row for row, _ in changed],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=_COLUMNS,
    )
    GroupMember.objects.bulk_create(
        GroupMember(group=row, photo_id=photo_id, kind=kind, closeness=closeness, how=how)
        for row, group in anew
        for photo_id, (closeness, how) in group.members.items()
    )
