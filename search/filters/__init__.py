"""Filters of a query, for the vector index and for SQL alike.

What photos are born with (camera, date, place, size, colours) is in the payload of their points
and is filtered there. What people change (albums, tags, favourites, stars, captions, stacks), and
file names, are asked of SQL, and the index gets the ids. See docs/explanation/filters.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from uuid import UUID

from django.db.models import Q

from gallery.models import Photo, User
from gallery.models.photos import PhotoQuerySet
from search.filters.conditions import Condition, condition
from search.filters.ids import by_ids
from search.filters.library import Library
from search.language import Filter
from search.vectors.index import And, Filter as IndexFilter, HasIds, Not, owned_by

__all__ = ["Condition", "Library", "Narrowed", "condition", "narrow", "owned_by"]


@dataclass(frozen=True)
class Narrowed:
    """What a person's filters leave over.

    `visible` are the person's photos and `photos` those of them that meet all `conditions`.
    `notes` are sentences about values that nothing can match, such as an album that is not there.
    """

    owner: str
    visible: PhotoQuerySet
    conditions: tuple[Condition, ...] = ()
    notes: tuple[str, ...] = ()

    @cached_property
    def photos(self) -> PhotoQuerySet:
        """The photos that pass, in SQL."""
        return self.visible.filter(*(one.q for one in self.conditions))

    @cached_property
    def flt(self) -> IndexFilter:
        """The same photos for the index; asks SQL for ids where the payload does not tell."""
        told = [one for one in self.conditions if one.flt is not None]
        asked = [one for one in self.conditions if one.flt is None]
        parts = [owned_by(self.owner), *(one.flt for one in told if one.flt is not None)]
        if asked:
            candidates = self.visible.filter(*(one.q for one in told))
            parts.append(by_ids(self.owner, candidates, asked))
        return And(tuple(parts)) if len(parts) > 1 else parts[0]

    def leaving_out(self, ids: frozenset[UUID]) -> Narrowed:
        """Return the same without these photos."""
        out = Condition(~Q(pk__in=ids), Not(HasIds.of(ids)))
        return replace(self, conditions=(*self.conditions, out))


def narrow(user: User, filters: Sequence[Filter]) -> Narrowed:
    """Return the photos of a person that pass all filters; raise `QueryError` for bad values."""
    library = Library(user)
    conditions = tuple(condition(one, library) for one in filters)
    notes = tuple(dict.fromkeys(library.notes))
    return Narrowed(str(user.pk), Photo.objects.visible_to(user), conditions, notes)
