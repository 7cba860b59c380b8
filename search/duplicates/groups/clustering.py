"""From edges to clusters that never chain: the edges near some photos, and stars made of them."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from math import fsum
from uuid import UUID

from django.db.models import F, Q

from gallery.models import Photo
from gallery.slices import slices
from search.duplicates.models import DuplicateEdge, GroupMember, Kind, NotTheSame

CAP = 50
"""Members of a group besides its medoid, so that a page of groups stays a page."""

_LIVE = Q(
    first__deleted_at=None,
    first__trashed_at=None,
    second__deleted_at=None,
    second__trashed_at=None,
)

Near = dict[UUID, tuple[float, str]]
"""Photos near another one: id -> (closeness, how)."""


@dataclass(frozen=True)
class Edge:
    """Two photos that are alike; see `DuplicateEdge` for closeness and how."""

    first: UUID
    second: UUID
    closeness: float
    how: str = ""


@dataclass(frozen=True)
class Cluster:
    """A medoid and the photos that are close to it: id -> (closeness to the medoid, how).

    The medoid itself is a member, with (1.0, "").
    """

    medoid: UUID
    members: Near


# --- edges from the database ----------------------------------------------------------------------


def clusters_of(owner_id: int, kind: Kind, scope: set[UUID] | None) -> list[Cluster]:
    """Return the clusters of the photos of `scope`, or of all photos of the owner for None.

    Of a picture with copies, only the one to keep can be a similar shot of other photos.
    """
    dismissed = _dismissed_pairs(owner_id, scope)
    copies = _copies(owner_id, scope) if kind == Kind.SIMILAR_SHOTS else set()
    edges = [
        edge
        for edge in _edges(owner_id, kind, scope)
        if (edge.first, edge.second) not in dismissed
        and edge.first not in copies
        and edge.second not in copies
    ]
    return cluster(edges, apart=dismissed)


def with_neighbours(kind: Kind, ids: Collection[UUID]) -> set[UUID]:
    """Return the given photos and all that they have an edge to."""
    photo_ids = set(ids)
    for some in slices(ids):
        edges = DuplicateEdge.objects.filter(kind=kind)
        photo_ids.update(edges.filter(first__in=some).values_list("second_id", flat=True))
        photo_ids.update(edges.filter(second__in=some).values_list("first_id", flat=True))
    return photo_ids


def with_stack_mates(ids: Collection[UUID]) -> set[UUID]:
    """Return the given photos and those that share a stack with them.

    A stack alone is no group, but if another photo is like one of its photos, all of it is.
    """
    photo_ids = set(ids)
    for some in slices(ids):
        stacks = Photo.objects.filter(pk__in=some).exclude(stack=None).values("stack_id")
        photo_ids.update(Photo.objects.filter(stack__in=stacks).values_list("pk", flat=True))
    return photo_ids


def _edges(owner_id: int, kind: Kind, scope: set[UUID] | None) -> list[Edge]:
    edges = DuplicateEdge.objects.filter(_LIVE, kind=kind)
    columns = ("first_id", "second_id", "closeness", "how")
    if scope is None:
        return [Edge(*row) for row in edges.filter(owner_id=owner_id).values_list(*columns)]
    # Not filtered by owner: SQLite would then read all edges of the owner to find a few.
    return [
        Edge(*row)
        for some in slices(scope)
        for row in edges.filter(first__in=some).values_list(*columns)
        if row[1] in scope
    ]


def _dismissed_pairs(owner_id: int, scope: set[UUID] | None) -> set[tuple[UUID, UUID]]:
    pairs = NotTheSame.objects.values_list("first_id", "second_id")
    if scope is None:
        return set(pairs.filter(owner_id=owner_id))
    return {
        (first, second)
        for some in slices(scope)
        for first, second in pairs.filter(first__in=some)
        if second in scope
    }


def _copies(owner_id: int, scope: set[UUID] | None) -> set[UUID]:
    """Return the photos of which another copy is to be kept."""
    copies = GroupMember.objects.filter(kind=Kind.SAME_PICTURE).exclude(photo=F("group__keeper"))
    if scope is None:
        return set(copies.filter(group__owner_id=owner_id).values_list("photo_id", flat=True))
    return {
        photo_id
        for some in slices(scope)
        for photo_id in copies.filter(photo__in=some).values_list("photo_id", flat=True)
    }


# --- clustering -----------------------------------------------------------------------------------


def cluster(
    edges: Iterable[Edge], *, cap: int = CAP, apart: Iterable[tuple[UUID, UUID]] = ()
) -> list[Cluster]:
    """Return clusters of photos, none in two clusters, whatever the order of the edges.

    Greedy stars: the photo with the most free neighbours (then the closest to them, then the one
    with the smallest id) becomes a medoid and takes its free neighbours, the `cap` closest ones;
    then the next. So every member has an edge to its medoid, and A~B~C is one cluster only if B is
    the medoid. Two photos of a pair in `apart` are never in one cluster, even if both are close to
    a third one. Takes O(E log E).
    """
    near = _neighbours(edges)
    strangers: dict[UUID, set[UUID]] = defaultdict(set)
    for first, second in apart:
        strangers[first].add(second)
        strangers[second].add(first)
    clusters: list[Cluster] = []
    queue = [(*_weight(near[photo]), photo) for photo in near]
    heapq.heapify(queue)
    while queue:
        *weight, photo = heapq.heappop(queue)
        if photo not in near or not near[photo]:
            continue
        # Weights only ever fall as neighbours are taken, so a stale entry is put back.
        now = _weight(near[photo])
        if list(now) != weight:
            heapq.heappush(queue, (*now, photo))
            continue
        members = _star(photo, near[photo], cap, strangers)
        clusters.append(Cluster(photo, members))
        _remove(near, members)
    return clusters


def _neighbours(edges: Iterable[Edge]) -> dict[UUID, Near]:
    near: dict[UUID, Near] = defaultdict(dict)
    for edge in edges:
        pair, link = (edge.first, edge.second), (edge.closeness, edge.how)
        if edge.first == edge.second or link < near[pair[0]].get(pair[1], (-1.0, "")):
            continue
        near[edge.first][edge.second] = near[edge.second][edge.first] = link
    return near


def _weight(near: Near) -> tuple[int, float]:
    """Return what the heap sorts by; fsum does not depend on the order of its terms."""
    return -len(near), -fsum(closeness for closeness, _ in near.values())


def _star(photo: UUID, near: Near, cap: int, strangers: dict[UUID, set[UUID]]) -> Near:
    members: Near = {photo: (1.0, "")}
    for other in sorted(near, key=lambda other: (-near[other][0], other)):
        if len(members) > cap:
            break
        if strangers.get(other, set()).isdisjoint(members):
            members[other] = near[other]
    return members


def _remove(near: dict[UUID, Near], members: Near) -> None:
    """Remove the members from the graph."""
    for member in members:
        for other in near.pop(member):
            if other in near:
                near[other].pop(member, None)
