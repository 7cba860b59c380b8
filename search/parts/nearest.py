"""The photos whose parts are closest to a vector."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.core.cache import cache

from gallery.models import EmbeddingModel, PhotoParts
from search.parts.boxes import GROUPS, PLACES, Box, all_points, part_of
from search.parts.scale import Line, Scale
from search.vectors.index import (
    And,
    Filter,
    HasIds,
    Hit,
    IndexUnavailable,
    Not,
    Or,
    Vector,
    VectorIndex,
    open_index,
)
from search.vectors.index.many_ids import ManyIds, split

logger = logging.getLogger(__name__)

NAMED = 200
"""Photos named by a filter whose points are named instead; of more, the hits are checked."""
PER_PHOTO = 3
"""Points that are fetched for each photo: the parts of one photo often come together."""
IN_USE_SECONDS = 60
"""How long the index of parts counts as in use after it was."""
DEEPEST = 5000
"""Points that are fetched at most."""

_GROUP_OF = [place for place, group in enumerate(GROUPS) for _ in group]


@dataclass(frozen=True)
class PartHit:
    """The part of a photo that is closest to a query, and its cosine similarity.

    `worth` is what that is as the similarity of a whole photo; None while the library has no
    background to compare with.
    """

    photo_id: UUID
    score: float
    box: Box
    worth: float | None = None


def is_on() -> bool:
    """Tell whether parts of photos are indexed and searched here."""
    return settings.PART_SEARCH > 0


def is_in_use(model: EmbeddingModel) -> bool:
    """Tell whether the index of parts may hold points, so that none is created to ask it."""
    return PhotoParts.objects.filter(embedding__model=model).exists()


def _was_in_use(model: EmbeddingModel) -> bool:
    """Tell the same, perhaps of a moment ago: where only old photos have parts, it takes long."""
    key = f"parts-of-{model.pk}"
    if cache.get(key):
        return True
    found = is_in_use(model)
    if found:
        cache.set(key, found, IN_USE_SECONDS)
    return found


def index_of(model: EmbeddingModel) -> VectorIndex:
    """Return the index of the parts of photos, whose point ids are those of `boxes.point_id`."""
    return open_index(collection(model), model.dim)


def collection(model: EmbeddingModel) -> str:
    """Return what the index of the parts is named after."""
    return f"{model.collection}~parts"


def closest(
    model: EmbeddingModel,
    vector: Vector,
    *,
    limit: int,
    flt: Filter,
    scale: Scale | None = None,
) -> list[PartHit]:
    """Return the photos with the closest parts, best first, each photo once.

    `flt` is a filter of photos. `scale` converts scores, and so compares parts of different
    sizes. Fewer than `limit` photos come where many parts belong to one. Empty where parts are
    switched off, and while their index is away: whole photos are found without it.
    """
    if not is_on() or not _was_in_use(model):
        return []
    # Naming the points of very many photos would take longer than checking the hits.
    asked = split(flt, only_above=NAMED, never_above=-1)
    wanted = min(limit * PER_PHOTO * (4 if asked.only or asked.never else 1), DEEPEST)
    try:
        hits = index_of(model).query(vector, limit=wanted, flt=_for_points(asked.rest))
    except IndexUnavailable as error:
        logger.warning("Parts of photos cannot be searched now: %s", error)
        return []
    lines = scale.lines(vector) if scale and hits else {}
    return _best(hits, asked, lines)[:limit]


def _best(hits: Iterable[Hit], asked: ManyIds, lines: Mapping[int, Line]) -> list[PartHit]:
    best: dict[UUID, PartHit] = {}
    for hit in hits:
        photo_id, number = part_of(hit.id)
        if not asked.passes(photo_id.hex) or number >= len(PLACES):
            continue
        line = lines.get(_GROUP_OF[number])
        part = PartHit(photo_id, hit.score, PLACES[number], line(hit.score) if line else None)
        if photo_id not in best or _rank(part) > _rank(best[photo_id]):
            best[photo_id] = part
    return sorted(best.values(), key=_rank, reverse=True)


def _rank(part: PartHit) -> tuple[float, float]:
    return (part.score if part.worth is None else part.worth), part.score


def _for_points(flt: Filter) -> Filter:
    match flt:
        case HasIds(ids):
            return HasIds.of(point for pk in ids for point in all_points(UUID(pk)))
        case Not(inner):
            return Not(_for_points(inner))
        case And(parts):
            return And(tuple(map(_for_points, parts)))
        case Or(parts):
            return Or(tuple(map(_for_points, parts)))
        case _:
            return flt
