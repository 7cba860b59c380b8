"""How several terms become one direction in an embedding space.

What is compared by `benchmarks.exclusion` and `benchmarks.combination`, and explained in
docs/explanation/excluding.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.language.errors import QueryError
from search.relevance import Background

Vector = NDArray[np.float32]

AVOIDED = 0.6
"""Sigmas that a photo loses for each sigma by which it shows what is excluded, next to those it
gets for what is wanted; see docs/explanation/excluding.md."""
WORDS_BESIDE_PICTURES = 1.4
"""What words weigh next to a picture, for a picture says much more; see the same page."""
WORDS_UNMEASURED = 2.0
"""The same where no library is known to measure both by."""
_CANCELLED = 1e-3  # a direction shorter than this is noise


@dataclass(frozen=True, eq=False)
class Part:
    """A term as a unit vector, shape (dim,), and its weight (above zero)."""

    vector: Vector
    weight: float = 1.0
    by_picture: bool = False


def direction(
    background: Background | None, wanted: Sequence[Part], avoided: Sequence[Part] = ()
) -> Vector:
    """Return the unit vector of photos that show all of `wanted` and none of `avoided`.

    Each part is measured by how far it spreads the photos of the library, for embeddings of
    pictures and of texts lie in cones of their own and on scales of their own. Several avoided
    parts count for more than one, but not each for as much as it would alone, or nothing would
    be left of what is wanted. Raises `QueryError` where all cancel each other out.
    """
    mixed = len({part.by_picture for part in wanted}) == 2
    beside = WORDS_BESIDE_PICTURES if background else WORDS_UNMEASURED
    weights = [part.weight * (beside if mixed and not part.by_picture else 1) for part in wanted]
    total = _weighted(background, wanted, weights)
    if not avoided:
        return unit(total)
    usual = sum(part.weight for part in wanted) / len(wanted)
    against = [AVOIDED * part.weight / usual / len(avoided) ** 0.5 for part in avoided]
    kept = background.scaled(total) if background else unit(total)
    return unit(kept - _weighted(background, avoided, against))


def _weighted(
    background: Background | None, parts: Sequence[Part], weights: Sequence[float]
) -> Vector:
    """Return the weighted sum of what sets each part apart, spreading the library by 1."""
    rows = [part.vector for part in parts]
    if background:
        centred = [background.centred(part.vector, by_picture=part.by_picture) for part in parts]
        rows = [background.scaled(row) for row in centred]
    return np.asarray(np.asarray(weights, np.float32) @ np.stack(rows), np.float32)


def unit(vector: NDArray[np.floating]) -> Vector:
    """Return the vector with length 1; raise `QueryError` where nothing is left of it."""
    norm = float(np.linalg.norm(vector))
    if not norm > _CANCELLED:
        raise QueryError("terms_cancel", "The terms of this search cancel each other out.")
    return np.asarray(vector / norm, np.float32)
