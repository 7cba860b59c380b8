"""Which of two aligned copies has text, a stamp or a box laid over it."""

from __future__ import annotations

import numpy as np

from gallery.decoding.fingerprint import shrink
from search.duplicates.find.alignment import Array
from search.duplicates.find.blocks import Mask, neighbours, with_levels_of

CELLS = 256
"""Cells a side at which the strokes of letters are told from what is behind them."""

_STRONG = 18.0  # grey levels between two cells, beyond what an edge explains
_EDGE = 0.5  # of the gradient at an edge that is explained by half a cell of shift
_LEAST, _MOST = 0.0004, 0.25  # share of the picture
_RIM = 3  # cells
_OUTLINE = 0.1  # gradient of the blurred mask from which a cell lies on its outline
_STEPS = 0.55  # share of the steps at the outline that the written one makes


def laid_over(left: Array, right: Array, grain: int) -> tuple[float, float]:
    """Return 1.0 for the picture that something was laid over, two squares of cells in grey.

    They are compared at `grain` cells a side, which both of them resolve: else the sharper of the
    two would seem to have something on it. Where they differ, the picture that was written on
    steps up or down at the outline, all along it; the other one knows nothing of that outline.
    """
    a, b = (shrink(picture, grain, grain) for picture in (left, right))
    strong = _strong(a, b) & _away_from_edges(grain)
    if not _LEAST <= strong.mean() <= _MOST:
        return 0.0, 0.0
    a = _with_contrast_of(b, a, ~strong)
    one = other = 0.0
    for sign in (1.0, -1.0):
        outline = _steps(a, b, strong & (sign * (a - b) > 0))
        one, other = one + sign * outline[0], other + sign * outline[1]
    total = abs(one) + abs(other) + 1e-6
    return float(one / total >= _STEPS), float(-other / total >= _STEPS)


def _away_from_edges(side: int) -> Mask:
    """Return the cells that no remainder of a border can reach."""
    inside = np.zeros((side, side), np.bool_)
    inside[_RIM:-_RIM, _RIM:-_RIM] = True
    return inside


def _with_contrast_of(model: Array, picture: Array, where: Mask) -> Array:
    """Return `picture` with the mean and the deviation that `model` has there."""
    gain = float(model[where].std()) / max(float(picture[where].std()), 1.0)
    centred = picture - picture[where].mean()
    return np.asarray(centred * gain + model[where].mean(), np.float32)


def _steps(a: Array, b: Array, mask: Mask) -> tuple[float, float]:
    """Return by how much each picture rises into a mask, summed along its outline."""
    blurred = np.mean([part.astype(np.float32) for part in neighbours(mask)], axis=0)
    down, across = np.gradient(blurred)
    steep = np.hypot(down, across)
    outline = steep > _OUTLINE
    rises = []
    for picture in (a, b):
        own_down, own_across = np.gradient(picture)
        along = (own_down * down + own_across * across) / np.maximum(steep, 1e-6)
        rises.append(float(along[outline].sum()))
    return rises[0], rises[1]


def _strong(a: Array, b: Array) -> Mask:
    """Return where the pictures differ beyond brightness, contrast and a shift of half a cell."""
    by_a, by_b = a - with_levels_of(a, b), with_levels_of(b, a) - b
    difference = np.minimum(np.abs(by_a), np.abs(by_b))
    edges = np.maximum(np.minimum(_gradient(a), _gradient(b)), 0.0)
    return np.asarray(difference > _STRONG + _EDGE * edges)


def _gradient(picture: Array) -> Array:
    down, across = np.gradient(picture)
    return np.asarray(np.hypot(down, across), np.float32)
