"""The perceptual hash: alike pictures differ in few bits, whatever their size or compression."""

from __future__ import annotations

import math
from statistics import median

from PIL import Image

_SIDE = 32
_LOW = 8
_COSINES = [
    [math.cos(math.pi * u * (2 * x + 1) / (2 * _SIDE)) for x in range(_SIDE)] for u in range(_LOW)
]


def perceptual_hash(image: Image.Image) -> int:
    """Return the 64-bit DCT hash of an RGB picture, the lowest frequency in the highest bit.

    The classic "pHash" (C. Zauner, Implementation and Benchmarking of Perceptual Image Hash
    Functions, 2010): 32 x 32 grey, DCT-II, the 8 x 8 lowest frequencies, each compared with
    their median without the constant term. Plain Python, because children do without NumPy.
    """
    grey = image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX).tobytes()
    rows = [grey[y * _SIDE : (y + 1) * _SIDE] for y in range(_SIDE)]
    partial = [[_dot(cosines, row) for row in rows] for cosines in _COSINES]
    low = [_dot(cosines, column) for cosines in _COSINES for column in partial]
    middle = median(low[1:])
    bits = 0
    for value in low:
        bits = bits << 1 | (value > middle)
    return bits


def _dot(left: list[float], right: bytes | list[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))
