"""Lines through costs that were measured at several sizes of a library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Line:
    """A cost at `size` photos: `fixed`, and `per_photo` for each photo."""

    fixed: float
    per_photo: float

    def at(self, size: float) -> float:
        return self.fixed + self.per_photo * size


def fitted(sizes: Sequence[float], costs: Sequence[float]) -> Line:
    """Return the line with the least squares of relative errors, neither part of it negative.

    Sizes reach from a thousand to a million: with absolute errors, only the largest would count.
    Raises ValueError for fewer than two sizes, or for a cost that is not above zero.
    """
    if len(set(sizes)) < 2:
        raise ValueError("A line needs two sizes.")
    if min(costs) <= 0:
        raise ValueError("A cost is above zero.")
    x, y = np.asarray(sizes, float), np.asarray(costs, float)
    fixed, slope = np.linalg.lstsq(np.stack([1 / y, x / y], axis=1), np.ones(len(y)), rcond=None)[0]
    if slope < 0:
        return Line(_scale(np.ones(len(y)), y), 0.0)
    if fixed < 0:
        return Line(0.0, _scale(x, y))
    return Line(float(fixed), float(slope))


def _scale(shape: np.ndarray, costs: np.ndarray) -> float:
    """Return the factor of a shape with the least squares of relative errors."""
    relative = shape / costs
    return float(relative.sum() / (relative @ relative))
