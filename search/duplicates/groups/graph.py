"""What grouping reads: edges between live photos, pairs kept apart, and how far to look."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db.models import F, Q

from gallery.models import Photo
from gallery.slices import slices
from search.duplicates.groups.clustering import Cluster, Edge, Near, cluster
from search.duplicates.models import DuplicateGroup, GroupMember, Kind, Likeness, NotTheSame

_LIVE = Q(
    first__deleted_at=None,
    first__trashed_at=None,
    second__deleted_at=None,
    second__trashed_at=None,
)


@dataclass
class Standing:
    """Groups as they stand in the database, with their members."""

    groups: list[DuplicateGroup]
    members: dict[UUID, Near]


def standing(owner_id: int, kind: Kind, around: Collection[UUID] | None) -> Standing:
    """Return the groups of which one of the given photos is a member; all of them for None."""
    if around is None:
        rows = list(DuplicateGroup.objects.filter(owner_id=owner_id, kind=kind))
        members = GroupMember.objects.filter(group__owner_id=owner_id, kind=kind)
        return Standing(rows, _by_group(list(members)))
    ids: set[UUID] = set()
    for some in slices(around):
        memberships = GroupMember.objects.filter(photo__in=some, kind=kind)
        ids.update(memberships.values_list("group_id", flat=True))
    found = Standing([], {})
    for some in slices(ids):
        found.groups += DuplicateGroup.objects.filter(pk__in=some)
        found.members |= _by_group(list(GroupMember.objects.filter(group__in=some)))
    return found


def _by_group(members: list[GroupMember]) -> dict[UUID, Near]:
    found: dict[UUID, Near] = {}
    for member in members:
        near = found.setdefault(member.group_id, {})
        near[member.photo_id] = (member.closeness, member.how)
    return found


def with_neighbours(kind: Kind, ids: Collection[UUID]) -> set[UUID]:
    """Return the given photos and those that they have an edge to."""
    found = set(ids)
    for some in slices(ids):
        edges = Likeness.objects.filter(kind=kind)
        found.update(edges.filter(first__in=some).values_list("second_id", flat=True))
        found.update(edges.filter(second__in=some).values_list("first_id", flat=True))
    return found


def with_stack_mates(ids: Collection[UUID]) -> set[UUID]:
    """Return the given photos and those in one stack with them.

    A stack is in no group of its own, but goes whole into one that another photo makes of it.
    """
    found = set(ids)
    for some in slices(ids):
        stacks = Photo.objects.filter(pk__in=some).exclude(stack=None).values("stack_id")
        found.update(Photo.objects.filter(stack__in=stacks).values_list("pk", flat=True))
    return found


def clusters(owner_id: int, kind: Kind, scope: set[UUID] | None) -> list[Cluster]:
    """Return the photos of `scope`, or all of the owner, as groups.

    Copies of a picture but the one to keep are no similar shots: they are settled first.
    """
    apart = _apart(owner_id, scope)
    gone = _copies(owner_id, scope) if kind == Kind.SIMILAR_SHOTS else set()
    edges = [
        edge
        for edge in _edges(owner_id, kind, scope)
        if (edge.first, edge.second) not in apart
        and edge.first not in gone
        and edge.second not in gone
    ]
    return cluster(edges, apart=apart)


def _edges(owner_id: int, kind: Kind, scope: set[UUID] | None) -> list[Edge]:
    edges = Likeness.objects.filter(_LIVE, kind=kind)
    columns = ("first_id", "second_id", "closeness", "how")
    if scope is None:
        return [Edge(*row) for row in edges.filter(owner_id=owner_id).values_list(*columns)]
    # Not filtered by owner, for which SQLite would read all the owner's edges to find a few.
    return [
        Edge(*row)
        for some in slices(scope)
        for row in edges.filter(first__in=some).values_list(*columns)
        if row[1] in scope
    ]


def _apart(owner_id: int, scope: set[UUID] | None) -> set[tuple[UUID, UUID]]:
    if scope is None:
        words = NotTheSame.objects.filter(owner_id=owner_id)
        return set(words.values_list("first_id", "second_id"))
    return {
        (first, second)
        for some in slices(scope)
        for first, second in NotTheSame.objects.filter(first__in=some).values_list(
            "first_id", "second_id"
        )
        if second in scope
    }


def _copies(owner_id: int, scope: set[UUID] | None) -> set[UUID]:
    copies = GroupMember.objects.filter(kind=Kind.SAME_PICTURE).exclude(photo=F("group__keeper"))
    if scope is None:
        return set(copies.filter(group__owner_id=owner_id).values_list("photo_id", flat=True))
    return {
        photo_id
        for some in slices(scope)
        for photo_id in copies.filter(photo__in=some).values_list("photo_id", flat=True)
    }
