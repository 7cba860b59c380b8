"""Embeds parts of photos, so that a search finds small things in large pictures.

A photo is searchable before this starts. `PhotoParts` records the progress: its row is written
before the work, without boxes, and counts the tries. Once it has boxes it waits for the index,
until `indexed_at` is set. A row without boxes that has `indexed_at` was given up. Either way
`Embedding.parts_generation` says that the photo waits no more.
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
from gallery.failpoints import failpoint
from gallery.folders import external
from gallery.logs.log_context import about_photo
from gallery.models import Embedding, EmbeddingModel, ExternalFile, PhotoParts, WorkKind
from gallery.models.embeddings import Boxes, EmbeddingQuerySet
from gallery.models.owners_in_turn import in_turn
from search.parts import boxes, crops as cropping, nearest
from search.vectors.embedders import image_embedder
from search.vectors.embedders.base import Embedder, Pixels, Vectors
from workers import activity, heartbeat, look_ahead
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
    """Return the searchable rows whose parts are missing or out of date, and can be made now."""
    return Embedding.objects.to_part(model).filter(_can_be_read())


def _can_be_read() -> Q:
    # The parts of a photo whose disk is off come once it is on again.
    return ~Q(photo__in=ExternalFile.objects.away().values("photo"))


def make_due(model: EmbeddingModel, *, stop: Stop) -> int:
    """Embed the parts of photos that lack them, the newest of each owner first; return how many.

    Asks `stop` before each forward pass. Raises `IndexUnavailable`, `ModelUnavailable`,
    `PoolBusy`, `PoolClosed`, and OSError when an original cannot be read now.
    """
    if not nearest.is_on():
        return 0
    project_waiting(PARTS, model, stop=stop)
    total, room, passed = 0, _room(model), set[int]()
    while not stop() and total < room:
        rows = Embedding.objects.to_part(model).select_related("photo", "parts")
        left = _can_be_read() & ~Q(pk__in=passed)
        batch = in_turn(rows, min(AT_ONCE, room - total), "-pk", now=left)
        if not batch:
            break
        passed.update(row.pk for row in batch)
        with heartbeat.working():
            made = _make(model, batch, stop)
            heartbeat.progress()
        activity.count(WorkKind.PARTS, made)
        total += made
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
    waiting = PARTS.waiting(model).filter(pk__in=settled).select_related("photo", "parts")
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
    for parts, row in zip(begun, rows, strict=True):
        if parts.tries >= TRIES:
            _settle(row)


def _settle(row: Embedding) -> None:
    """Do not begin with this photo again, unless it is embedded again."""
    same = Embedding.objects.filter(pk=row.pk, generation=row.generation)
    same.update(parts_generation=row.generation)


def _tries(row: Embedding) -> int:
    kept: PhotoParts | None = getattr(row, "parts", None)
    same = kept is not None and kept.generation == row.generation and not kept.boxes
    return kept.tries if kept is not None and same else 0


def _leave(rows: Sequence[Embedding]) -> None:
    """Do not count the try of rows that were interrupted through no fault of their photos."""
    begun = PhotoParts.objects.filter(pk__in=[row.pk for row in rows], boxes=b"", tries__gt=0)
    begun.update(tries=F("tries") - 1)
    Embedding.objects.filter(pk__in=[row.pk for row in rows]).update(parts_generation=0)


def _make_one(embedder: Embedder, row: Embedding, picture: Future[Pixels], stop: Stop) -> bool:
    """Save the parts of one photo, or that it has none; return False if it was interrupted."""
    try:
        pixels = picture.result()
    except DecodeError as error:
        if row.photo.external and external.is_away(row.photo):
            return False
        with about_photo(row.photo_id):
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
    _settle(row)
