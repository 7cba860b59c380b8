"""The photos of a person that pass all filters, in SQL and for the index.

Where only SQL knows which photos pass, the index gets their ids. They are fetched, combined and
passed on as text, because making 50,000 id objects takes longer than everything else together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import or_
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.db.models import CharField, Q, QuerySet
from django.db.models.expressions import Value
from django.db.models.functions import Cast, Replace

from gallery.models import Photo, PhotoQuerySet, User
from search.filters.conditions import Condition, condition_of
from search.filters.library import Library
from search.language.terms import Filter
from search.vectors.index import And, Filter as IndexFilter, HasIds, Not, owned_by

FEW = 5000
"""So many ids go to the index without a search for a smaller set; that takes some 10 ms."""
COUNT_SECONDS = 60
"""How long the number of a person's photos is cached."""

Ids = frozenset[str]
"""Ids of photos as text of 32 hexadecimal digits."""


@dataclass(frozen=True)
class FilteredPhotos:
    """The photos of a person that pass the filters of a query.

    `visible` are all photos that the person may see. `notes` are sentences about values that
    match nothing, such as the name of an album that does not exist.
    """

    owner: str
    visible: PhotoQuerySet
    conditions: tuple[Condition, ...] = ()
    notes: tuple[str, ...] = ()

    @cached_property
    def photos(self) -> PhotoQuerySet:
        """The photos that pass, in SQL."""
        return self.visible.filter(*(condition.q for condition in self.conditions))

    @cached_property
    def index_filter(self) -> IndexFilter:
        """The same photos for the index. Fetches ids from SQL where the payload does not tell."""
        parts = [owned_by(self.owner)]
        parts += [each.index_filter for each in self.conditions if each.index_filter is not None]
        if in_sql := [each for each in self.conditions if each.index_filter is None]:
            in_payload = (each.q for each in self.conditions if each.index_filter is not None)
            candidates = self.visible.filter(*in_payload)
            parts.append(_filter_by_ids(self.owner, candidates, in_sql))
        return And(tuple(parts)) if len(parts) > 1 else parts[0]


def apply_filters(user: User, filters: Sequence[Filter]) -> FilteredPhotos:
    """Return the photos of a person that pass all filters; raise `QueryError` for bad values."""
    library = Library(user)
    conditions = tuple(condition_of(flt, library) for flt in filters)
    notes = tuple(dict.fromkeys(library.notes))
    return FilteredPhotos(str(user.pk), Photo.objects.visible_to(user), conditions, notes)


def _filter_by_ids(
    owner: str, candidates: PhotoQuerySet, conditions: Sequence[Condition]
) -> IndexFilter:
    """Return the index filter, by ids, for conditions that the payload of points does not cover.

    `candidates` are the photos that pass all other conditions. Only their ids are fetched for
    conditions on columns of photos.
    """
    included: list[Ids] = []
    excluded: list[Ids] = []
    for condition in conditions:
        if condition.ids is not None:
            ids = ids_as_text(condition.ids, "photo_id")
            (excluded if condition.negated else included).append(ids)
    on_columns = [condition for condition in conditions if condition.ids is None]
    if required := [condition.q for condition in on_columns if not condition.negated]:
        included.append(ids_as_text(candidates.filter(*required).order_by(), "pk"))
    if forbidden := [~condition.q for condition in on_columns if condition.negated]:
        excluded.append(ids_as_text(candidates.filter(reduce(or_, forbidden)).order_by(), "pk"))
    return _smaller_filter(owner, candidates, _intersection(included), Ids().union(*excluded))


def _intersection(included: Iterable[Ids]) -> Ids | None:
    sets = sorted(included, key=len)
    return sets[0].intersection(*sets[1:]) if sets else None


def _smaller_filter(
    owner: str, candidates: PhotoQuerySet, included: Ids | None, excluded: Ids
) -> IndexFilter:
    """Return the filter for included but not excluded ids, by whichever set of ids is smaller."""
    if included is not None:
        included -= excluded
    ids = excluded if included is None else included
    if len(ids) > FEW and 2 * len(ids) > _approximate_count(owner):
        others = ids_as_text(candidates.order_by(), "pk") - ids
        return Not(HasIds(others)) if included is not None else HasIds(others)
    return Not(HasIds(ids)) if included is None else HasIds(ids)


def _approximate_count(owner: str) -> int:
    """Return roughly how many photos a person has; only the choice of the set depends on it."""
    photos = Photo.objects.live().filter(Q(owner_id=owner))
    return cache.get_or_set(f"photos-of-{owner}", photos.count, COUNT_SECONDS) or 0


def ids_as_text(rows: QuerySet[Any, Any], column: str) -> Ids:
    """Return a column of ids as text of 32 hexadecimal digits."""
    # A cast spares Django a call for each id.
    text: Cast | Replace = Cast(column, CharField())
    if connection.features.has_native_uuid_field:
        text = Replace(text, Value("-"))
    ids = rows.annotate(text=text).values_list("text", flat=True)
    return frozenset(ids.iterator(chunk_size=10_000))
