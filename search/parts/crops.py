"""What a model sees in parts of one photo: in a part that somebody marked, and in each cell."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from gallery import files
from gallery.decoders import web_pool
from gallery.decoding import DecodeError, PoolBusy
from gallery.decoding.answers import PART_SIDE
from gallery.models import EmbeddingModel, Photo, PhotoParts
from gallery.models.embeddings import Boxes
from search.language.query_errors import ErrorCode, QueryError
from search.parts.boxes import Box, boxes, numbers
from search.vectors import embedders
from search.vectors.embedders import Vector
from search.vectors.embedders.base import Embedder, Pixels, Vectors

Grid = NDArray[np.float32]

SIDE = 512
"""Pixels of a part's longer side at most: twice what most models look at."""
SMALLEST = 16
"""Pixels of the original that a part must have in width and height to show anything."""
KEPT_CROPS = 512
"""Vectors of parts that are kept in memory, about 1 MB."""

SECONDS = 0.8
"""The time to embed windows: a slow model embeds fewer of them, and the map is coarser."""
BATCH = 4
CELLS = 12
"""Cells along the longer side."""
LEAST_SPAN = 0.05
"""The least difference of cosines between a typical cell and the best one that counts in full."""
KEPT_PHOTOS = 64
"""Photos whose windows are kept in memory, about 5 MB."""
WAIT_SECONDS = 5.0

_WINDOWS = 6
"""Fine windows along each side; each is a third of it wide, and they overlap."""

_at_work = threading.BoundedSemaphore(1)


@dataclass(frozen=True)
class Heat:
    """`values` (rows, columns) from 0 to 1, float32: how well each cell matches, compared with
    the rest of the photo. `box` is the part that matches best, `score` its cosine similarity."""

    values: Grid
    box: Box
    score: float


def crop_vector(model: EmbeddingModel, photo: Photo, box: Box) -> Vector:
    """Return the unit embedding of a part of a photo, shape (dim,), read-only.

    It is cut from the original, or from the thumbnail where that is all there is. Raises
    `QueryError` (bad_part, unreadable_photo, bad_vector), `ModelUnavailable`, `PoolBusy`.
    """
    return _crop_vector(model.key, photo, checked(photo, box))


@lru_cache(maxsize=KEPT_CROPS)
def _crop_vector(key: str, photo: Photo, box: Box) -> Vector:
    pixels = read(photo, box, SIDE)
    vector: Vector = embedders.image_embedder(key).embed_images([pixels])[0]
    if not np.isfinite(vector).all():
        message = _("The model cannot compare this part.")
        raise QueryError(ErrorCode.BAD_VECTOR, message)
    vector.flags.writeable = False
    return vector


def checked(photo: Photo, box: Box) -> Box:
    """Return the part of a box that lies on the photo, rounded; raise `QueryError` (bad_part)."""
    left, top, width, height = box
    if not all(map(math.isfinite, box)):
        raise QueryError(ErrorCode.BAD_PART, _("This part of the photo is not valid."))
    right, bottom = min(left + width, 1.0), min(top + height, 1.0)
    left, top = max(left, 0.0), max(top, 0.0)
    wide, high = (right - left) * photo.width, (bottom - top) * photo.height
    # Photos smaller than that are compared as a whole.
    if wide < min(SMALLEST, photo.width) - 0.5 or high < min(SMALLEST, photo.height) - 0.5:
        message = _("This part of the photo is too small. Mark a larger one.")
        raise QueryError(ErrorCode.BAD_PART, message)
    return round(left, 4), round(top, 4), round(right - left, 4), round(bottom - top, 4)


def read(photo: Photo, box: Box, side: int) -> Pixels:
    """Return the pixels of a part of a photo, at most `side` long; raise `QueryError`."""
    for path in (files.original(photo), files.thumbnail(photo.pk)):
        try:
            return web_pool().part(path, box, side)
        except DecodeError:
            continue
    message = _("The picture of this photo cannot be read.")
    raise QueryError(ErrorCode.UNREADABLE_PHOTO, message, status=409)


def cut(pixels: Pixels, box: Box | list[float]) -> Pixels:
    """Return the pixels inside a box of fractions, at least one."""
    height, width = pixels.shape[:2]
    left, top = min(int(box[0] * width), width - 1), min(int(box[1] * height), height - 1)
    right, bottom = round((box[0] + box[2]) * width), round((box[1] + box[3]) * height)
    return pixels[top : max(bottom, top + 1), left : max(right, left + 1)]


# --- heat maps ------------------------------------------------------------------------------------


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


@lru_cache(maxsize=KEPT_PHOTOS)
def _windows(model: EmbeddingModel, photo: Photo) -> tuple[Boxes, Vectors]:
    """Return boxes (n, 4) that cover the photo, and their unit embeddings (n, dim)."""
    if not _at_work.acquire(timeout=WAIT_SECONDS):
        raise PoolBusy("Heat maps of other photos are being computed.")
    try:
        return _embedded(model, photo)
    finally:
        _at_work.release()


def _embedded(model: EmbeddingModel, photo: Photo) -> tuple[Boxes, Vectors]:
    embedder = embedders.image_embedder(model.key)
    pixels = read(photo, (0.0, 0.0, 1.0, 1.0), PART_SIDE)
    coarse = _stored(model, photo) or _all(embedder, pixels, boxes(numbers(1, 1)))
    fine = _in_time(embedder, pixels, _fine())
    places, rows = (np.concatenate(pair) for pair in zip(coarse, fine, strict=True))
    good = np.isfinite(rows).all(axis=1)
    if not good.any():
        message = _("The model cannot compare this photo.")
        raise QueryError(ErrorCode.BAD_VECTOR, message)
    return places[good], rows[good]


def _fine() -> Boxes:
    """Return the fine windows in an order that spreads the first ones over the photo."""
    side = 1 / 3
    steps = np.linspace(0, 1 - side, _WINDOWS)
    windows = np.array([(x, y, side, side) for y in steps for x in steps], np.float32)
    return windows[np.random.default_rng(0).permutation(len(windows))]


def _stored(model: EmbeddingModel, photo: Photo) -> tuple[Boxes, Vectors] | None:
    row = PhotoParts.objects.filter(embedding__model=model, embedding__photo=photo).first()
    return row.get_parts() if row else None


def _all(embedder: Embedder, pixels: Pixels, places: Boxes) -> tuple[Boxes, Vectors]:
    return places, embedder.embed_images([cut(pixels, box) for box in places.tolist()])


def _in_time(embedder: Embedder, pixels: Pixels, places: Boxes) -> tuple[Boxes, Vectors]:
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
    width, height, longer = photo.width, photo.height, max(photo.width, photo.height, 1)
    return max(2, round(CELLS * height / longer)), max(2, round(CELLS * width / longer))


def _spread(places: Boxes, scores: Vector, shape: tuple[int, int]) -> Grid:
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
    _windows.cache_clear()
