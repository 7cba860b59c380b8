"""Finding the even border that programs put around a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search.duplicates.find.alignment import Array

Box = tuple[int, int, int, int]
"""Left, top, right and low end of the inside, in pixels."""

_EVEN = 6.0  # grey levels between the darkest and the brightest of nearly all of a line
_MOST = 0.35  # of a side that may be border, at either end
_LEAST = 0.02  # of a side, below which a border does not matter
_FLAT = 2.5  # grey levels of deviation within a side of a fingerprint


def may_have_border(fingerprint: NDArray[np.uint8]) -> bool:
    """Tell whether two opposite sides of a fingerprint are even and of one level."""
    cells = fingerprint.astype(np.float32)
    pairs = ((cells[0], cells[-1]), (cells[:, 0], cells[:, -1]))
    return any(
        max(one.std(), other.std()) < _FLAT and abs(one.mean() - other.mean()) < _EVEN
        for one, other in pairs
    )


def inside(grey: Array) -> Box | None:
    """Return where the picture within the border is, or None without a border that matters.

    A border is of the level of the corner, on both ends of a side.
    """
    height, width = grey.shape
    level = float(np.median([grey[0, 0], grey[0, -1], grey[-1, 0], grey[-1, -1]]))
    even = np.abs(grey - level) < _EVEN
    top, low = _ends(even.mean(axis=1) > 0.98)
    left, right = _ends(even.mean(axis=0) > 0.98)
    if not _within(top, low, height) or not _within(left, right, width):
        return None
    if top + left + (height - low) + (width - right) < _LEAST * (height + width):
        return None
    # A line more, because saving blends the border with the picture.
    return left + (left > 0), top + (top > 0), right - (right < width), low - (low < height)


def _within(start: int, end: int, length: int) -> bool:
    return max(start, length - end) <= _MOST * length


def _ends(even: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the range of lines that is left without the even ones at both ends."""
    lines = np.flatnonzero(~even)
    return (int(lines[0]), int(lines[-1]) + 1) if len(lines) else (0, 0)
