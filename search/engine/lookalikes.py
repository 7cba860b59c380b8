"""Look-alikes in a ranking: of photos that belong together, only the best-ranked one is shown.

Photos belong together when they share a stack or a group of duplicates of either kind, and so do
those that only a third one connects. Which of them is shown depends on the query alone and not on
the page asked for, so that no page shows what another one folded away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from gallery.models import Photo, User
from search.duplicates.models import GroupMember

LIMIT = 100
"""Photos that belong together at most. Groups have 50; what is larger folds by its stack alone."""
Ids = frozenset[UUID]


def together(user: User, ids: Iterable[UUID]) -> dict[UUID, Ids]:
    """Return for each photo those that it belongs together with, itself included.

    Photos that stand alone are left out. Follows stacks and groups, a few queries for all photos
    at once, until nothing new is found or too much is.
    """
    asked = frozenset(ids)
    bonds, stacks = _Bonds(), _Bonds()
    known: set[UUID] = set()
    fresh = set(asked)
    while fresh:
        known |= fresh
        reached: set[UUID] = set()
        for members in _stacks_of(user, fresh):
            stacks.tie(members)
            bonds.tie(members)
            reached |= members
        for members in _groups_of(user, fresh):
            bonds.tie(members)
            reached |= members
        fresh = {one for one in reached - known if len(bonds.of(one)) <= LIMIT}
    # What is too large is so from whichever of its photos one begins, so all agree on the stack.
    found = {one: bonds.of(one) for one in asked}
    kept = {one: tied if len(tied) <= LIMIT else stacks.of(one) for one, tied in found.items()}
    return {one: frozenset(tied) for one, tied in kept.items() if len(tied) > 1}


def best(ids: Ids, scores: Mapping[UUID, float]) -> UUID | None:
    """Return the best-ranked of the photos as an index ranks: by score, ties by id."""
    return min(
        (one for one in ids if one in scores), key=lambda one: (-scores[one], one), default=None
    )


class _Bonds:
    """Disjoint sets of photos, which grow together when tied."""

    def __init__(self) -> None:
        self._sets: dict[UUID, set[UUID]] = {}

    def of(self, one: UUID) -> set[UUID]:
        return self._sets.get(one, {one})

    def tie(self, members: Iterable[UUID]) -> None:
        tied = set().union(*(self.of(one) for one in members))
        for one in tied:
            self._sets[one] = tied


def _stacks_of(user: User, ids: set[UUID]) -> Iterable[set[UUID]]:
    """Return the visible photos of every stack that has one of the given photos."""
    # In two steps: joined to itself, the table is walked over as a whole at 100,000 photos.
    stacks = set(
        Photo.objects.filter(pk__in=ids, stack__isnull=False).values_list("stack", flat=True)
    )
    if not stacks:
        return ()
    rows = Photo.objects.visible_to(user).filter(stack__in=stacks)
    return _gathered(rows.values_list("stack_id", "pk"))


def _groups_of(user: User, ids: set[UUID]) -> Iterable[set[UUID]]:
    """Return the visible photos of every group of duplicates that has one of the given photos."""
    rows = GroupMember.objects.filter(group__members__photo__in=ids)
    groups = list(_gathered(rows.values_list("group_id", "photo_id").distinct()))
    members = set().union(*groups)
    visible = Photo.objects.visible_to(user).filter(pk__in=members).values_list("pk", flat=True)
    seen = set(visible) if members else set()
    return [group & seen for group in groups]


def _gathered(rows: Iterable[tuple[UUID | None, UUID]]) -> Iterable[set[UUID]]:
    found: dict[UUID | None, set[UUID]] = {}
    for key, photo_id in rows:
        found.setdefault(key, set()).add(photo_id)
    return found.values()
