"""The part of a photo that somebody marked, as a vector to search with."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from gallery import files
from gallery.decoders import web_pool
from gallery.decoding import DecodeError
from gallery.models import EmbeddingModel, Photo
from search.language.query_errors import ErrorCode, QueryError
from search.parts.boxes import Box
from search.vectors import embedders

Vector = NDArray[np.float32]
Pixels = NDArray[np.uint8]

SIDE = 512
"""Pixels of a part's longer side at most: twice what most models look at."""
SMALLEST = 16
"""Pixels of the original that a part must have in width and height to show anything."""
KEPT = 512
"""Vectors of parts that are kept in memory, about 1 MB."""

_kept: OrderedDict[tuple[str, str, Box], Vector] = OrderedDict()
_guard = threading.Lock()


def crop_vector(model: EmbeddingModel, photo: Photo, box: Box) -> Vector:
    """Return the unit embedding of a part of a photo, shape (dim,), read-only.

    It is cut from the original, or from the thumbnail where that is all there is. Raises
    `QueryError` (bad_part, unreadable_photo, bad_vector), `ModelUnavailable`, `PoolBusy`.
    """
    box = checked(photo, box)
    key = (model.key, str(photo.pk), box)
    with _guard:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    vector = _embedded(model, read(photo, box, SIDE))
    with _guard:
        _kept[key] = vector
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
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


def _embedded(model: EmbeddingModel, pixels: Pixels) -> Vector:
    vector: Vector = embedders.image_embedder(model.key).embed_images([pixels])[0]
    if not np.isfinite(vector).all():
        raise QueryError(
            ErrorCode.BAD_VECTOR, _("The model found nothing to compare in this part.")
        )
    vector.flags.writeable = False
    return vector
