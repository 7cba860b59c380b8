"""From saved vectors to the index: upsert, flush, and only then mark as indexed.

Needs no model and no picture, so the whole index can be made anew from SQL this way.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import F, Q
from django.utils import timezone

from gallery import colours, facts, files
from gallery.models import Embedding, EmbeddingModel, Photo, PhotoParts, PhotoQuerySet
from gallery.models.embeddings import EmbeddingQuerySet
from gallery.reasons import Reason
from search.vectors.index import (
    BadVector,
    IndexUnavailable,
    Payload,
    Place,
    Point,
    VectorIndex,
    open_index,
)
from workers import heartbeat, watchdog
from workers.failpoints import failpoint

logger = logging.getLogger(__name__)

FORM = 2
"""Raised when the payload of points changes; points of another form are projected again."""

CHUNK = 1000
RETRY_AFTER_SECONDS = 10.0

_not_before = 0.0


def project(model: EmbeddingModel, rows: Sequence[Embedding]) -> int:
    """Put `embedded` rows, with their photos, into the index and return how many arrived.

    When the index is away the rows stay as they are, no attempt is burnt, and 0 is returned.
    """
    sound = {row: point for row in rows if (point := _point(row)) is not None}
    _embed_again([row for row in rows if row not in sound])
    if not sound or not rows:
        return 0
    index = open_index(model.key, model.dim)
    try:
        refused = _upsert(index, sound)
        failpoint("after_upsert")
        index.flush()
    except IndexUnavailable as error:
        _pause(error)
        return 0
    failpoint("after_flush")
    heartbeat.tell("index", "")
    arrived = [row for row in sound if row not in refused]
    # The points of their parts have the same payload, and follow.
    parts = PhotoParts.objects.filter(pk__in=[row.pk for row in arrived])
    parts.exclude(boxes=b"").update(indexed_at=None)
    marked = mark_indexed(arrived)
    if marked < len(arrived):
        _take_back(index, arrived)
    return marked - _tell_again({row.pk: sound[row].payload for row in arrived})


def project_waiting(
    model: EmbeddingModel,
    *,
    told: Callable[[int], object] = lambda arrived: None,
    stop: threading.Event | None = None,
) -> int:
    """Put all rows of `model` that wait as `embedded` into the index; return how many arrived.

    `told` is given the number of each part that arrived; `stop` ends the work after a part.
    """
    total, after = 0, 0
    while time.monotonic() >= _not_before and not (stop and stop.is_set()):
        rows = list(
            waiting()
            .filter(model=model, pk__gt=after)
            .select_related("photo")
            .order_by("pk")[:CHUNK]
        )
        if not rows:
            break
        arrived = project(model, rows)
        told(arrived)
        total += arrived
        after = rows[-1].pk
        watchdog.progress()
    return total


def waiting() -> EmbeddingQuerySet:
    """Return the live rows that have a vector which is not in the index yet."""
    return Embedding.objects.live().filter(state=Embedding.State.EMBEDDED)


def is_paused() -> bool:
    """Tell whether the index was away a moment ago, so that asking again would be too soon."""
    return time.monotonic() < _not_before


def resume() -> None:
    """Forget that the index was away."""
    global _not_before
    _not_before = 0.0


def point_payload(row: Embedding) -> Payload:
    """Return what filters look at inside a query; what people change often is left to SQL.

    `owner` and `gen`eration; `taken`, the day shown in Unix seconds, and whether it is `dated`;
    `orientation`, `aspect` (width by height) and `megapixels`; `type` (lower case) and `bytes`;
    `colours` by name; and where they are known `camera`, `lens` and `place`. `form` says which
    form of payload this is.
    """
    photo = row.photo
    payload: dict[str, Any] = {
        "form": FORM,
        "owner": str(photo.owner_id),
        "gen": row.generation,
        "taken": math.floor(photo.shown_at.timestamp()),
        "dated": photo.taken_at is not None,
        "orientation": facts.orientation(photo.width, photo.height),
        "aspect": photo.width / photo.height,
        "megapixels": photo.width * photo.height / 1e6,
        "type": photo.format.lower(),
        "bytes": photo.size,
    }
    if found := colours.from_column(photo.colours):
        payload["colours"] = found
    if photo.latitude is not None and photo.longitude is not None:
        payload["place"] = Place(photo.latitude, photo.longitude)
    named = {"camera": photo.camera, "lens": photo.lens}
    return payload | {key: name for key, name in named.items() if name}


def mark_indexed(rows: Sequence[Embedding]) -> int:
    """Mark rows as searchable unless their photo is gone or they started anew; return how many."""
    generations: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        generations[row.generation].append(row.pk)
    # Named one by one: SQLite would list every live photo of the gallery otherwise.
    live = Photo.objects.live().filter(pk__in=[row.photo_id for row in rows])
    unchanged = Q(pk__in=[])
    for generation, keys in generations.items():
        unchanged |= Q(generation=generation, pk__in=keys)
    return (
        Embedding.objects.filter(unchanged, state=Embedding.State.EMBEDDED)
        .filter(photo__in=live)
        .update(
            state=Embedding.State.INDEXED,
            indexed_at=timezone.now(),
            lease_token=None,
            attempts=0,
            crashes=0,
            not_before=None,
        )
    )


def _point(row: Embedding) -> Point | None:
    vector = row.get_vector()
    return None if vector is None else Point(row.photo_id, vector, point_payload(row))


def _embed_again(rows: Sequence[Embedding]) -> None:
    """Send rows whose stored vector is damaged back to the model."""
    if rows:
        logger.warning("%d stored vectors are damaged; embedding them again.", len(rows))
        Embedding.objects.filter(
            pk__in=[row.pk for row in rows], state=Embedding.State.EMBEDDED
        ).update(
            state=Embedding.State.PENDING, generation=F("generation") + 1, vector=None, attempts=0
        )


def _upsert(index: VectorIndex, points: dict[Embedding, Point]) -> set[Embedding]:
    """Upsert the points; return rows whose point alone is refused, marked as failed."""
    try:
        index.upsert(list(points.values()))
    except BadVector:
        return {row for row, point in points.items() if not _upsert_alone(index, row, point)}
    return set()


def _upsert_alone(index: VectorIndex, row: Embedding, point: Point) -> bool:
    try:
        index.upsert([point])
    except BadVector as error:
        Embedding.objects.filter(
            pk=row.pk, generation=row.generation, state=Embedding.State.EMBEDDED
        ).update(
            state=Embedding.State.FAILED, reason=Reason.INDEX_REJECTED, detail=str(error)[:300]
        )
        return False
    return True


def _tell_again(told: Mapping[int, Payload]) -> int:
    """Send back those of which something changed on their way to the index; return how many.

    Whoever changed it found the row on its way already, and could not ask for this.
    """
    indexed = Embedding.objects.filter(state=Embedding.State.INDEXED)
    rows = indexed.filter(pk__in=list(told)).select_related("photo")
    late = [
        row.pk for row in rows.defer("vector", "photo__exif") if point_payload(row) != told[row.pk]
    ]
    return indexed.filter(pk__in=late).update(state=Embedding.State.EMBEDDED) if late else 0


def _take_back(index: VectorIndex, rows: Sequence[Embedding]) -> None:
    """Remove the points of photos that were trashed or deleted on their way to the index."""
    ids = {row.photo_id for row in rows}
    gone = list(ids - _ids(Photo.objects.live(), ids))
    if not gone:
        return
    try:
        index.delete(gone)
        index.flush()
    except IndexUnavailable as error:
        # The sweeper looks for points of recent tombstones, and of the trash, as well.
        _pause(error)
    # Whoever restored a photo meanwhile may have projected it before its point was removed.
    Embedding.objects.live().filter(
        model_id=rows[0].model_id, photo__in=gone, state=Embedding.State.INDEXED
    ).update(state=Embedding.State.EMBEDDED)
    for photo_id in set(gone) - _ids(Photo.objects.not_deleted(), gone):
        files.thumbnail(photo_id).unlink(missing_ok=True)


def _ids(photos: PhotoQuerySet, among: Iterable[UUID]) -> set[UUID]:
    return set(photos.filter(pk__in=among).values_list("pk", flat=True))


def _pause(error: Exception) -> None:
    global _not_before
    heartbeat.tell("index", f"Photos wait for the index. {error}")
    _not_before = time.monotonic() + RETRY_AFTER_SECONDS
