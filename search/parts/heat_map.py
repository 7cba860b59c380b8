"""How well each part of a photo matches a vector."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from gallery.decoding import PoolBusy
from gallery.decoding.answers import PART_SIDE
from gallery.models import EmbeddingModel, Photo, PhotoParts
from search.language.query_errors import ErrorCode, QueryError
from search.parts.boxes import Box, boxes, numbers
from search.parts.crops import Pixels, cut, read
from search.vectors import embedders
from search.vectors.embedders.base import Embedder

Vector = NDArray[np.float32]
Vectors = NDArray[np.float32]
Grid = NDArray[np.float32]

SECONDS = 0.8
"""The time to embed windows: a slow model embeds fewer of them, and the map is coarser."""
BATCH = 4
CELLS = 12
"""Cells along the longer side."""
LEAST_SPAN = 0.05
"""The least difference of cosines between a typical cell and the best one that counts in full."""
KEPT = 64
"""Photos whose windows are kept in memory, about 5 MB."""
WAIT_SECONDS = 5.0

_WINDOWS = 6
"""Fine windows along each side; each is a third of it wide, and they overlap."""

_kept: OrderedDict[tuple[str, str], tuple[NDArray[np.float32], Vectors]] = OrderedDict()
_guard = threading.Lock()
_at_work = threading.BoundedSemaphore(1)


@dataclass(frozen=True)
class Heat:
    """`values` (rows, columns) from 0 to 1, float32: how well each cell matches, compared with
    the rest of the photo. `box` is the part that matches best, `score` its cosine similarity."""

    values: Grid
    box: Box
    score: float


def heat(model: EmbeddingModel, photo: Photo, vector: Vector) -> Heat:
    """Return where a photo matches a unit vector, shape (dim,).

    Takes `SECONDS` the first time, then milliseconds. Raises `QueryError` where the photo cannot
    be read, `ModelUnavailable`, `PoolBusy`.
    """
    places, rows = _windows(model, photo)
    scores = rows @ vector
    best = int(scores.argmax())
    left, top, width, height = (float(value) for value in places[best])
    values = _spread(places, scores, _shape(photo))
    return Heat(values, (left, top, width, height), float(scores[best]))


def _windows(model: EmbeddingModel, photo: Photo) -> tuple[NDArray[np.float32], Vectors]:
    """Return boxes (n, 4) that cover the photo, and their unit embeddings (n, dim)."""
    key = (model.key, str(photo.pk))
    with _guard:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    if not _at_work.acquire(timeout=WAIT_SECONDS):
        raise PoolBusy("Heat maps of other photos are being computed.")
    try:
        found = _embedded(model, photo)
    finally:
        _at_work.release()
    with _guard:
        _kept[key] = found
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return found


def _embedded(model: EmbeddingModel, photo: Photo) -> tuple[NDArray[np.float32], Vectors]:
    embedder = embedders.image_embedder(model.key)
    pixels = read(photo, (0.0, 0.0, 1.0, 1.0), PART_SIDE)
    coarse = _stored(model, photo) or _all(embedder, pixels, boxes(numbers(1, 1)))
    fine = _in_time(embedder, pixels, _fine())
    places, rows = (np.concatenate(pair) for pair in zip(coarse, fine, strict=True))
    good = np.isfinite(rows).all(axis=1)
    if not good.any():
        message = _("The model found nothing to compare in this photo.")
        raise QueryError(ErrorCode.BAD_VECTOR, message)
    return places[good], rows[good]


def _fine() -> NDArray[np.float32]:
    """Return the fine windows in an order that spreads the first ones over the photo."""
    side = 1 / 3
    steps = np.linspace(0, 1 - side, _WINDOWS)
    windows = np.array([(x, y, side, side) for y in steps for x in steps], np.float32)
    return windows[np.random.default_rng(0).permutation(len(windows))]


def _stored(model: EmbeddingModel, photo: Photo) -> tuple[NDArray[np.float32], Vectors] | None:
    row = PhotoParts.objects.filter(embedding__model=model, embedding__photo=photo).first()
    return row.get_parts() if row else None


def _all(
    embedder: Embedder, pixels: Pixels, places: NDArray[np.float32]
) -> tuple[NDArray[np.float32], Vectors]:
    return places, embedder.embed_images([cut(pixels, box) for box in places.tolist()])


def _in_time(
    embedder: Embedder, pixels: Pixels, places: NDArray[np.float32]
) -> tuple[NDArray[np.float32], Vectors]:
    """Embed the windows until `SECONDS` have passed, at least one batch."""
    ends_at = time.monotonic() + SECONDS
    rows: list[Vectors] = []
    for start in range(0, len(places), BATCH):
        rows.append(_all(embedder, pixels, places[start : start + BATCH])[1])
        if time.monotonic() > ends_at:
            break
    done = np.concatenate(rows)
    return places[: len(done)], done


def _shape(photo: Photo) -> tuple[int, int]:
    """Return rows and columns of nearly square cells."""
    longer = max(photo.width, photo.height, 1)
    return (
        max(2, round(CELLS * photo.height / longer)),
        max(2, round(CELLS * photo.width / longer)),
    )


def _spread(
    places: NDArray[np.float32], scores: NDArray[np.float32], shape: tuple[int, int]
) -> Grid:
    """Return per cell the mean score of the windows over it, scaled to 0..1.

    A window counts the more, the smaller it is and the nearer its middle is to the cell.
    """
    rows, columns = shape
    x, y = (np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows
    left, top, width, height = (places[:, [place]] for place in range(4))
    near_x = np.clip(1 - np.abs(x - left - width / 2) / (width / 2), 1e-4, None)
    near_y = np.clip(1 - np.abs(y - top - height / 2) / (height / 2), 1e-4, None)
    near_x[np.abs(x - left - width / 2) > width / 2] = 0
    near_y[np.abs(y - top - height / 2) > height / 2] = 0
    weights = np.einsum("ny,nx->nyx", near_y, near_x / (width * height) ** 2)
    mean = np.einsum("nyx,n->yx", weights, scores) / np.maximum(weights.sum(axis=0), 1e-9)
    # Half of a photo counts as cold, so that what matches stands out.
    low, high = float(np.median(mean)), float(mean.max())
    return np.asarray(np.clip((mean - low) / max(high - low, LEAST_SPAN), 0, 1), np.float32)


def forget() -> None:
    """Forget the windows of all photos."""
    with _guard:
        _kept.clear()
