"""What a model sees in parts of one photo: in a part that somebody marked, and in each cell."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from gallery import files
from gallery.decoders import web_decoders
from gallery.decoding import DecodeError, PoolBusy
from gallery.decoding.answers import PART_SIDE
from gallery.models import EmbeddingModel, Photo
from gallery.models.embeddings import Boxes
from gallery.turns import NoTurn, Turns
from search.language.query_errors import ErrorCode, QueryError
from search.parts.boxes import Box
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
CLEAR, CLEAR_PICTURE = 0.7, 0.8
"""The share of unrelated texts, or for a query by picture of photos, that a query must beat for one
place to stand out: by how much the best window of the photo matches better than its typical one.
`python -m benchmarks.why_boxes`."""
KEPT_PHOTOS = 64
"""Photos whose windows are kept in memory, about 5 MB."""

_WINDOWS = 6
"""Windows along each side; each is a third of it wide, and they overlap."""
_SHARPNESS = 1.5
"""How much worse a window matches that counts a third as much, in deviations of the windows."""

_at_work = Turns(1, spare=0)


@dataclass(frozen=True)
class Heat:
    """`values` (rows, columns) from 0 to 1, float32: how well each cell matches, compared with
    the rest of the photo. `box` is the part that matches best, `score` its cosine similarity.
    Where no single place stands out, all values are 0, and the other two are None."""

    values: Grid
    box: Box | None = None
    score: float | None = None


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
    for file in (files.find_original(photo), files.Original(files.thumbnail(photo.pk))):
        try:
            with file.unchanged() as path:
                return web_decoders(photo.owner_id).part(path, box, side, owner=photo.owner_id)
        except (DecodeError, files.ChangedMeanwhile):
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


def heat(
    model: EmbeddingModel,
    photo: Photo,
    vector: Vector,
    rivals: Vectors | None,
    clear: float = CLEAR,
) -> Heat:
    """Return where a photo matches a unit vector, shape (dim,).

    `rivals` (n, dim) are unrelated texts or photos, of which it must beat the share `clear`;
    without them, the best place counts however little it stands out. Takes `SECONDS` the first
    time, then milliseconds. Raises `QueryError` where the photo cannot be read, `ModelUnavailable`,
    `PoolBusy`.
    """
    places, rows = _windows(model, photo)
    return find_heat(places, rows, vector, rivals, _shape(photo), clear)


def find_heat(
    places: Boxes,
    rows: Vectors,
    vector: Vector,
    rivals: Vectors | None,
    shape: tuple[int, int],
    clear: float = CLEAR,
) -> Heat:
    """Return where windows (n, 4) with unit embeddings (n, dim) match a unit vector."""
    scores = rows @ vector
    if rivals is not None and (_rise(rows @ rivals.T) < _rise(scores)).mean() < clear:
        return Heat(np.zeros(shape, np.float32))
    best = int(scores.argmax())
    left, top, width, height = (round(float(value), 4) for value in places[best])
    values = _spread(places, scores, shape)
    return Heat(values, (left, top, width, height), round(float(scores[best]), 4))


def _rise(scores: Vectors) -> Vectors:
    """Return by how much the best window (axis 0) is better than the median one."""
    rise: Vectors = scores.max(axis=0) - np.median(scores, axis=0)
    return rise


@lru_cache(maxsize=KEPT_PHOTOS)
def _windows(model: EmbeddingModel, photo: Photo) -> tuple[Boxes, Vectors]:
    """Return boxes (n, 4) that cover the photo, and their unit embeddings (n, dim)."""
    try:
        with _at_work.turn(photo.owner_id):
            return _embedded(model, photo)
    except NoTurn as error:
        raise PoolBusy(f"the windows of other photos are embedded: {error}") from error


def _embedded(model: EmbeddingModel, photo: Photo) -> tuple[Boxes, Vectors]:
    pixels = read(photo, (0.0, 0.0, 1.0, 1.0), PART_SIDE)
    places, rows = look(embedders.image_embedder(model.key), pixels, SECONDS)
    good = np.isfinite(rows).all(axis=1)
    if not good.any():
        message = _("The model cannot compare this photo.")
        raise QueryError(ErrorCode.BAD_VECTOR, message)
    return places[good], rows[good]


def look(embedder: Embedder, pixels: Pixels, seconds: float) -> tuple[Boxes, Vectors]:
    """Embed the windows of a picture until time is up, at least one batch.

    Returns their boxes (n, 4) and rows (n, dim). The order spreads the first ones over the picture.
    """
    ends_at = time.monotonic() + seconds
    side = 1 / 3
    steps = np.linspace(0, 1 - side, _WINDOWS)
    places = np.array([(x, y, side, side) for y in steps for x in steps], np.float32)
    places = places[np.random.default_rng(0).permutation(len(places))]
    rows: list[Vectors] = []
    for start in range(0, len(places), BATCH):
        crops = [cut(pixels, box) for box in places[start : start + BATCH].tolist()]
        rows.append(embedder.embed_images(crops))
        if time.monotonic() > ends_at:
            break
    done = np.concatenate(rows)
    return places[: len(done)], done


def _shape(photo: Photo) -> tuple[int, int]:
    """Return rows and columns of nearly square cells."""
    width, height, longer = photo.width, photo.height, max(photo.width, photo.height, 1)
    return max(2, round(CELLS * height / longer)), max(2, round(CELLS * width / longer))


def _spread(places: Boxes, scores: Vector, shape: tuple[int, int]) -> Grid:
    """Return how strongly the windows speak for each cell, scaled to 0..1.

    The windows over a thing match better than others, so the thing is where the best ones have
    their middles. The best speak loudest, each for the cells near its middle.
    """
    rows, columns = shape
    x, y = (np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows
    left, top, width, height = (places[:, [place]] for place in range(4))
    near_x = np.clip(1 - np.abs(x - left - width / 2) / (width / 2), 0, None)
    near_y = np.clip(1 - np.abs(y - top - height / 2) / (height / 2), 0, None)
    near = np.einsum("ny,nx->nyx", near_y, near_x)
    loud = np.exp((scores - scores.max()) / max(_SHARPNESS * float(scores.std()), 1e-6))
    # Fewer windows lie over the edges; the root keeps a single one from counting as much as many.
    heard = np.einsum("n,nyx->yx", loud, near) / np.sqrt(np.maximum(near.sum(axis=0), 1e-9))
    # Half of a photo counts as cold, so that what matches stands out.
    low, high = float(np.median(heard)), float(heard.max())
    return np.asarray(np.clip((heard - low) / max(high - low, 1e-9), 0, 1), np.float32)


def forget() -> None:
    """Forget the windows of all photos."""
    _windows.cache_clear()
