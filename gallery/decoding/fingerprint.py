"""A tiny grey copy of a picture, by which pictures are compared pixel by pixel."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SIDE = 32

# ITU-R BT.601 luma, as in most picture formats.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def fingerprint_of(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return `pixels` (uint8, height x width x 3, RGB) as SIDE x SIDE grey (uint8).

    Every cell is the mean of its part of the picture; the aspect is given up.
    """
    return np.rint(shrink(grey(pixels), SIDE, SIDE)).astype(np.uint8)


def grey(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the luma of RGB pixels: float32, height x width, 0 to 255."""
    return np.asarray(pixels.astype(np.float32) @ _LUMA, np.float32)


def shrink(image: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Return a grey picture (float32) at `height` x `width` by averaging areas exactly.

    A pixel that is cut by the border of a cell counts for both cells by its share, so the same
    picture at two sizes gives nearly the same cells. Works for enlarging as well.
    """
    down, across = _whole_weights(image.shape[0], height), _whole_weights(image.shape[1], width)
    return np.asarray(down @ image @ across.T, np.float32)


@lru_cache(maxsize=256)  # Most photos of a camera have one size.
def _whole_weights(length: int, cells: int) -> NDArray[np.float32]:
    weights: NDArray[np.float32] = cell_weights(length, np.zeros(1), np.ones(1), cells)[0]
    weights.flags.writeable = False
    return weights


def cell_weights(
    length: int,
    low: NDArray[np.floating],
    size: NDArray[np.floating],
    cells: int,
    *,
    min_width: float = 0.0,
) -> NDArray[np.float32]:
    """Return matrices (n, cells, length) that average windows of `length` pixels into cells.

    `low` and `size` (n,) say where each window begins and how long it is, in fractions of the
    length. Cells narrower than `min_width` pixels are widened to it: 1.0 interpolates between
    pixels where there are more cells than pixels.
    """
    steps = size[:, None] * length / cells
    centres = low[:, None] * length + (np.arange(cells, dtype=low.dtype) + 0.5) * steps
    half = np.maximum(steps, min_width) / 2
    starts = np.arange(length, dtype=low.dtype)
    upper = np.minimum((centres + half)[:, :, None], starts + 1)
    lower = np.maximum((centres - half)[:, :, None], starts)
    overlap = np.clip(upper - lower, 0, None)
    return np.asarray(overlap / np.maximum(overlap.sum(axis=2, keepdims=True), 1e-6), np.float32)
