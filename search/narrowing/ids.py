"""Filters by ids, where only SQL knows which photos pass."""

from __future__ import annotations

from uuid import UUID

from gallery.models.photos import PhotoQuerySet
from search.index import And, Filter, HasIds, Not

FEW = 5000
"""Ids that are given to the index without looking for a smaller set: some 10 ms."""


def by_ids(photos: PhotoQuerySet, candidates: PhotoQuerySet, owner: Filter, flt: Filter) -> Filter:
    """Return the filter that leaves `photos`, by their ids or by the ids of all others.

    `photos` are part of `candidates`, which are what `flt` lets pass; `owner` says whose they are.
    """
    photos = photos.order_by()
    found = _ids(photos[: FEW + 1])
    if len(found) <= FEW:
        return And((owner, HasIds(found)))
    passing = photos.count()
    if 2 * passing <= candidates.count():
        return And((owner, HasIds(_ids(photos))))
    others = candidates.order_by().exclude(pk__in=photos.values("pk"))
    return And((flt, Not(HasIds(_ids(others)))))


def _ids(photos: PhotoQuerySet) -> frozenset[UUID]:
    return frozenset(photos.values_list("pk", flat=True).iterator(chunk_size=10_000))
