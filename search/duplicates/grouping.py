"""From pairs that are alike to groups that never chain."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

CAP = 50
"""Members of a group besides its medoid, so that a page of groups stays a page."""


@dataclass(frozen=True)
class Edge:
    """Two photos that are alike; see `search.models.Likeness` for closeness and how."""

    first: UUID
    second: UUID
    closeness: float
    how: str = ""


@dataclass(frozen=True)
class Cluster:
    """A medoid and the photos that are close to it: id -> (closeness to the medoid, how).

    The medoid itself is among the members, with (1.0, "").
    """

    medoid: UUID
    members: dict[UUID, tuple[float, str]]


def cluster(
    edges: Iterable[Edge], *, cap: int = CAP, apart: Collection[tuple[UUID, UUID]] = ()
) -> list[Cluster]:
    """Return groups of photos, none in two groups."""
    return []
