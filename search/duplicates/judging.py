"""Whether two photos are the same picture, similar shots, or neither."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from search.duplicates.thresholds import Thresholds
from search.models import Kind

Detail = Callable[[UUID], NDArray[np.uint8] | None]
"""Returns a photo's rendition of at most 512 px, uint8 (height, width, 3), or None without one."""


@dataclass(frozen=True, eq=False)
class Side:
    """What is known of one photo of a pair without reading a file.

    `grey` is its fingerprint, uint8 (SIDE, SIDE); width and height are in pixels, upright;
    `place` is (latitude, longitude) in degrees.
    """

    photo_id: UUID
    grey: NDArray[np.uint8]
    width: int
    height: int
    taken_at: datetime | None = None
    place: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Pair:
    """Two photos that may be alike, with the cosine similarity of their embeddings."""

    first: Side
    second: Side
    cosine: float


@dataclass(frozen=True)
class Judgement:
    """How a pair is alike; see `search.models.Likeness` for closeness and how."""

    kind: Kind
    closeness: float
    how: str = ""


def judge(
    pairs: Sequence[Pair], thresholds: Thresholds, detail: Detail
) -> list[Judgement | None]:
    """Return a judgement or None for each pair, in order.

    The fingerprints of all pairs are aligned at once; only a pair that passes is looked at again
    in detail, since that costs the reading of two files.
    """
    return [None for _ in pairs]
