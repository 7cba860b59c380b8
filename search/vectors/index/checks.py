"""What every adapter checks of the vectors it is given, before an engine sees them.

The embedded engine stores NaN and zero vectors without a word, and both then spoil answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from search.vectors.index.base import BadVector, Hit, Vector

NORM_TOLERANCE = 1e-2
"""How far from 1 a norm may be: float16 storage moves it by 1e-3, a wrong vector by far more."""

TIE_MARGIN = 16
"""Hits asked for beyond the last one wanted, so that equal scores at the edge sort by id."""

T = TypeVar("T")


def unit_rows(vectors: Sequence[Vector], dim: int) -> NDArray[np.float32]:
    """Return the vectors as one float32 array of shape (n, dim).

    Raises `BadVector` for a wrong shape, a value that is not finite, or a norm that is not 1.
    """
    if not len(vectors):
        return np.empty((0, dim), np.float32)
    try:
        rows = np.asarray(vectors, dtype=np.float32)
    except (ValueError, TypeError) as error:
        raise BadVector(f"Vectors must be numbers of one length, {dim}.") from error
    if rows.ndim != 2 or rows.shape[1] != dim:
        raise BadVector(f"Vectors of shape {rows.shape[1:]} do not fit an index of {dim} numbers.")
    if not np.isfinite(rows).all():
        raise BadVector("A vector holds a value that is not finite.")
    off = np.abs(np.linalg.norm(rows, axis=1) - 1.0)
    if off.max() > NORM_TOLERANCE:
        raise BadVector(f"A vector's length is off from 1 by {off.max():.3g}.")
    return rows


def page(hits: Iterable[Hit], *, limit: int, offset: int = 0) -> list[Hit]:
    """Sort by falling score, ties by id, and cut the wanted page out.

    Scores are rounded to 1e-6 first: float32 sums of equal vectors differ beyond that with their
    place in memory, and would order equal photos at random.
    """
    rounded = (Hit(hit.id, round(hit.score, 6)) for hit in hits)
    ordered = sorted(rounded, key=lambda hit: (-hit.score, hit.id))
    return ordered[offset : offset + limit]


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of at most `size`."""
    remaining = iter(items)
    while part := list(islice(remaining, size)):
        yield part
