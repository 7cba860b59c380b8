"""The photos whose parts are closest to a vector."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

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

logger = logging.getLogger(__name__)

NAMED = 200
"""Photos named by a filter whose points are named instead; of more, the hits are checked."""
PER_PHOTO = 3
"""Points that are fetched for each photo: the parts of one photo often come together."""
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
    if not is_on() or not is_in_use(model):
        return []
    points, only, never = _point_filter(flt)
    wanted = min(limit * PER_PHOTO * (4 if only or never else 1), DEEPEST)
    try:
        hits = index_of(model).query(vector, limit=wanted, flt=points)
    except IndexUnavailable as error:
        logger.warning("Parts of photos cannot be searched now: %s", error)
        return []
    lines = scale.lines(vector) if scale and hits else {}
    return _best(hits, only, never, lines)[:limit]


def _best(
    hits: Iterable[Hit],
    only: frozenset[str] | None,
    never: frozenset[str],
    lines: Mapping[int, Line],
) -> list[PartHit]:
    best: dict[UUID, PartHit] = {}
    for hit in hits:
        photo_id, number = part_of(hit.id)
        key = photo_id.hex
        if key in never or not (only is None or key in only) or number >= len(PLACES):
            continue
        line = lines.get(_GROUP_OF[number])
        part = PartHit(photo_id, hit.score, PLACES[number], line(hit.score) if line else None)
        if photo_id not in best or _rank(part) > _rank(best[photo_id]):
            best[photo_id] = part
    return sorted(best.values(), key=_rank, reverse=True)


def _rank(part: PartHit) -> tuple[float, float]:
    return (part.score if part.worth is None else part.worth), part.score


def _point_filter(flt: Filter) -> tuple[Filter, frozenset[str] | None, frozenset[str]]:
    """Return a filter of points, and the photos that hits must and must not belong to.

    Naming the points of very many photos would take longer than checking the hits.
    """
    only: frozenset[str] | None = None
    never: frozenset[str] = frozenset()
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
            return HasIds.of(point for pk in ids for point in all_points(UUID(pk)))
        case Not(inner):
            return Not(_for_points(inner))
        case And(parts):
            return And(tuple(map(_for_points, parts)))
        case Or(parts):
            return Or(tuple(map(_for_points, parts)))
        case _:
            return flt
