"""Laying one page over another by its lines.

A page is even but for thin lines of ink, so at the size of a fingerprint a few percent cut off
make it another picture. How the ink is spread over its rows, and over its columns, says where one
page lies in the other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gallery.decoding.fingerprint import cell_weights, shrink
from search.duplicates.find.alignment import Array, refine

_CELLS = 256  # of a profile
_SIZES = (1.0, 0.98, 0.96, 0.95, 0.94, 0.92, 0.9, 0.88, 0.85, 0.8)
_STEP = 0.006  # of a side, between windows
_FULL_INK = 60.0  # grey levels of change; a black bar counts no more than a letter
_ROUNDS = ((64, 4), (128, 4), (256, 4))
_FINE_ROUNDS = ((512, 3),)


def _windows() -> Array:
    return np.array(
        [
            (low, size)
            for size in _SIZES
            for low in np.linspace(0, 1 - size, round((1 - size) / _STEP) + 1)
        ],
        np.float32,
    )


_WINDOWS = _windows()
# The matrix (windows x cells, cells) that stretches windows of a profile to all of it.
_STRETCH = cell_weights(_CELLS, _WINDOWS[:, 0], _WINDOWS[:, 1], _CELLS, min_width=1.0).reshape(
    -1, _CELLS
)


def align_pages(a: Array, b: Array) -> tuple[Array, Array]:
    """Return scale and shift, (1, 2) each as x, y, that lay `b` over `a`, grey (height, width)."""
    down_a, across_a = _profiles(a)
    down_b, across_b = _profiles(b)
    across, down = _best_window(across_a, across_b), _best_window(down_a, down_b)
    scale = np.array([[across[0], down[0]]], np.float32)
    shift = np.array([[across[1], down[1]]], np.float32)
    return _refined(a, b, scale, shift, _ROUNDS)


def align_finer(a: Array, b: Array, scale: Array, shift: Array) -> tuple[Array, Array]:
    """Return the alignment as larger pictures of the same pages show it: to half a pixel."""
    return _refined(a, b, scale, shift, _FINE_ROUNDS)


def _refined(
    a: Array, b: Array, scale: Array, shift: Array, rounds: tuple[tuple[int, int], ...]
) -> tuple[Array, Array]:
    """Return the alignment after refining it at some numbers of cells, so many rounds each."""
    for cells, times in rounds:
        scale, shift = refine(a[None], b[None], scale, shift, cells, times)
    return scale, shift


def _profiles(grey: Array) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return how much changes in each row and in each column: (_CELLS,) each."""
    down, across = np.abs(np.diff(grey, axis=0)), np.abs(np.diff(grey, axis=1))
    ink = np.minimum(down[:, :-1] + across[:-1], _FULL_INK)
    rows, columns = ink.mean(axis=1, keepdims=True), ink.mean(axis=0, keepdims=True)
    return shrink(rows, _CELLS, 1)[:, 0], shrink(columns, 1, _CELLS)[0]


def _best_window(a: NDArray[np.float32], b: NDArray[np.float32]) -> tuple[float, float]:
    """Return scale and shift of the window of one profile that is most like all of the other."""
    windows_of_a, windows_of_b = _normal(_stretched(a)), _normal(_stretched(b))
    within_a, within_b = windows_of_a @ windows_of_b[0], windows_of_b @ windows_of_a[0]
    if within_a.max() > within_b.max():
        low, size = _WINDOWS[within_a.argmax()]
        return float(1 / size), float(-low / size)
    low, size = _WINDOWS[within_b.argmax()]
    return float(size), float(low)


def _stretched(profile: NDArray[np.float32]) -> Array:
    return np.asarray((_STRETCH @ profile).reshape(len(_WINDOWS), _CELLS), np.float32)


def _normal(rows: Array) -> Array:
    centred = rows - rows.mean(axis=1, keepdims=True)
    return np.asarray(
        centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-3), np.float32
    )
