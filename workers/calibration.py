"""Measuring the closeness of duplicates for the active model, on the gallery's own photos."""

from __future__ import annotations

import logging
import threading
from dataclasses import asdict

import numpy as np

from gallery.decoding import PoolBusy, PoolClosed
from gallery.models import Embedding, EmbeddingModel, Photo
from search.duplicates.find import compare
from search.duplicates.find.thresholds import MEASURED, MIN_PHOTOS, Thresholds, measure
from search.vectors.embedders import image_embedder, is_loaded
from search.vectors.embedders.base import ModelUnavailable
from workers import look_ahead, watchdog

logger = logging.getLogger(__name__)

ENOUGH = 200
"""Photos from which a model that nobody measured is measured without being asked."""

STRANGERS = 1000
CHANGED = 40

_measuring = threading.Lock()


def is_wanted(model: EmbeddingModel) -> bool:
    """Tell whether nobody measured this model yet and the gallery has enough photos for it."""
    if model.thresholds or model.key in MEASURED:
        return False
    compared = Embedding.objects.live().filter(model=model).exclude(vector=None)
    return len(compared.values_list("pk")[:ENOUGH]) == ENOUGH


def calibrate_unmeasured() -> None:
    """Measure the active model if that is wanted and this process has it, and compare anew.

    Until then its photos were judged by careful thresholds. One thread of a process measures at
    a time; others find it done.
    """
    if not _measuring.acquire(blocking=False):
        return
    try:
        model = EmbeddingModel.objects.active()
        if model is not None and is_loaded(model.key, "image") and is_wanted(model):
            _calibrate_unmeasured(model)
    finally:
        _measuring.release()


def _calibrate_unmeasured(model: EmbeddingModel) -> None:
    try:
        with watchdog.working():
            calibrate(model)
    except (ValueError, ModelUnavailable, PoolBusy, PoolClosed) as error:
        logger.warning("%s is not measured yet: %s", model.key, error)
        return
    compare.request_sweep(model)


def calibrate(model: EmbeddingModel, *, strangers: int = STRANGERS) -> Thresholds:
    """Measure and keep the thresholds of a model, from up to `strangers` of the photos.

    Raises `ModelUnavailable`, and ValueError when there are too few photos.
    """
    photos, vectors, greys = _sample(model, strangers)
    embedder = image_embedder(model.key)
    pictures = []
    for photo in photos[:CHANGED]:
        rendition = look_ahead.shared().rendition(photo.pk)
        watchdog.progress()
        if rendition is not None:
            pictures.append(rendition)
    found = measure(embedder, pictures, vectors, greys)
    model.thresholds = asdict(found)
    EmbeddingModel.objects.filter(pk=model.pk).update(thresholds=model.thresholds)
    logger.info("Duplicates of %s are told by %s.", model.key, found)
    return found


def _sample(
    model: EmbeddingModel, limit: int
) -> tuple[list[Photo], np.ndarray[tuple[int, int], np.dtype[np.float32]], np.ndarray]:
    """Return photos that have a vector and a fingerprint, with both, in no particular order.

    Ids of photos are random, so the first of them are as good as any.
    """
    rows = (
        Embedding.objects.live()
        .filter(model=model, photo__fingerprint__isnull=False)
        .exclude(vector=None)
        .select_related("photo__fingerprint")
        .order_by("photo_id")[:limit]
    )
    found = [(row, vector) for row in rows if (vector := row.get_vector()) is not None]
    if len(found) < MIN_PHOTOS:
        raise ValueError(f"At least {MIN_PHOTOS} searchable photos are needed.")
    return (
        [row.photo for row, _ in found],
        np.stack([vector for _, vector in found]),
        np.stack([row.photo.fingerprint.pixels() for row, _ in found]),
    )
