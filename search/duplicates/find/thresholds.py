"""How close photos must be to count as duplicates, and how to measure that for a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gallery.decoding.fingerprint import grey, shrink
from gallery.models import EmbeddingModel
from search.duplicates.find.alignment import align
from search.vectors.embedders.base import Embedder, Pixels, Vectors
from search.vectors.embedders.catalog import STARTER_KEY

MIN_PHOTOS = 50
"""Photos without which a measurement says nothing."""

_LOOK_ALIKE = 0.6  # correlation of aligned fingerprints, above which two may be one scene


@dataclass(frozen=True)
class Thresholds:
    """Cosine similarities, all of one model.

    Pairs below `candidate` are not compared unless their perceptual hashes are near. Similar shots
    need `burst` when they were taken within minutes of each other, `similar` within a day or when
    the time is unknown, and `apart` when days or kilometres lie between them. Unless they are
    apart, `layout` is enough when the pictures fit each other well, and `burst` when they nearly
    do.
    """

    candidate: float
    layout: float
    burst: float
    similar: float
    apart: float


MEASURED = {
    STARTER_KEY: Thresholds(candidate=0.74, layout=0.82, burst=0.93, similar=0.97, apart=0.985)
}
"""By the rules of `measure`, which measures other models in the gallery they serve. The copies were
of 80 photos of things in their natural shape. The unrelated photos were 1,000, half of them of
people and sport, which come nearer to each other."""

CAREFUL = Thresholds(candidate=0.8, layout=0.93, burst=0.95, similar=0.97, apart=0.985)
"""For models without a measurement: better a pair too few than one too many."""


def thresholds_of(model: EmbeddingModel) -> Thresholds:
    """Return the thresholds measured for the model, or careful ones if none were measured."""
    if model.thresholds:
        return Thresholds(**model.thresholds)
    return MEASURED.get(model.key, CAREFUL)


def measure(
    embedder: Embedder, pictures: Sequence[Pixels], vectors: Vectors, greys: NDArray[np.uint8]
) -> Thresholds:
    """Return the thresholds for a model.

    `pictures` (uint8, height x width x 3) are changed the way copies are and embedded again, which
    shows how far copies are from their originals. `vectors` (n, dim) and fingerprints `greys`
    (n, side, side) of n other photos show how near unrelated photos come. A gallery has many times
    more photos than are measured, so shots that only the embedding calls similar must be twice as
    near as the nearest unrelated ones. Raises ValueError for fewer than `MIN_PHOTOS` photos.
    """
    if len(vectors) < MIN_PHOTOS or not pictures:
        raise ValueError(f"At least {MIN_PHOTOS} photos are needed.")
    crops, others = _copy_cosines(embedder, pictures)
    unrelated = _nearest_unrelated(vectors, greys)
    usual, nearest = np.quantile(unrelated, 0.98), unrelated.max()
    similar = (1 + nearest) / 2
    return Thresholds(
        candidate=_rounded(np.quantile(np.concatenate([crops, others]), 0.02)),
        layout=_rounded(np.quantile(crops, 0.02)),
        burst=_rounded(max((usual + similar) / 2, np.quantile(crops, 0.02))),
        similar=_rounded(similar),
        apart=_rounded((1 + similar) / 2),
    )


def _copy_cosines(embedder: Embedder, pictures: Sequence[Pixels]) -> tuple[Vectors, Vectors]:
    """Return the cosines of crops, and of other changed copies, to their originals."""
    crops, others = [], []
    for picture in pictures:
        original, *copies = embedder.embed_images([picture, *_copies(picture)])
        cosines = np.asarray(copies) @ original
        crops += cosines[:2].tolist()
        others += cosines[2:].tolist()
    return np.array(crops, np.float32), np.array(others, np.float32)


def _copies(picture: Pixels) -> list[Pixels]:
    """Return a picture cropped to 80 % twice, in grey, at a quarter of its size, and paled."""
    height, width = picture.shape[:2]
    tall, wide = max(1, height * 4 // 5), max(1, width * 4 // 5)
    quarter = [
        shrink(channel.astype(np.float32), max(1, height // 4), max(1, width // 4))
        for channel in np.moveaxis(picture, 2, 0)
    ]
    return [
        picture[:tall, :wide].copy(),
        picture[height - tall :, width - wide :].copy(),
        np.repeat(grey(picture)[:, :, None], 3, axis=2).astype(np.uint8),
        np.stack(quarter, axis=2).astype(np.uint8),
        (picture * 0.6 + 70).clip(0, 255).astype(np.uint8),
    ]


def _nearest_unrelated(vectors: Vectors, greys: NDArray[np.uint8]) -> Vectors:
    """Return for each photo the cosine of the nearest other one that is no look-alike of it."""
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1.0)
    # A photo may have several look-alikes, so its five nearest photos are aligned with it.
    near = np.argsort(-cosines, axis=1)[:, :5]
    rows = np.repeat(np.arange(len(vectors)), near.shape[1])
    alike = align(greys[rows], greys[near.ravel()]).correlation >= _LOOK_ALIKE
    cosines[rows[alike], near.ravel()[alike]] = -1.0
    return np.asarray(cosines.max(axis=1), np.float32)


def _rounded(value: np.floating | float) -> float:
    return round(min(max(float(value), 0.0), 1.0), 3)
