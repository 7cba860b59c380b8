"""Borders around pictures: plain bars of one colour with a sharp edge to what they surround."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gallery.decoding.fingerprint import grey

Frame = tuple[float, float, float, float]
"""Left, top, width and height of what is inside, as fractions of the picture."""

_LEVEL = 14.0  # grey levels that a bar may deviate by, most of it near the edge from encoding
_STEP, _EDGE = 20.0, 0.4  # levels that the picture differs by from its bar, along so much of it
_THIN, _THICK = 0.008, 0.4  # of the side that bars lie on
_BLUR = 5  # pixels of the edge that resizing and encoding mix


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


def is_plain_outside(pixels: NDArray[np.uint8], inside: Frame) -> bool:
    """Tell whether pixels (height, width, 3) are of one colour all around a frame."""
    height, width = pixels.shape[:2]
    left, top, wide, high = inside
    x, y = round(left * width) - _BLUR, round(top * height) - _BLUR
    right, low = round((left + wide) * width) + _BLUR, round((top + high) * height) + _BLUR
    if x < 1 or y < 1 or right >= width or low >= height:
        return False
    picture = grey(pixels)
    outside = np.ones(picture.shape, np.bool_)
    outside[y:low, x:right] = False
    around = picture[outside]
    return bool(np.abs(around - np.median(around)).max() <= _LEVEL)
