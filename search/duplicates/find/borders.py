"""Finding the border that programs put around a picture.

It is asked for in two ways. Whether two photographs are the same inside is decided by pixels
afterwards, so there a border need only be even. To the one to keep a border counts against it, so
there it must be a plain bar with a sharp edge to what it surrounds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gallery.decoding.fingerprint import grey
from search.duplicates.find.alignment import Array

Box = tuple[int, int, int, int]
"""Left, top, right and low end of the inside, in pixels."""
Frame = tuple[float, float, float, float]
"""Left, top, width and height of what is inside, as fractions of the picture."""

_EVEN = 6.0  # grey levels between the darkest and the brightest of nearly all of a line
_MOST = 0.35  # of a side that may be border, at either end
_LEAST = 0.02  # of a side, below which a border does not matter
_FLAT = 2.5  # grey levels of deviation within a side of a fingerprint

_LEVEL = 14.0  # grey levels that a bar may deviate by, most of it near the edge from encoding
_STEP, _EDGE = 20.0, 0.4  # levels that the picture differs by from its bar, along so much of it
_THIN, _THICK = 0.008, 0.4  # of the side that bars lie on
_BLUR = 5  # pixels of the edge that resizing and encoding mix


def may_have_border(fingerprint: NDArray[np.uint8]) -> bool:
    """Tell whether two opposite sides of a fingerprint are even and of one level."""
    cells = fingerprint.astype(np.float32)
    pairs = ((cells[0], cells[-1]), (cells[:, 0], cells[:, -1]))
    return any(
        max(one.std(), other.std()) < _FLAT and abs(one.mean() - other.mean()) < _EVEN
        for one, other in pairs
    )


def inside(picture: Array) -> Box | None:
    """Return where a grey picture within its border is, or None without a border that matters.

    A border is of the level of the corner, on both ends of a side.
    """
    height, width = picture.shape
    corners = picture[[0, 0, -1, -1], [0, -1, 0, -1]]
    level = float(np.median(corners))
    even = np.abs(picture - level) < _EVEN
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


def frame_of(pixels: NDArray[np.uint8]) -> Frame:
    """Return what is inside the border of pixels (height, width, 3), or all of it without one.

    Bars of one colour on opposite sides make a border, all around or on two sides.
    """
    height, width = pixels.shape[:2]
    picture = grey(pixels)
    across = _bars(picture.T)
    inner = picture[:, across[0] : width - across[1]]
    down = _bars(inner)
    if down != (0, 0) and across == (0, 0):
        across = _bars(picture[down[0] : height - down[1]].T)
    wide, high = width - sum(across), height - sum(down)
    return across[0] / width, down[0] / height, wide / width, high / height


def _bars(picture: NDArray[np.float32]) -> tuple[int, int]:
    """Return how many rows of bars there are above and below, (0, 0) unless on both sides."""
    above, below = _bar(picture), _bar(picture[::-1])
    if not (above and below):
        return 0, 0
    same_colour = abs(float(picture[0].mean() - picture[-1].mean())) <= _LEVEL
    return (above, below) if same_colour else (0, 0)


def _bar(picture: NDArray[np.float32]) -> int:
    """Return how many rows at the top are one plain bar that ends sharply."""
    height = len(picture)
    colour = float(np.median(picture[0]))
    plain = np.abs(picture - colour).max(axis=1) <= _LEVEL
    rows = height if plain.all() else int(plain.argmin())
    if not _THIN * height <= rows <= _THICK * height:
        return 0
    beyond = picture[rows : rows + _BLUR]
    differing = (np.abs(beyond - colour) >= _STEP).mean(axis=1).max()
    return rows + 1 if differing >= _EDGE else 0


def is_plain_outside(pixels: NDArray[np.uint8], frame: Frame) -> bool:
    """Tell whether pixels (height, width, 3) are of one colour all around a frame."""
    height, width = pixels.shape[:2]
    left, top, wide, high = frame
    x, y = round(left * width) - _BLUR, round(top * height) - _BLUR
    right, low = round((left + wide) * width) + _BLUR, round((top + high) * height) + _BLUR
    if x < 1 or y < 1 or right >= width or low >= height:
        return False
    picture = grey(pixels)
    outside = np.ones(picture.shape, np.bool_)
    outside[y:low, x:right] = False
    around = picture[outside]
    return bool(np.abs(around - np.median(around)).max() <= _LEVEL)
