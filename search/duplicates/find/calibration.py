"""Measuring how close duplicates are in a model's space, in the gallery that it serves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gallery.models.fingerprints import grey, shrink
from search.duplicates.find.alignment import align
from search.duplicates.find.thresholds import Thresholds
from search.vectors.embedders.base import Embedder, Pixels, Vectors

FEWEST = 50
"""Photos below which a measurement says nothing."""

_LOOK_ALIKE = 0.6  # correlation of aligned fingerprints, above which two may be one scene


def measure(
    embedder: Embedder, pictures: Sequence[Pixels], vectors: Vectors, greys: NDArray[np.uint8]
) -> Thresholds:
    """Return the thresholds for a model.

    `pictures` (uint8, height x width x 3) are changed as copies are and embedded anew, which
    shows how far a copy strays. `vectors` (n, dim) and fingerprints `greys` (n, side, side) of n
    other photos show how near strangers come. A gallery has many times more photos than are
    measured, so shots that only the embedding calls similar must be twice as near as the nearest
    strangers. Raises ValueError for fewer than `FEWEST` photos.
    """
    if len(vectors) < FEWEST or not pictures:
        raise ValueError(f"At least {FEWEST} photos are needed.")
    crops, others = _strays(embedder, pictures)
    strangers = _nearest_strangers(vectors, greys)
    usual, nearest = np.quantile(strangers, 0.98), strangers.max()
    similar = (1 + nearest) / 2
    return Thresholds(
        candidate=_rounded(np.quantile(np.concatenate([crops, others]), 0.02)),
        layout=_rounded(np.quantile(crops, 0.02)),
        burst=_rounded(max((usual + similar) / 2, np.quantile(crops, 0.02))),
        similar=_rounded(similar),
        apart=_rounded((1 + similar) / 2),
    )


def _strays(embedder: Embedder, pictures: Sequence[Pixels]) -> tuple[Vectors, Vectors]:
    """Return the cosines of crops, and of other changed copies, to their originals."""
    crops, others = [], []
    for picture in pictures:
        original, *copies = embedder.embed_images([picture, *_changed(picture)])
        cosines = np.asarray(copies) @ original
        crops += cosines[:2].tolist()
        others += cosines[2:].tolist()
    return np.array(crops, np.float32), np.array(others, np.float32)


def _changed(picture: Pixels) -> list[Pixels]:
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


def _nearest_strangers(vectors: Vectors, greys: NDArray[np.uint8]) -> Vectors:
    """Return for each photo the cosine of the nearest other one that is no look-alike of it."""
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1.0)
    # A photo may have several look-alikes, so the few nearest are laid over it.
    near = np.argsort(-cosines, axis=1)[:, :5]
    rows = np.repeat(np.arange(len(vectors)), near.shape[1])
    alike = align(greys[rows], greys[near.ravel()]).correlation >= _LOOK_ALIKE
    cosines[rows[alike], near.ravel()[alike]] = -1.0
    return np.asarray(cosines.max(axis=1), np.float32)


def _rounded(value: np.floating | float) -> float:
    return round(min(max(float(value), 0.0), 1.0), 3)
