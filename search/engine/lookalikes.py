"""Look-alikes in a ranking: of photos that belong together, only the best one is listed.

Photos belong together when they share a stack or a group of duplicates of either kind, or when
only a third photo connects them. Which of them is listed depends on the query alone and not on
the page, so that no page lists what another one folded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from gallery.models import Photo, User
from search.duplicates.models import GroupMember
from search.engine.rank import RankedPhoto, Ranking, hits_behind_window, scores

LIMIT = 100
"""Photos that belong together at most. Groups have 50; a larger set folds by its stack alone."""

Ids = frozenset[UUID]
NONE: Ids = frozenset()


@dataclass(frozen=True)
class ListedPhoto:
    """A photo that is listed, and the look-alikes that are folded under it."""

    photo: RankedPhoto
    similar: tuple[UUID, ...] = ()


@dataclass(frozen=True, eq=False)
class Listing:
    """The photos of a ranking in the order in which they are listed.

    `photos` come from the ranking's window, of which `chosen` are to be listed; `covered` are
    the ids listed or folded there. `endless` says that the hits behind the window follow, `folds`
    that look-alikes are folded, and `has_lead` that the look-alikes of the example photo come
    first.
    """

    user: User
    ranking: Ranking
    chosen: Sequence[RankedPhoto]
    photos: Sequence[ListedPhoto]
    covered: Ids
    folds: bool
    endless: bool
    has_lead: bool = False

    def slice(self, start: int, count: int) -> tuple[Sequence[ListedPhoto], int | None]:
        """Return up to `count` photos from a position on, and the next position or None."""
        end = start + count
        if start < len(self.photos):
            more = end < len(self.photos) or self.endless
            return self.photos[start:end], min(end, len(self.photos)) if more else None
        if not self.endless:
            return (), None
        hits = hits_behind_window(self.ranking, start - len(self.photos), count + 1)
        return self._behind_window(hits[:count]), end if len(hits) > count else None

    def _behind_window(self, hits: Sequence[RankedPhoto]) -> Sequence[ListedPhoto]:
        """Return the hits that are not listed yet, and that no better look-alike stands for."""
        fresh = [hit for hit in hits if hit.id not in self.covered]
        sets = together(self.user, [hit.id for hit in fresh]) if self.folds else {}
        known = scores(self.ranking.query, NONE.union(*sets.values()))
        listed = []
        for hit in fresh:
            members = sets.get(hit.id, NONE)
            if not members or (not members & self.covered and _best(members, known) == hit.id):
                listed.append(_listed(hit, members))
        return listed


def list_photos(
    user: User,
    ranking: Ranking,
    photos: Sequence[RankedPhoto],
    *,
    folds: bool,
    endless: bool,
    example: UUID | None = None,
) -> Listing:
    """Return the listing of some photos of a ranking's window, folded once for all pages.

    The look-alikes of the `example`, the photo that all others are compared with, take the first
    place together, wherever they rank.
    """
    if not folds:
        covered = frozenset(photo.id for photo in photos)
        listed = [ListedPhoto(photo) for photo in photos]
        return Listing(user, ranking, photos, listed, covered, folds, endless)
    ids = [photo.id for photo in photos]
    sets = together(user, [*ids, example] if example else ids)
    lead = _lead(ranking, sets.get(example, NONE) - {example}) if example else []
    covered_ids = {example, *sets.get(example, NONE)} if example and lead else set()
    listed = [*lead]
    for photo in photos:
        if photo.id not in covered_ids:
            members = sets.get(photo.id, NONE)
            listed.append(_listed(photo, members))
            covered_ids |= {photo.id, *members}
    covered = frozenset(covered_ids)
    return Listing(user, ranking, photos, listed, covered, folds, endless, has_lead=bool(lead))


def _lead(ranking: Ranking, ids: Ids) -> list[ListedPhoto]:
    """Return the look-alikes of the example as one listed photo, if any passes the filters."""
    known = scores(ranking.query, ids)
    first = _best(ids, known)
    return [_listed(RankedPhoto(first, known[first]), ids)] if first else []


def _listed(photo: RankedPhoto, members: Ids) -> ListedPhoto:
    return ListedPhoto(photo, tuple(sorted(members - {photo.id})))


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
    found = {pk: sets.of(pk) for pk in asked}
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

    def join(self, members: Iterable[UUID]) -> None:
        joined = set().union(*(self.of(pk) for pk in members))
        for pk in joined:
            self._sets[pk] = joined


def _stacks_of(user: User, ids: set[UUID]) -> Iterable[set[UUID]]:
    """Return the visible photos of every stack that has one of the given photos."""
    # In two steps: joined to itself, the whole table is scanned at 100,000 photos.
    stacks = set(
        Photo.objects.filter(pk__in=ids, stack__isnull=False).values_list("stack", flat=True)
    )
    if not stacks:
        return ()
    rows = Photo.objects.visible_to(user).filter(stack__in=stacks)
    return _grouped(rows.values_list("stack_id", "pk"))


def _groups_of(user: User, ids: set[UUID]) -> Iterable[set[UUID]]:
    """Return the visible photos of every group of duplicates that has one of the given photos."""
    rows = GroupMember.objects.filter(group__members__photo__in=ids)
    groups = list(_grouped(rows.values_list("group_id", "photo_id").distinct()))
    members = set().union(*groups)
    if not members:
        return ()
    visible = set(
        Photo.objects.visible_to(user).filter(pk__in=members).values_list("pk", flat=True)
    )
    return [group & visible for group in groups]


def _grouped(rows: Iterable[tuple[UUID | None, UUID]]) -> Iterable[set[UUID]]:
    sets: dict[UUID | None, set[UUID]] = {}
    for key, photo_id in rows:
        sets.setdefault(key, set()).add(photo_id)
    return sets.values()
