"""Embedding the parts of photos, once nothing else is due, and keeping their points in order.

A photo is searchable before this begins. A row of `PhotoParts` remembers the work: without boxes it
counts the tries in `crc`, and with `indexed_at` set it was given up; with boxes it waits for the
index until `indexed_at` is set. Whoever is interrupted finds it there.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future

import numpy as np
from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone

from gallery import request_priority
from gallery.decoding import DecodeError, PoolBusy, PoolClosed
from gallery.models import Embedding, EmbeddingModel, PhotoParts
from gallery.models.embeddings import EmbeddingQuerySet
from gallery.models.parts import Boxes
from search.parts import boxes, crops as cropping, nearest
from search.vectors.embedders import image_embedder
from search.vectors.embedders.base import Embedder, ModelUnavailable, Pixels, Vectors
from workers import heartbeat, look_ahead, watchdog
from workers.embedding import Refusal, embed
from workers.failpoints import failpoint
from workers.index_sync import parts

logger = logging.getLogger(__name__)

AT_ONCE = 4
"""Photos that are read ahead; so many are tried again after a crash."""
CROPS = 4
"""Parts in one forward pass: a photo that comes in waits for no more."""
TRIES = 3
REST_SECONDS = 60.0
"""How long nothing is looked for after nothing was found: the question walks over all photos."""

Stop = Callable[[], bool]

_making = threading.Lock()
_not_before = 0.0


def make_due(model: EmbeddingModel, *, stop: Stop) -> int:
    """Embed the parts of photos that lack them, the newest first; return how many photos.

    Ends when nothing is left, or when `stop` says so, within `CROPS` parts. One thread of a
    process does this at a time; another one returns at once.
    """
    if not nearest.is_on() or not _making.acquire(blocking=False):
        return 0
    try:
        parts.project_waiting(model, stop=stop)
        total = _make_due(model, stop)
        if not stop() and parts.waiting(model).exists():
            rest()
        return total
    finally:
        _making.release()


def is_due() -> bool:
    """Tell whether parts wait to be embedded or indexed and nobody in this process is at it."""
    if not nearest.is_on() or _making.locked() or time.monotonic() < _not_before:
        return False
    model = EmbeddingModel.objects.active()
    if model is None:
        return False
    kept = PhotoParts.objects.filter(embedding__model=model).count()
    has_room = kept < settings.PART_SEARCH
    if (has_room and lacking(model).exists()) or parts.waiting(model).exists():
        return True
    rest()
    return False


def wake() -> None:
    """Look again at once, since photos became searchable."""
    global _not_before
    _not_before = 0.0


def rest() -> None:
    """Look for nothing for a while."""
    global _not_before
    _not_before = time.monotonic() + REST_SECONDS


def lacking(model: EmbeddingModel) -> EmbeddingQuerySet:
    """Return the searchable rows whose parts are not embedded, or of an older generation."""
    begun = Q(parts__boxes=b"", parts__indexed_at=None, parts__crc__lt=TRIES)
    older = Q(parts__generation__lt=F("generation"))
    searchable = Embedding.objects.live().filter(model=model, state=Embedding.State.INDEXED)
    return searchable.filter(Q(parts=None) | older | begun)


def _make_due(model: EmbeddingModel, stop: Stop) -> int:
    total, below = 0, None
    room = settings.PART_SEARCH - PhotoParts.objects.filter(embedding__model=model).count()
    while not stop() and total < room:
        rows = lacking(model).select_related("photo", "parts").order_by("-pk")
        batch = list(
            (rows if below is None else rows.filter(pk__lt=below))[: min(AT_ONCE, room - total)]
        )
        if not batch:
            if below is None:
                rest()
            break
        below = batch[-1].pk
        with watchdog.working():
            done = _make(model, batch, stop)
            total += done
            watchdog.progress()
        if done < len(batch) and not stop():
            rest()
            break
    return total


def _make(model: EmbeddingModel, rows: Sequence[Embedding], stop: Stop) -> int:
    """Embed the parts of some photos and index them; return how many were settled."""
    try:
        embedder = image_embedder(model.key)
    except ModelUnavailable as error:
        heartbeat.tell("parts of photos", str(error))
        return 0
    heartbeat.tell("parts of photos", "")
    _begin(rows)
    failpoint("parts_begun")
    pictures = [look_ahead.shared().start_detail(row.photo) for row in rows]
    made = []
    for row, picture in zip(rows, pictures, strict=True):
        if stop() or not _make_one(embedder, row, picture, stop):
            picture.cancel()
            _leave(row)
        else:
            made.append(row)
    failpoint("parts_saved")
    parts.project(model, made)
    return len(made)


def _begin(rows: Sequence[Embedding]) -> None:
    """Count the try before the work, so that a photo that kills workers is left alone at last."""
    begun = [
        PhotoParts(embedding=row, generation=row.generation, crc=_tries(row) + 1, boxes=b"")
        for row in rows
    ]
    fields = ["generation", "crc", "boxes", "vectors", "indexed_at"]
    PhotoParts.objects.bulk_create(
        begun, update_conflicts=True, unique_fields=["embedding"], update_fields=fields
    )


def _tries(row: Embedding) -> int:
    kept: PhotoParts | None = getattr(row, "parts", None)
    same = kept is not None and kept.generation == row.generation and not kept.boxes
    return kept.crc if kept is not None and same else 0


def _leave(row: Embedding) -> None:
    """Give a row back that was not worked on to the end; that was no fault of the photo."""
    PhotoParts.objects.filter(pk=row.pk, boxes=b"", crc__gt=0).update(crc=F("crc") - 1)


def _make_one(embedder: Embedder, row: Embedding, picture: Future[Pixels], stop: Stop) -> bool:
    """Save the parts of one photo, or that it has none; False to come back to it later."""
    try:
        pixels = picture.result()
    except DecodeError as error:
        logger.info("Photo %s has no parts: %s", row.photo_id, error)
        return _save(row, boxes.boxes(()), np.empty((0, embedder.dim), np.float32))
    except (PoolBusy, PoolClosed, CancelledError, OSError) as error:
        logger.warning("The parts of photo %s are made later: %s", row.photo_id, error)
        return False
    places = boxes.boxes(boxes.numbers(row.photo.width, row.photo.height))
    rows: list[Vectors | Refusal] = []
    for start in range(0, len(places), CROPS):
        if stop():
            return False
        request_priority.yield_to_requests()
        crops = [cropping.cut(pixels, box) for box in places[start : start + CROPS].tolist()]
        rows += embed(embedder, crops)
    good = [at for at, one in enumerate(rows) if not isinstance(one, Refusal)]
    vectors = [one for one in rows if not isinstance(one, Refusal)]
    return _save(row, places[good], np.array(vectors, np.float32).reshape(-1, embedder.dim))


def _save(row: Embedding, places: Boxes, vectors: Vectors) -> bool:
    """Keep what was made, unless the photo was embedded anew meanwhile."""
    made = PhotoParts(embedding=row, generation=row.generation)
    made.set_parts(places, vectors)
    PhotoParts.objects.filter(pk=row.pk, generation=row.generation).update(
        boxes=made.boxes,
        vectors=made.vectors,
        crc=made.crc,
        indexed_at=None if len(places) else timezone.now(),
    )
    return True
