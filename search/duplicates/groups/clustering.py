"""From edges to clusters that never chain: stars of photos around a medoid."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import fsum
from uuid import UUID

CAP = 50
"""Members of a group besides its medoid, so that a page of groups stays a page."""

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
