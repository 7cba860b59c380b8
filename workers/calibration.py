"""Measures how close duplicates are for the active model, on the gallery's own photos."""

from __future__ import annotations

import logging
from dataclasses import asdict

import numpy as np

from gallery.models import Embedding, EmbeddingModel, Photo
from search.duplicates.find import compare
from search.duplicates.find.thresholds import MEASURED, MIN_PHOTOS, Thresholds, measure
from search.vectors.embedders import image_embedder, is_loaded
from workers import heartbeat, look_ahead

logger = logging.getLogger(__name__)

ENOUGH = 200
"""With so many photos, a model without thresholds is measured automatically."""

STRANGERS = 1000
CHANGED = 40


def is_wanted(model: EmbeddingModel) -> bool:
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


def calibrate(model: EmbeddingModel, *, strangers: int = STRANGERS) -> Thresholds:
    """Measure the thresholds of a model on up to `strangers` photos, and save them.

    Raises `ModelUnavailable`, and ValueError when there are too few photos.
    """
    photos, vectors, greys = _sample(model, strangers)
    embedder = image_embedder(model.key)
    pictures = []
    for photo in photos[:CHANGED]:
        rendition = look_ahead.shared().rendition(photo.pk)
        heartbeat.progress()
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
    """Return random photos with their vectors and fingerprints.

    Photo ids are random, so the first ones are a random sample.
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
