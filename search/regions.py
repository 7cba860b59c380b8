"""Parts of photos: searched as terms of a query, and found as small things in large pictures."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from gallery.models import EmbeddingModel, Photo
from search.index import Filter
from search.query import QueryError

Vector = NDArray[np.float32]
Box = tuple[float, float, float, float]
"""Left, top, width and height as fractions of a picture's sides."""


@dataclass(frozen=True)
class RegionHit:
    """The part of a photo that is closest to a query, and its cosine similarity."""

    photo_id: UUID
    score: float
    box: Box


def crop_vector(model: EmbeddingModel, photo: Photo, box: Box) -> Vector:
    """Return the unit embedding of a part of a photo, shape (dim,).

    Raises `QueryError`, `ModelUnavailable`.
    """
    raise QueryError("not_searchable_yet", "Parts of photos cannot be searched by yet.", status=409)


def closest(model: EmbeddingModel, vector: Vector, *, limit: int, flt: Filter) -> list[RegionHit]:
    """Return the photos with the closest parts, best first, each photo once.

    Empty where detail search is off. Raises `VectorIndexError`.
    """
    return []
