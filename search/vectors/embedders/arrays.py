"""Pixels on their way into a model, and rows on their way out of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from search.vectors.embedders.base import Pixels, Vectors

LONGEST_ASPECT = 16
"""Pictures longer than this many times their width are cut to their middle: enlarging their
short side to the model's input would otherwise need gigabytes."""


def is_picture(pixels: Pixels) -> bool:
    """Tell whether these are pixels that a model can be given."""
    return (
        pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.size > 0
    )


def middle(pixels: Pixels) -> Pixels:
    """Return the middle of a very long picture; the model sees no more than its centre square."""
    height, width = pixels.shape[:2]
    most = LONGEST_ASPECT * min(height, width)
    top, left = max(0, (height - most) // 2), max(0, (width - most) // 2)
    return pixels[top : top + most, left : left + most]


def pooled(features: Any) -> Any:
    """Return the embeddings alone: some towers, CoCa's for one, give tokens as well."""
    return features[0] if isinstance(features, tuple) else features


def unit_rows(rows: Vectors) -> Vectors:
    """Return rows of unit length; a row that is not finite, or zero, becomes NaN throughout."""
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        lengths[~np.isfinite(lengths) | (lengths == 0)] = np.nan
        unit: Vectors = (rows / lengths).astype(np.float32)
    return unit


def first_line(error: Exception) -> str:
    """Return the start of an error's message, fit for one sentence."""
    lines = str(error).strip().splitlines()
    return lines[0][:160] if lines else type(error).__name__
