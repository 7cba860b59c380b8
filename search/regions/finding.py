"""The photos whose parts are closest to a query."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from gallery.models import EmbeddingModel, Regions
from search.index import And, Filter, HasIds, Hit, Not, Or, VectorIndex, open_index
from search.regions.boxes import PLACES, Box, all_points, part_of

Vector = NDArray[np.float32]

NAMED = 2000
"""Photos that a filter names and that are turned into points; of more, the hits are looked at."""
PER_PHOTO = 3
"""Points that are fetched for each photo wanted: the parts of one often come together."""
DEEPEST = 5000
"""Points that are fetched at most."""


@dataclass(frozen=True)
class RegionHit:
    """The part of a photo that is closest to a query, and its cosine similarity."""

    photo_id: UUID
    score: float
    box: Box


def is_on() -> bool:
    """Tell whether parts of photos are indexed and searched here."""
    return bool(settings.DETAIL_SEARCH)


def is_in_use(model: EmbeddingModel) -> bool:
    """Tell whether the index of parts may hold points: none is made to ask or delete from."""
    return Regions.objects.filter(embedding__model=model).exists()


def index_of(model: EmbeddingModel) -> VectorIndex:
    """Return the index of the parts of photos, whose point ids are those of `boxes.point_id`."""
    return open_index(f"{model.key}~regions", model.dim)


def closest(model: EmbeddingModel, vector: Vector, *, limit: int, flt: Filter) -> list[RegionHit]:
    """Return the photos with the closest parts, best first, each photo once.

    `flt` speaks of photos. Fewer than `limit` come where many parts belong to one photo. Empty
    where detail search is off. Raises `VectorIndexError`.
    """
    if not is_on() or not is_in_use(model):
        return []
    narrowed, only, never = _narrowed(flt)
    wanted = min(limit * PER_PHOTO * (4 if only or never else 1), DEEPEST)
    hits = index_of(model).query(vector, limit=wanted, flt=narrowed)
    return _best(hits, only, never)[:limit]


def _best(
    hits: Iterable[Hit], only: frozenset[UUID] | None, never: frozenset[UUID]
) -> list[RegionHit]:
    found: dict[UUID, RegionHit] = {}
    for hit in hits:
        photo_id, number = part_of(hit.id)
        known = photo_id in found or number >= len(PLACES) or photo_id in never
        if not known and (only is None or photo_id in only):
            found[photo_id] = RegionHit(photo_id, hit.score, PLACES[number])
    return list(found.values())


def _narrowed(flt: Filter) -> tuple[Filter, frozenset[UUID] | None, frozenset[UUID]]:
    """Return a filter for points, and the photos that hits must be and must not be of.

    Naming the points of very many photos would take longer than looking at the hits.
    """
    only: frozenset[UUID] | None = None
    never: frozenset[UUID] = frozenset()
    kept: list[Filter] = []
    for part in _parts(flt):
        match part:
            case HasIds(ids) if len(ids) > NAMED:
                only = ids if only is None else only & ids
            case Not(HasIds(ids)):
                never |= ids
            case _:
                kept.append(_for_points(part))
    return And(tuple(kept)), only, never


def _parts(flt: Filter) -> Iterable[Filter]:
    if isinstance(flt, And):
        for part in flt.parts:
            yield from _parts(part)
    else:
        yield flt


def _for_points(flt: Filter) -> Filter:
    match flt:
        case HasIds(ids):
            return HasIds(frozenset(point for one in ids for point in all_points(one)))
        case Not(inner):
            return Not(_for_points(inner))
        case And(parts):
            return And(tuple(map(_for_points, parts)))
        case Or(parts):
            return Or(tuple(map(_for_points, parts)))
        case _:
            return flt
