"""A rough look at fingerprints, a hundred times cheaper than judging, that spares most pairs it.

Neighbours in the index show the same kind of thing; few of them are the same picture. Each of two
pictures is cut to the windows that a crop may have left, and compared with all of the other one
in all eight positions, at 8 x 8 cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gallery import request_priority
from gallery.models.fingerprints import SIDE

LEAST = 0.68
"""Roughest correlation of a picture and a part of it: of 250 crops to 80 % (of the area or of both
sides) of photos that were not used otherwise, the lowest was 0.75; a third of the pictures that
merely show the same kind of thing reach 0.6."""

LEAST_TOGETHER = 0.9
"""The same, plus how far the embeddings are above the candidate's threshold (0 there, 1 when
equal): crops of known photos have more than 1.2, and one in ten neighbours reaches 0.9."""

_CELLS = 8
_CROPS = (1.0, 0.9, 0.8)
_STEP = 0.1
_AT_ONCE = 256  # pairs at a time, some 5 MB

Array = NDArray[np.float32]


def correlations(greys: Mapping[int, NDArray[np.uint8]], pairs: Sequence[tuple[int, int]]) -> Array:
    """Return the best rough correlation of each pair, shape (n,), -1 to 1.

    `greys` has the fingerprints, uint8 (SIDE, SIDE), of all photos of the pairs.
    """
    found = []
    for start in range(0, len(pairs), _AT_ONCE):
        request_priority.yield_to_requests()
        found.append(_some(greys, pairs[start : start + _AT_ONCE]))
    return np.concatenate(found) if found else np.empty(0, np.float32)


def _some(greys: Mapping[int, NDArray[np.uint8]], pairs: Sequence[tuple[int, int]]) -> Array:
    named = dict.fromkeys(photo_id for pair in pairs for photo_id in pair)
    ids = {photo_id: place for place, photo_id in enumerate(named)}
    parts, wholes = _views(np.stack([greys[photo_id] for photo_id in ids]))
    first = np.array([ids[one] for one, _ in pairs])
    second = np.array([ids[other] for _, other in pairs])
    forth = np.matmul(parts[first], wholes[second].swapaxes(1, 2)).max(axis=(1, 2))
    back = np.matmul(parts[second], wholes[first].swapaxes(1, 2)).max(axis=(1, 2))
    return np.asarray(np.maximum(forth, back), np.float32)


def _views(greys: NDArray[np.uint8]) -> tuple[Array, Array]:
    """Return all windows (n, w, cells²) of the pictures, and the wholes in 8 positions (n, 8, ...).

    All are of mean 0 and length 1, so that their products are correlations.
    """
    n, windows = len(greys), len(_SHARES) // _CELLS
    cut = _SHARES @ greys.astype(np.float32) @ _SHARES.T
    cut = cut.reshape(n, windows, _CELLS, windows, _CELLS).swapaxes(2, 3)
    whole = cut[:, 0, 0]
    turned = [
        np.rot90(side, turn, axes=(1, 2)) for side in (whole, whole[..., ::-1]) for turn in range(4)
    ]
    wholes = np.stack(turned, axis=1).reshape(n, 8, _CELLS**2)
    return _normal(cut.reshape(n, windows**2, _CELLS**2)), _normal(wholes)


def _normal(rows: Array) -> Array:
    centred = rows - rows.mean(axis=-1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=-1, keepdims=True)
    return np.asarray(centred / np.maximum(lengths, 1.0), np.float32)


def _shares() -> Array:
    """Return the matrix (windows x cells, SIDE) that averages a line into the cells of windows."""
    starts = np.arange(SIDE)
    rows = []
    for size in _CROPS:
        for low in np.linspace(0, 1 - size, round((1 - size) / _STEP) + 1):
            borders = (low + np.arange(_CELLS + 1) * size / _CELLS) * SIDE
            ends = np.minimum(borders[1:, None], starts + 1)
            overlap = np.clip(ends - np.maximum(borders[:-1, None], starts), 0, None)
            rows.append(overlap / overlap.sum(axis=1, keepdims=True))
    return np.concatenate(rows).astype(np.float32)


_SHARES = _shares()
