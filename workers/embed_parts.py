"""Embeds parts of photos, so that a search finds small things in large pictures.

A photo is searchable before this starts. `PhotoParts` records the progress: its row is written
before the work, without boxes, and counts the tries. Once it has boxes it waits for the index,
until `indexed_at` is set. A row without boxes that has `indexed_at` was given up.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future

import numpy as np
from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone

from gallery import request_priority
from gallery.decoding import DecodeError, PoolBusy, PoolClosed
from gallery.folders import external
from gallery.models import Embedding, EmbeddingModel, ExternalFile, PhotoParts
from gallery.models.embeddings import Boxes, EmbeddingQuerySet
from search.parts import boxes, crops as cropping, nearest
from search.vectors.embedders import image_embedder
from search.vectors.embedders.base import Embedder, Pixels, Vectors
from workers import heartbeat, look_ahead
from workers.failpoints import failpoint
from workers.index_sync.projection import project, project_waiting
from workers.index_sync.sources import PARTS
from workers.pipeline import Refusal, Stop, embed

logger = logging.getLogger(__name__)

AT_ONCE = 4
"""Photos read ahead; a crash repeats at most so many."""
CROPS = 4
"""Parts in one forward pass; a new upload waits for no more than these."""
TRIES = 3


def is_wanted(model: EmbeddingModel) -> bool:
    """Tell whether parts wait to be embedded or indexed."""
    if not nearest.is_on():
        return False
    return (_room(model) > 0 and lacking(model).exists()) or PARTS.waiting(model).exists()


def lacking(model: EmbeddingModel) -> EmbeddingQuerySet:
    """Return the searchable rows whose parts are missing or out of date."""
    begun = Q(parts__boxes=b"", parts__indexed_at=None, parts__tries__lt=TRIES)
    older = Q(parts__generation__lt=F("generation"))
    searchable = Embedding.objects.live().filter(model=model, state=Embedding.State.INDEXED)
    # The parts of a photo whose disk is off come once it is on again.
    away = ExternalFile.objects.away().values("photo")
    return searchable.filter(Q(parts=None) | older | begun).exclude(photo__in=away)


def make_due(model: EmbeddingModel, *, stop: Stop) -> int:
    """Embed the parts of photos that lack them, the newest first; return how many photos.

    Asks `stop` before each forward pass. Raises `IndexUnavailable`, `ModelUnavailable`,
    `PoolBusy`, `PoolClosed`, and OSError when an original cannot be read now.
    """
    if not nearest.is_on():
        return 0
    project_waiting(PARTS, model, stop=stop)
    total, room, below = 0, _room(model), None
    while not stop() and total < room:
        rows = lacking(model).select_related(*PARTS.related).order_by("-pk")
        rows = rows if below is None else rows.filter(pk__lt=below)
        batch = list(rows[: min(AT_ONCE, room - total)])
        if not batch:
            break
        below = batch[-1].pk
        with heartbeat.working():
            total += _make(model, batch, stop)
            heartbeat.progress()
    return total


def _room(model: EmbeddingModel) -> int:
    """Return how many more photos may have parts."""
    return settings.PART_SEARCH - PhotoParts.objects.filter(embedding__model=model).count()


def _make(model: EmbeddingModel, rows: Sequence[Embedding], stop: Stop) -> int:
    """Embed and index the parts of some photos; return how many are finished."""
    embedder = image_embedder(model.key)
    _begin(rows)
    failpoint("parts_begun")
    pictures = [look_ahead.shared().start_detail(row.photo) for row in rows]
    settled: list[int] = []
    failure: Exception | None = None
    for row, picture in zip(rows, pictures, strict=True):
        try:
            if not stop() and _make_one(embedder, row, picture, stop):
                settled.append(row.pk)
        except (PoolBusy, PoolClosed, CancelledError, OSError) as error:
            failure = error
        picture.cancel()
    _leave([row for row in rows if row.pk not in settled])
    failpoint("parts_saved")
    waiting = PARTS.waiting(model).filter(pk__in=settled).select_related(*PARTS.related)
    project(PARTS, model, list(waiting))
    if failure is not None:
        raise failure
    return len(settled)


def _begin(rows: Sequence[Embedding]) -> None:
    """Count the try before the work, so that a photo that kills workers is given up in the end."""
    begun = [
        PhotoParts(embedding_id=row.pk, generation=row.generation, tries=_tries(row) + 1, boxes=b"")
        for row in rows
    ]
    fields = ["generation", "tries", "boxes", "vectors", "crc", "indexed_at"]
    PhotoParts.objects.bulk_create(
        begun, update_conflicts=True, unique_fields=["embedding"], update_fields=fields
    )


def _tries(row: Embedding) -> int:
    kept: PhotoParts | None = getattr(row, "parts", None)
    same = kept is not None and kept.generation == row.generation and not kept.boxes
    return kept.tries if kept is not None and same else 0


def _leave(rows: Sequence[Embedding]) -> None:
    """Do not count the try of rows that were interrupted through no fault of their photos."""
    begun = PhotoParts.objects.filter(pk__in=[row.pk for row in rows], boxes=b"", tries__gt=0)
    begun.update(tries=F("tries") - 1)


def _make_one(embedder: Embedder, row: Embedding, picture: Future[Pixels], stop: Stop) -> bool:
    """Save the parts of one photo, or that it has none; return False if it was interrupted."""
    try:
        pixels = picture.result()
    except DecodeError as error:
        if row.photo.external and external.is_away(row.photo):
            return False
        logger.info("Photo %s has no parts: %s", row.photo_id, error)
        _save(row, boxes.boxes(()), np.empty((0, embedder.dim), np.float32))
        return True
    places = boxes.boxes(boxes.numbers(row.photo.width, row.photo.height))
    results: list[Vectors | Refusal] = []
    for start in range(0, len(places), CROPS):
        if stop():
            return False
        request_priority.yield_to_requests()
        crops = [cropping.cut(pixels, box) for box in places[start : start + CROPS].tolist()]
        results += embed(embedder, crops)
    good = [number for number, result in enumerate(results) if not isinstance(result, Refusal)]
    vectors = [result for result in results if not isinstance(result, Refusal)]
    _save(row, places[good], np.array(vectors, np.float32).reshape(-1, embedder.dim))
    return True


def _save(row: Embedding, places: Boxes, vectors: Vectors) -> None:
    """Save the parts, unless the photo was embedded again meanwhile."""
    made = PhotoParts(embedding_id=row.pk, generation=row.generation)
    made.set_parts(places, vectors)
    PhotoParts.objects.filter(pk=row.pk, generation=row.generation).update(
        boxes=made.boxes,
        vectors=made.vectors,
        crc=made.crc,
        indexed_at=None if len(places) else timezone.now(),
    )
