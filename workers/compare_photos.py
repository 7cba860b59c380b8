"""Compares photos to find duplicates, and measures for each model how close duplicates are.

New photos are compared after indexing, and all of them on request. `Embedding.compared_at` is empty
for photos that still wait, so comparing resumes where it was interrupted. The newest come first: an
upload does not wait for a search through the whole gallery.
"""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import asdict
from uuid import UUID

import numpy as np
from django.db import DatabaseError

from gallery import request_priority
from gallery.decoding import PoolBusy, PoolClosed
from gallery.decoding.answers import PART_SIDE
from gallery.failpoints import failpoint
from gallery.logs.log_context import about_photo
from gallery.models import Embedding, EmbeddingModel, WorkKind
from gallery.models.owners_in_turn import in_turn
from search.duplicates.find import compare
from search.duplicates.find.quality import Box
from search.duplicates.find.thresholds import MEASURED, MIN_PHOTOS, measure
from search.vectors.embedders import image_embedder, is_loaded
from search.vectors.embedders.base import Pixels, Vectors
from search.vectors.index import IndexUnavailable
from workers import activity, heartbeat, look_ahead

logger = logging.getLogger(__name__)

BATCH = 128
"""Photos compared at a time: less than a second of work, which an interruption loses."""

RENDITIONS_KEPT = 32
"""Decoded renditions in memory while a batch is judged; at most 0.8 MB each."""

AHEAD = 8
"""Renditions read ahead while others are judged."""

ENOUGH = 200
"""With so many photos, a model without thresholds is measured automatically."""

STRANGERS = 1000
CHANGED = 40


def compare_due(model: EmbeddingModel, *, stop: Callable[[], bool] = lambda: False) -> int:
    """Compare the photos that wait, the newest of each owner first; return how many.

    Asks `stop` after each batch. Raises `IndexUnavailable`, `PoolBusy` and `PoolClosed`.
    """
    total, renditions = 0, _Renditions()
    waiting = Embedding.objects.to_compare(model).select_related("photo")
    while rows := in_turn(waiting, BATCH, "-pk"):
        with heartbeat.working():
            _compare(model, rows, renditions)
            heartbeat.progress()
        activity.count(WorkKind.COMPARE, len(rows))
        total += len(rows)
        if stop():
            break
    compare.finish(model)
    return total


def _compare(model: EmbeddingModel, rows: Sequence[Embedding], renditions: _Renditions) -> None:
    """Compare the photos of `rows`; if that fails, leave out the photo that causes it."""
    try:
        failpoint("comparing")
        compare.compare(
            model,
            rows,
            renditions,
            expect=renditions.expect,
            fine=renditions.fine,
            part_of=renditions.part,
        )
        failpoint("compared")
    except (DatabaseError, IndexUnavailable, PoolBusy, PoolClosed, CancelledError):
        raise
    except Exception:
        if len(rows) > 1:
            half = len(rows) // 2
            _compare(model, rows[:half], renditions)
            _compare(model, rows[half:], renditions)
        else:
            with about_photo(rows[0].photo_id):
                logger.exception("Photo %s cannot be compared; it is left out.", rows[0].photo_id)
            compare.mark_compared(rows)


