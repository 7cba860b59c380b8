"""Compares SQL with an index in both directions, in id order and constant memory."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

from gallery.models import Embedding, EmbeddingModel
from gallery.models.embeddings import EmbeddingQuerySet
from gallery.slices import slices
from search.vectors.index import Place, StoredPoint
from workers.index_sync.sources import Source, owed, point_payload

logger = logging.getLogger(__name__)

CHUNK = 500

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Pair:
    """A photo with its promised row or its points, or both."""

    photo_id: UUID
    row: Embedding | None
    points: list[StoredPoint]


def quickly(source: Source, model: EmbeddingModel) -> int:
    """Repair an index of the wrong size; return how many photos differed.

    Compares photo by photo only if the index holds fewer points than SQL promises, or more than
    SQL can explain. Raises `IndexUnavailable`.
    """
    if not source.is_in_use(model):
        return 0
    index = source.index(model)
    index.ensure()
    least, most = source.counts(model)
    if least <= index.count() <= most:
        return 0
    lost, extra = differences(source, model)
    return project_again(source, model, lost) + remove_extra(source, model, extra)


def differences(
    source: Source, model: EmbeddingModel, *, step: Callable[[], None] = lambda: None
) -> tuple[list[UUID], list[UUID]]:
    """Return the photos that lack points, and those with stray points.

    Rows come and go meanwhile, so each finding is checked a second time. Calls `step` for each
    photo, which may raise. Raises `IndexUnavailable`.
    """
    lost: list[UUID] = []
    extra: list[UUID] = []
    for pair in pairs(source, model):
        step()
        if pair.row is None:
            extra.append(pair.photo_id)
        elif len(pair.points) != source.number_of_points(pair.row):
            lost.append(pair.photo_id)
    promised = _ids(source.promised(model), lost)
    kept = may_have_points(source, model, extra)
    return [pk for pk in lost if pk in promised], [pk for pk in extra if pk not in kept]


def pairs(source: Source, model: EmbeddingModel, *, with_vectors: bool = False) -> Iterator[Pair]:
    """Yield SQL and index side by side, in the order of photo ids; raise `IndexUnavailable`."""
    rows = walk(source.load(source.promised(model), with_vectors=with_vectors), "photo_id")
    points = source.index(model).scroll(batch=CHUNK, with_vectors=with_vectors)
    sides: Iterator[tuple[UUID, Embedding | StoredPoint]] = merge(
        ((row.photo_id, row) for row in rows),
        ((source.photo_id(point.id), point) for point in points),
        key=itemgetter(0),
    )
    for photo_id, group in groupby(sides, key=itemgetter(0)):
        both = [side for _, side in group]
        row = next((side for side in both if isinstance(side, Embedding)), None)
        yield Pair(photo_id, row, [side for side in both if isinstance(side, StoredPoint)])


def walk(rows: QuerySet[Row], by: str) -> Iterator[Row]:
    """Yield rows in the order of a unique column, by keyset so that no cursor stays open."""
    page = list(rows.order_by(by)[:CHUNK])
    while page:
        yield from page
        page = list(rows.filter(**{f"{by}__gt": getattr(page[-1], by)}).order_by(by)[:CHUNK])


def payload_differs(row: Embedding, point: StoredPoint) -> bool:
    """Tell whether the payload of a point is not that of the row and its photo."""
    stored, wanted = point.payload, point_payload(row)
    return stored.keys() != wanted.keys() or not all(
        _same(stored[key], wanted[key]) for key in wanted
    )


def _same(stored: Any, wanted: Any) -> bool:
    """Compare two values; the embedded engine may change the last digit of a fraction."""
    if isinstance(wanted, Place) and isinstance(stored, Place):
        return _same(stored.latitude, wanted.latitude) and _same(stored.longitude, wanted.longitude)
    if isinstance(wanted, float) and isinstance(stored, int | float):
        return math.isclose(stored, wanted, rel_tol=1e-12)
    return bool(stored == wanted)


def project_again(source: Source, model: EmbeddingModel, photo_ids: Iterable[UUID]) -> int:
    """Have rows with missing or wrong points wait for the index; return how many."""
    total = source.wait_again(model, photo_ids)
    if total:
        logger.warning("%d %s are put into the index of %s again.", total, source.name, model.key)
    return total


def remove_extra(source: Source, model: EmbeddingModel, photo_ids: Iterable[UUID]) -> int:
    """Remove points without a row, unless one has come since; return of how many photos."""
    total = 0
    for some in slices(photo_ids, CHUNK):
        kept = may_have_points(source, model, some)
        unwanted = [photo_id for photo_id in some if photo_id not in kept]
        source.remove_points(model, unwanted)
        # A photo that was restored just now may have lost its point.
        source.wait_again(model, unwanted)
        total += len(unwanted)
    if total:
        logger.warning("Stray %s of %d photos left %s.", source.name, total, model.key)
    return total


def may_have_points(source: Source, model: EmbeddingModel, photo_ids: Iterable[UUID]) -> set[UUID]:
    """Return the photos that may have points: now, soon, or until they are withdrawn."""
    ids = list(photo_ids)
    return _ids(source.kept(model), ids) | _ids(owed().filter(model=model), ids)


def _ids(rows: EmbeddingQuerySet, photo_ids: Iterable[UUID]) -> set[UUID]:
    return {
        photo_id
        for some in slices(photo_ids, CHUNK)
        for photo_id in rows.filter(photo__in=some).values_list("photo_id", flat=True)
    }
