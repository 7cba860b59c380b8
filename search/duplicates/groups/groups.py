"""Groups of duplicates in the database: made from edges, and updated as photos come and go."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from gallery.locks import lock_owner
from gallery.models import Photo, User
from gallery.slices import slices
from search.duplicates.groups import keeper
from search.duplicates.groups.clustering import Cluster, Near
from search.duplicates.groups.criteria import Criteria, criteria_of, parse_criteria
from search.duplicates.groups.edges import clusters_of, with_neighbours, with_stack_mates
from search.duplicates.groups.figures import figures_of
from search.duplicates.models import DuplicateGroup, GroupMember, KeeperCriteria, Kind

log = logging.getLogger(__name__)

REGROUP_LIMIT = 20_000
"""Photos to regroup around at most; for more of them it is quicker to group everything again."""

_ROUNDS = 3  # of regrouping around photos that lost their group: each time there are fewer

# What ranking and the columns of a group need of a photo.
_FIELDS = "size format name width height taken_at shown_at created_at exif favourite stack_id"
_COLUMNS = ("medoid", "keeper", "size", "recoverable", "closeness", "newest_at")


StoredGroups = dict[DuplicateGroup, Near]
"""Groups as they are in the database, with the members of each."""


def regroup(owner_id: int, photo_ids: Iterable[UUID]) -> None:
    """Group the surroundings of the given photos again, after edges or photos changed.

    Only those photos, their neighbours and the members of their groups are looked at, never a
    whole connected component. Groups whose medoid stays keep their ids.
    """
    ids = set(photo_ids)
    if len(ids) > REGROUP_LIMIT:
        regroup_all(owner_id)
    elif ids:
        with transaction.atomic():
            lock_owner(owner_id)
            # Whether a photo is a copy decides whether it can be a similar shot.
            ids |= _regroup(owner_id, Kind.SAME_PICTURE, ids)
            _regroup(owner_id, Kind.SIMILAR_SHOTS, ids)


def regroup_all(owner_id: int) -> None:
    """Group all photos of an owner again, in one transaction."""
    with transaction.atomic():
        lock_owner(owner_id)
        for kind in (Kind.SAME_PICTURE, Kind.SIMILAR_SHOTS):
            stored = _all_groups(owner_id, kind)
            _replace(owner_id, kind, stored, clusters_of(owner_id, kind, None))


def set_criteria(user: User, order: Sequence[str], pattern: str) -> Criteria:
    """Save what the user wants to keep and choose the keepers of all their groups by it.

    Criteria left out follow those given. Raises `BadCriteria`.
    """
    criteria, owner_id = parse_criteria(order, pattern), user.pk or 0
    with transaction.atomic():
        lock_owner(owner_id)
        KeeperCriteria.objects.update_or_create(
            pk=owner_id, defaults={"order": criteria.order, "pattern": criteria.pattern}
        )
        changed = _choose_keepers(owner_id, Kind.SAME_PICTURE)
        # Where another copy is kept now, that one can be a similar shot.
        _regroup(owner_id, Kind.SIMILAR_SHOTS, changed)
        _choose_keepers(owner_id, Kind.SIMILAR_SHOTS)
    return criteria


def _choose_keepers(owner_id: int, kind: Kind) -> set[UUID]:
    """Choose the keepers of all groups of a kind again; return the photos of changed groups."""
    stored = _all_groups(owner_id, kind)
    same = [Cluster(row.medoid_id, members) for row, members in stored.items()]
    return _replace(owner_id, kind, stored, same)[0]


def regroup_moved(photo_ids: Collection[UUID]) -> None:
    """Update the groups after photos went to the trash or came back."""
    owners: dict[UUID, int] = {}
    for some in slices(photo_ids):
        live = dict(Photo.objects.live().filter(pk__in=some).values_list("pk", "owner_id"))
        members = _owners_of_members(some)
        # A photo that went matters only if a group still has it, one that came back only if no
        # group has it: whoever moved it may have updated its groups already.
        changed = live.keys() ^ members.keys()
        owners |= {pk: owner_id for pk, owner_id in (members | live).items() if pk in changed}
    _regroup_by_owner(owners)


def regroup_stacked(photo_ids: Collection[UUID]) -> None:
    """Update the groups after photos were stacked or unstacked."""
    owners: dict[UUID, int] = {}
    for some in slices(photo_ids):
        members = _owners_of_members(some)
        rows = Photo.objects.live().filter(pk__in=some)
        for photo_id, owner_id, stack_id in rows.values_list("pk", "owner_id", "stack_id"):
            # A stacked photo without a group, or a single one with its group, needs nothing.
            if (stack_id is None) != (photo_id in members):
                owners[photo_id] = owner_id
    _regroup_by_owner(owners)


def _owners_of_members(photo_ids: list[UUID]) -> dict[UUID, int]:
    members = GroupMember.objects.filter(photo__in=photo_ids)
    return dict(members.values_list("photo_id", "group__owner_id"))


def _regroup_by_owner(owners: dict[UUID, int]) -> None:
    for owner_id in set(owners.values()):
        regroup(owner_id, [photo_id for photo_id, owner in owners.items() if owner == owner_id])


def on_photos_moved(photo_ids: list[UUID], **kwargs: Any) -> None:
    """Receive `gallery.signals.photos_moved`; errors are logged, because the move is done."""
    try:
        regroup_moved(photo_ids)
    except Exception:
        log.exception("The groups of duplicates do not know of %d moved photos", len(photo_ids))


def on_photos_stacked(photo_ids: list[UUID], **kwargs: Any) -> None:
    """Receive `gallery.signals.photos_stacked`; errors are logged, because the stack is made."""
    try:
        regroup_stacked(photo_ids)
    except Exception:
        log.exception("The groups of duplicates do not know of %d stacked photos", len(photo_ids))


def _regroup(owner_id: int, kind: Kind, ids: set[UUID]) -> set[UUID]:
    """Regroup one kind and return the photos of groups that changed."""
    all_changed: set[UUID] = set()
    for _ in range(_ROUNDS):
        near = with_stack_mates(with_neighbours(kind, ids))
        stored = _groups_with(kind, near)
        scope = near.union(*stored.values())
        clusters = clusters_of(owner_id, kind, scope)
        changed, without_group = _replace(owner_id, kind, stored, clusters)
        all_changed |= changed
        # A photo whose medoid is gone may find a group one step further away.
        ids = without_group - ids
        if not ids:
            break
    return all_changed


# --- reading and writing groups -------------------------------------------------------------------


def _all_groups(owner_id: int, kind: Kind) -> StoredGroups:
    groups = DuplicateGroup.objects.filter(owner_id=owner_id, kind=kind)
    members = GroupMember.objects.filter(group__owner_id=owner_id, kind=kind)
    return _with_members(groups, members)


def _groups_with(kind: Kind, photo_ids: Collection[UUID]) -> StoredGroups:
    """Return the groups of which one of the given photos is a member."""
    ids: set[UUID] = set()
    for some in slices(photo_ids):
        memberships = GroupMember.objects.filter(photo__in=some, kind=kind)
        ids.update(memberships.values_list("group_id", flat=True))
    groups: list[DuplicateGroup] = []
    members: list[GroupMember] = []
    for some in slices(ids):
        groups += DuplicateGroup.objects.filter(pk__in=some)
        members += GroupMember.objects.filter(group__in=some)
    return _with_members(groups, members)


def _with_members(groups: Iterable[DuplicateGroup], members: Iterable[GroupMember]) -> StoredGroups:
    near: dict[UUID, Near] = defaultdict(dict)
    for member in members:
        near[member.group_id][member.photo_id] = (member.closeness, member.how)
    return {row: near[row.pk] for row in groups}


def _replace(
    owner_id: int, kind: Kind, stored: StoredGroups, clusters: list[Cluster]
) -> tuple[set[UUID], set[UUID]]:
    """Replace stored groups with clusters; groups that continue keep their ids.

    Returns the photos of groups that changed, and those that were in a group and no longer are.
    """
    photos = _photos({photo_id for cluster in clusters for photo_id in cluster.members})
    clusters = [cluster for cluster in clusters if _is_group(cluster, photos)]
    rows = _rows(owner_id, kind, stored, clusters)
    criteria, albums = criteria_of(owner_id), keeper.album_counts(photos)
    measured = figures_of(photos, kind)
    changed = []
    for row, cluster in zip(rows, clusters, strict=True):
        members = [photos[photo_id] for photo_id in cluster.members]
        is_new = _fill(
            row, cluster, members, keeper.in_order(members, criteria, albums, measured)[0]
        )
        if is_new or stored.get(row) != cluster.members:
            changed.append((row, cluster))
    gone = stored.keys() - set(rows)
    _write(kind, stored, {row.pk for row in gone}, changed)
    changed_ids = {photo_id for row in gone for photo_id in stored[row]}
    for row, cluster in changed:
        changed_ids.update(cluster.members, stored.get(row, {}))
    before = set().union(*stored.values())
    return changed_ids, before.difference(*(cluster.members for cluster in clusters))


def _photos(ids: Collection[UUID]) -> dict[UUID, Photo]:
    photos: dict[UUID, Photo] = {}
    for some in slices(ids):
        rows = Photo.objects.live().filter(pk__in=some).only(*_FIELDS.split())
        photos.update((photo.pk, photo) for photo in rows)
    return photos


def _is_group(cluster: Cluster, photos: dict[UUID, Photo]) -> bool:
    """Tell whether there is something to decide: all photos live, and not all in one stack."""
    if len(cluster.members) < 2 or not all(photo_id in photos for photo_id in cluster.members):
        return False
    stacks = {photos[photo_id].stack_id for photo_id in cluster.members}
    return len(stacks) > 1 or None in stacks


def _rows(
    owner_id: int, kind: Kind, stored: StoredGroups, clusters: list[Cluster]
) -> list[DuplicateGroup]:
    """Return a row for each cluster: that of the stored group it continues, or a new one.

    A cluster continues the group with its medoid, or else the one it shares most photos with.
    """
    by_medoid = {row.medoid_id: row for row in stored}
    medoids = {cluster.medoid for cluster in clusters}
    rest = {row for row in stored if row.medoid_id not in medoids}
    group_of = {photo_id: row for row in rest for photo_id in stored[row]}
    rows = []
    for cluster in clusters:
        row = by_medoid.get(cluster.medoid)
        if row is None:
            shared = Counter(group_of[pk] for pk in cluster.members if group_of.get(pk) in rest)
            if shared:
                row = shared.most_common(1)[0][0]
                rest.remove(row)
        rows.append(row or DuplicateGroup(owner_id=owner_id, kind=kind))
    return rows


def _fill(row: DuplicateGroup, cluster: Cluster, members: list[Photo], best: Photo) -> bool:
    """Write the facts of a group into its row and tell whether any of them changed."""
    facts = {
        "medoid_id": cluster.medoid,
        "keeper_id": best.pk,
        "size": len(members),
        "recoverable": sum(photo.size for photo in members) - best.size,
        "closeness": min(closeness for closeness, _ in cluster.members.values()),
        "newest_at": max(photo.shown_at for photo in members),
    }
    changed = {name: value for name, value in facts.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    return bool(changed)


def _write(
    kind: Kind, stored: StoredGroups, gone: set[UUID], changed: list[tuple[DuplicateGroup, Cluster]]
) -> None:
    new_members = [(row, cluster) for row, cluster in changed if stored.get(row) != cluster.members]
    # Memberships go first, because a photo can be in only one group of a kind.
    for some in slices(gone | {row.pk for row, _ in new_members}):
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
        for row, cluster in new_members
        for photo_id, (closeness, how) in cluster.members.items()
    )
