"""SQL and index compared, in both directions, in id order and constant memory."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from weakref import WeakSet

from gallery.models import Embedding, EmbeddingModel
from gallery.models.embeddings import EmbeddingQuerySet
from gallery.slices import slices
from search.vectors.index import Eq, Not, Place, StoredPoint, VectorIndex, open_index
from workers.index_sync import withdrawal
from workers.index_sync.photos import FORM, point_payload

logger = logging.getLogger(__name__)

CHUNK = 500

_of_this_form: WeakSet[VectorIndex] = WeakSet()


@dataclass(frozen=True)
class Pair:
    """A photo id with its `indexed` row and its point; at least one of them is there."""

    photo_id: UUID
    row: Embedding | None
    point: StoredPoint | None


def quickly(model: EmbeddingModel) -> int:
    """Repair the index where it visibly differs from SQL; return how many rows or points did.

    An index that holds fewer points than SQL has `indexed` rows, or more than it has rows at all
    and photos that are leaving it, is compared row by row; so is one with points of another form,
    which an earlier version wrote. Those are replaced one by one while search goes on with them.
    Raises `IndexUnavailable`.
    """
    index = open_index(model.key, model.dim)
    index.ensure()
    rows = Embedding.objects.live().filter(model=model)
    at_most = rows.count() + withdrawal.owed().filter(model=model).count()
    same_form = _is_of_this_form(index)
    if same_form and indexed_rows(model).count() <= index.count() <= at_most:
        return 0
    lost: list[UUID] = []
    extra: list[UUID] = []
    for pair in pairs(model, index):
        if pair.row is None:
            extra.append(pair.photo_id)
        elif pair.point is None or not (same_form or _has_form(pair.point)):
            lost.append(pair.photo_id)
    return project_again(model, lost) + remove_extra(model, index, extra)


def _is_of_this_form(index: VectorIndex) -> bool:
    """Tell whether all points have the payload of this version; asked until they have."""
    if index not in _of_this_form:
        if index.count(Not(Eq("form", FORM))):
            return False
        _of_this_form.add(index)
    return True


def _has_form(point: StoredPoint) -> bool:
    return point.payload.get("form") == FORM


def indexed_rows(model: EmbeddingModel) -> EmbeddingQuerySet:
    """Return the rows that promise a point: live and `indexed`."""
    return Embedding.objects.live().filter(model=model, state=Embedding.State.INDEXED)


def pairs(
    model: EmbeddingModel, index: VectorIndex, *, with_vectors: bool = False
) -> Iterator[Pair]:
    """Walk over SQL and index side by side, in id order; raise `IndexUnavailable`."""
    rows = _by_photo(indexed_rows(model), with_vectors=with_vectors)
    points = index.scroll(batch=CHUNK, with_vectors=with_vectors)
    row, point = next(rows, None), next(points, None)
    while row is not None or point is not None:
        photo_id = min(side for side in (_id(row), _id(point)) if side is not None)
        here = row if _id(row) == photo_id else None
        there = point if _id(point) == photo_id else None
        yield Pair(photo_id, here, there)
        row = row if here is None else next(rows, None)
        point = point if there is None else next(points, None)


def _id(side: Embedding | StoredPoint | None) -> UUID | None:
    if side is None:
        return None
    return side.photo_id if isinstance(side, Embedding) else side.id


def _by_photo(rows: EmbeddingQuerySet, *, with_vectors: bool) -> Iterator[Embedding]:
    """Yield rows in the order of photo ids by keyset, so that no cursor stays open."""
    after: UUID | None = None
    columns = rows if with_vectors else rows.defer("vector")
    while True:
        page = columns if after is None else columns.filter(photo_id__gt=after)
        found = list(page.select_related("photo").order_by("photo_id")[:CHUNK])
        yield from found
        if len(found) < CHUNK:
            return
        after = found[-1].photo_id


def payload_differs(row: Embedding, point: StoredPoint) -> bool:
    """Tell whether what filters look at is not what the row and its photo say."""
    stored, wanted = point.payload, point_payload(row)
    return stored.keys() != wanted.keys() or not all(
        _same(stored[key], wanted[key]) for key in wanted
    )


def _same(stored: Any, wanted: Any) -> bool:
    """Compare two values; the embedded engine may read fractions with another last digit."""
    if isinstance(wanted, Place) and isinstance(stored, Place):
        return _same(stored.latitude, wanted.latitude) and _same(stored.longitude, wanted.longitude)
    if isinstance(wanted, float) and isinstance(stored, int | float):
        return math.isclose(stored, wanted, rel_tol=1e-12)
    return bool(stored == wanted)


def project_again(model: EmbeddingModel, photo_ids: Iterable[UUID]) -> int:
    """Send rows whose point is really missing or wrong back to wait for the index."""
    total = 0
    for part in slices(photo_ids, CHUNK):
        total += (
            indexed_rows(model).filter(photo_id__in=part).update(state=Embedding.State.EMBEDDED)
        )
    if total:
        logger.warning("%d photos are put into the index of %s again.", total, model.key)
    return total


def remove_extra(model: EmbeddingModel, index: VectorIndex, photo_ids: Iterable[UUID]) -> int:
    """Remove points that no row stands behind, unless one has come since; return how many."""
    total = 0
    for part in slices(photo_ids, CHUNK):
        kept = _with_row(model, part)
        unwanted = [photo_id for photo_id in part if photo_id not in kept]
        index.delete(unwanted)
        index.flush()
        # A photo restored from the trash meanwhile may have had its point removed just now.
        project_again(model, unwanted)
        total += len(unwanted)
    if total:
        logger.warning("%d stray points were removed from the index of %s.", total, model.key)
    return total


def has_row(model: EmbeddingModel, photo_id: UUID) -> bool:
    """Tell whether the photo has a row, which may be about to say that its point is there.

    Photos in the trash count until the index was told to let go of them.
    """
    leaving = withdrawal.owed().filter(model=model, photo=photo_id)
    return bool(_with_row(model, [photo_id])) or leaving.exists()


def _with_row(model: EmbeddingModel, photo_ids: list[UUID]) -> set[UUID]:
    # A photo that is embedded anew keeps its old point until the new one replaces it.
    rows = Embedding.objects.live().filter(model=model, photo_id__in=photo_ids)
    return set(rows.values_list("photo_id", flat=True))