class _Renditions:
    """Reads renditions ahead and keeps the last few, since a photo is in several pairs."""

    def __init__(self) -> None:
        self._kept: OrderedDict[UUID, Pixels | None] = OrderedDict()
        self._wanted: deque[UUID] = deque()
        self._coming: OrderedDict[UUID, Future[Pixels | None]] = OrderedDict()

    def expect(self, photo_ids: Sequence[UUID]) -> None:
        """Start to read the renditions that will probably be needed, in this order."""
        self._wanted = deque(dict.fromkeys(photo_ids))
        self._coming.clear()
        self._read_ahead()

    def __call__(self, photo_id: UUID) -> Pixels | None:
        """Return pixels, uint8 (height, width, 3), at most 512 px a side; None if unreadable."""
        if photo_id not in self._kept:
            self._kept[photo_id] = self._read(photo_id)
            if len(self._kept) > RENDITIONS_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(photo_id)
        self._read_ahead()
        heartbeat.progress()
        request_priority.yield_to_requests()
        return self._kept[photo_id]

    def fine(self, photo_id: UUID) -> Pixels | None:
        """Return pixels of the original, at most 1,024 px a side; None if unreadable."""
        pixels = look_ahead.shared().detail(photo_id)
        heartbeat.progress()
        request_priority.yield_to_requests()
        return pixels

    def part(self, photo_id: UUID, box: Box) -> Pixels | None:
        """Return a part of the original at full size up to 1,024 px; None if unreadable."""
        pixels = look_ahead.shared().part(photo_id, box, PART_SIDE)
        heartbeat.progress()
        request_priority.yield_to_requests()
        return pixels

    def _read(self, photo_id: UUID) -> Pixels | None:
        if photo_id not in self._coming:
            return look_ahead.shared().rendition(photo_id)
        # Renditions that were expected before this one turned out not to be needed.
        while True:
            expected, rendition = self._coming.popitem(last=False)
            if expected == photo_id:
                return rendition.result()

    def _read_ahead(self) -> None:
        while self._wanted and len(self._coming) < AHEAD:
            photo_id = self._wanted.popleft()
            if photo_id not in self._kept:
                self._coming[photo_id] = look_ahead.shared().start_rendition(photo_id)


# --- thresholds -----------------------------------------------------------------------------------


def is_unmeasured(model: EmbeddingModel) -> bool:
    """Tell whether this model has no thresholds yet and the gallery has enough photos."""
    if model.thresholds or model.key in MEASURED or not is_loaded(model.key, "image"):
        return False
    compared = Embedding.objects.live().filter(model=model).exclude(vector=None)
    return len(compared.values_list("pk")[:ENOUGH]) == ENOUGH


def calibrate_unmeasured(model: EmbeddingModel) -> bool:
    """Measure a model and compare all photos again; return False if there are too few photos.

    Until then, photos are judged by careful default thresholds.
    """
    try:
        with heartbeat.working():
            calibrate(model)
    except ValueError as error:
        logger.warning("%s is not measured yet: %s", model.key, error)
        return False
    compare.request_sweep(model)
    return True


def calibrate(model: EmbeddingModel, *, strangers: int = STRANGERS) -> None:
    """Measure the thresholds of a model on up to `strangers` photos, and save them.

    Raises `ModelUnavailable`, and ValueError when there are too few photos.
    """
    rows, vectors = _sample(model, strangers)
    greys = np.stack([row.photo.fingerprint.pixels() for row in rows])
    embedder = image_embedder(model.key)
    pictures = []
    for row in rows[:CHANGED]:
        rendition = look_ahead.shared().rendition(row.photo_id)
        heartbeat.progress()
        if rendition is not None:
            pictures.append(rendition)
    thresholds = measure(embedder, pictures, vectors, greys)
    model.thresholds = asdict(thresholds)
    model.save(update_fields=["thresholds"])
    logger.info("Duplicates of %s are told by %s.", model.key, thresholds)


def _sample(model: EmbeddingModel, limit: int) -> tuple[list[Embedding], Vectors]:
    """Return rows of random photos, with fingerprints loaded, and their vectors, (n, dim)."""
    rows = (  # Photo ids are random, so the first ones are a random sample.
        Embedding.objects.live()
        .filter(model=model, photo__fingerprint__isnull=False)
        .exclude(vector=None)
        .select_related("photo__fingerprint")
        .order_by("photo_id")[:limit]
    )
    sample = {row: vector for row in rows if (vector := row.get_vector()) is not None}
    if len(sample) < MIN_PHOTOS:
        raise ValueError(f"At least {MIN_PHOTOS} searchable photos are needed.")
    return list(sample), np.stack(list(sample.values()))
