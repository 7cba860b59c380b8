"""Look-alikes in a ranking: of photos that belong together, only the best one is listed.

Photos belong together when they share a stack or a group of duplicates of either kind, or when
only a third photo connects them. Which of them is listed depends on the query alone and not on
the page, so that no page lists what another one folded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass
from uuid import UUID

from gallery.models import Photo, Stack, User
from gallery.models.dialects import one_of
from search.duplicates.models import GroupMember
from search.engine.rank import RankedPhoto, Ranking, scores

LIMIT = 100
"""Photos that belong together at most. Groups have 50; a larger set folds by its stack alone."""

Ids = frozenset[UUID]
NONE: Ids = frozenset()


@dataclass(frozen=True)
class Fold:
    """A photo of a ranking, and the look-alikes that are folded under it."""

    photo: RankedPhoto
    similar: tuple[UUID, ...] = ()

    @property
    def ids(self) -> Ids:
        """The photo and its look-alikes."""
        return frozenset({self.photo.id, *self.similar})


def fold_look_alikes(
    user: User, photos: Sequence[RankedPhoto], covered: Iterable[UUID] = ()
) -> list[Fold]:
    """Return photos, best first, folded under the first of those that belong together.

    Photos that are `covered` elsewhere are left out.
    """
    gone = set(covered)
    sets = together(user, [photo.id for photo in photos])
    if not sets:
        return [Fold(photo) for photo in photos if photo.id not in gone]
    folded = []
    for photo in photos:
        if photo.id not in gone:
            members = sets.get(photo.id, NONE)
            folded.append(_fold(photo, members))
            gone |= {photo.id, *members}
    return folded


def fold_of_example(user: User, ranking: Ranking, example: UUID) -> Fold | None:
    """Return the look-alikes of the example photo as one fold, if any passes the filters.

    Wherever they rank, they come first together.
    """
    members = together(user, [example]).get(example, NONE) - {example}
    known = scores(ranking.query, members)
    first = _best(members, known)
    return _fold(RankedPhoto(first, known[first]), members) if first else None


def _fold(photo: RankedPhoto, members: Ids) -> Fold:
    return Fold(photo, tuple(sorted(members - {photo.id})))


def together(user: User, ids: Iterable[UUID]) -> dict[UUID, Ids]:
    """Return for each photo all photos that it belongs together with, itself included.

    Photos that stand alone are left out. Follows stacks and groups, with a few queries for all
    photos at once, until nothing new is found or a set is too large.
    """
    asked = frozenset(ids)
    sets, stacks = _DisjointSets(), _DisjointSets()
    visited: set[UUID] = set()
    fresh = set(asked)
    while fresh:
        visited |= fresh
        reached: set[UUID] = set()
        for members in _stacks_of(user, fresh):
            stacks.join(members)
            sets.join(members)
            reached |= members
        for members in _groups_of(user, fresh):
            sets.join(members)
            reached |= members
        fresh = {pk for pk in reached - visited if len(sets.of(pk)) <= LIMIT}
    # A set that is too large is so from any of its photos, so all of them agree on the stack.
    found = {pk: sets.of(pk) for pk in asked & sets.photos()}
    chosen = {pk: joined if len(joined) <= LIMIT else stacks.of(pk) for pk, joined in found.items()}
    return {pk: frozenset(joined) for pk, joined in chosen.items() if len(joined) > 1}


def _best(ids: Ids, known: Mapping[UUID, float]) -> UUID | None:
    """Return the best of the photos as an index ranks: by score, ties by id."""
    scored = (pk for pk in ids if pk in known)
    return min(scored, key=lambda pk: (-known[pk], pk), default=None)


class _DisjointSets:
    """Sets of photos that share no photo; joining photos merges their sets."""

    def __init__(self) -> None:
        self._sets: dict[UUID, set[UUID]] = {}

    def of(self, photo_id: UUID) -> set[UUID]:
        return self._sets.get(photo_id, {photo_id})

    def photos(self) -> AbstractSet[UUID]:
        """Return the photos of all sets that were joined."""
        return self._sets.keys()

    def join(self, members: Iterable[UUID]) -> None:
        joined = set().union(*(self.of(pk) for pk in members))
        for pk in joined:
            self._sets[pk] = joined


def _stacks_of(user: User, ids: set[UUID]) -> Iterable[set[UUID]]:
    """Return the visible photos of every stack that has one of the given photos."""
    # Looking the photos up takes 30 times as long as seeing that nobody has a stack.
    if not Stack.objects.exists():
        return ()
    # In two steps: joined to itself, the whole table is scanned at 100,000 photos.
    stacks = set(
        Photo.objects.filter(pk__in=one_of(ids), stack__isnull=False).values_list(
            "stack", flat=True
        )
    )
    if not stacks:
        return ()
    rows = Photo.objects.visible_to(user).filter(stack__in=one_of(stacks))
    return _grouped(rows.values_list("stack_id", "pk"))


def _groups_of(user: User, ids: set[UUID]) -> Iterable[set[UUID]]:
    """Return the visible photos of every group of duplicates that has one of the given photos."""
    # In two steps as well, for the same reason.
    own = set(GroupMember.objects.filter(photo__in=one_of(ids)).values_list("group", flat=True))
    if not own:
        return ()
    rows = GroupMember.objects.filter(group__in=one_of(own))
    groups = list(_grouped(rows.values_list("group_id", "photo_id")))
    members = set().union(*groups)
    if not members:
        return ()
    visible = set(
        Photo.objects.visible_to(user).filter(pk__in=one_of(members)).values_list("pk", flat=True)
    )
    return [group & visible for group in groups]


def _grouped(rows: Iterable[tuple[UUID | None, UUID]]) -> Iterable[set[UUID]]:
    sets: dict[UUID | None, set[UUID]] = {}
    for key, photo_id in rows:
        sets.setdefault(key, set()).add(photo_id)
    return sets.values()
