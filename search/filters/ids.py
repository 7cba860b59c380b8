"""Filters by ids, where only SQL knows which photos pass.

Ids are fetched as text, put together and handed to the index as such: objects of 50,000 ids take
longer to make than all else together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.db.models import CharField, Q, QuerySet
from django.db.models.expressions import Value
from django.db.models.functions import Cast, Replace

from gallery.models import Photo, PhotoQuerySet
from search.filters.conditions import Condition
from search.vectors.index import Filter, HasIds, Not

FEW = 5000
"""Ids that are given to the index without looking for a smaller set: some 10 ms."""
ABOUT_SECONDS = 60

Texts = frozenset[str]


def by_ids(owner: str, candidates: PhotoQuerySet, wanted: Sequence[Condition]) -> Filter:
    """Return the filter by ids for conditions that the payload of points does not tell.

    `candidates` are what all other conditions leave; only their ids are asked for where columns
    of photos tell.
    """
    inside: list[Texts] = []
    outside: list[Texts] = []
    for one in wanted:
        if one.ids is not None:
            (outside if one.out else inside).append(texts(one.ids, "photo_id"))
    columns = [one for one in wanted if one.ids is None]
    if met := [one.q for one in columns if not one.out]:
        inside.append(texts(candidates.filter(*met).order_by(), "pk"))
    if missed := [~one.q for one in columns if one.out]:
        outside.append(texts(candidates.filter(reduce(or_, missed)).order_by(), "pk"))
    return _smaller(owner, candidates, _all_of(inside), frozenset[str]().union(*outside))


def _all_of(inside: Iterable[Texts]) -> Texts | None:
    sets = sorted(inside, key=len)
    return sets[0].intersection(*sets[1:]) if sets else None


def _smaller(owner: str, candidates: PhotoQuerySet, inside: Texts | None, outside: Texts) -> Filter:
    """Return what leaves those inside but not outside, or leaves out all others if fewer."""
    if inside is not None:
        inside -= outside
    named = outside if inside is None else inside
    if len(named) > FEW and 2 * len(named) > _about(owner):
        others = texts(candidates.order_by(), "pk") - named
        return Not(HasIds(others)) if inside is not None else HasIds(others)
    return Not(HasIds(named)) if inside is None else HasIds(named)


def _about(owner: str) -> int:
    """Return about how many photos somebody has: only the choice of the side depends on it."""
    photos = Photo.objects.live().filter(Q(owner_id=owner))
    return cache.get_or_set(f"photos-of-{owner}", photos.count, ABOUT_SECONDS) or 0


def texts(rows: QuerySet[Any, Any], column: str) -> Texts:
    """Return a column of ids as texts of 32 digits."""
    # A cast spares Django a call for each id.
    text: Cast | Replace = Cast(column, CharField())
    if connection.features.has_native_uuid_field:
        text = Replace(text, Value("-"))
    found = rows.annotate(text=text).values_list("text", flat=True)
    return frozenset(found.iterator(chunk_size=10_000))
