"""Telling pages from photographs: documents, screens, slides, forms, receipts.

Pages of one kind share their layout, and letters alone tell them apart. So they are compared at a
scale where letters count, and an equal layout makes no two of them similar shots.

A page is even but for thin lines of ink, so at the size of a fingerprint a few percent cut off
make it another picture. How the ink is spread over its rows, and over its columns, says where one
page lies in the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from gallery.decoding.fingerprint import cell_weights, shrink
from search.duplicates.find.alignment import Array, correlation, overlay, refine

_BLOCK = 8  # pixels a side; about a letter in a thumbnail
_FLAT, _NOISES = 3.0, 1.5  # grey levels of deviation, and multiples of the picture's own noise
_INK = 50.0  # grey levels between the ink and the paper of a block
_NEAR = 0.2  # of those, within which a pixel is one or the other
_MOSTLY = 0.6  # of a block's pixels are ink or paper
_LEVEL = 12  # grey levels around a peak of the histogram that belong to it

# Measured on 500 photos, of which 1 % count as pages (things before white), and on made papers.
_BLANK, _TEXT, _OF_BUSY = 0.5, 0.05, 0.36
_DENSE, _NEARLY_ALL = 0.2, 0.7  # a slip full of lines
_FEW_LEVELS = 0.88
_EMPTY = 0.96

# Of fingerprints, where paper and ink are one cell.
_MAY_BE = 0.3
_WIDE_LEVEL = 30
_NOTHING = 4.0  # grey levels of deviation

# Structure: the two directions of change in a block, in squared grey levels per pixel.
_CORNER = 12.0
_ENOUGH = 0.01

# The same of a picture of about 64 cells a side: bold shapes that are out of focus, but no cloud.
_CELLS = 64
_BOLD = 15.0
_MANY = 0.3


@dataclass(frozen=True)
class Look:
    """What kind of picture it is: a page, and whether there is enough in it to be told by."""

    page: bool
    poor: bool


def look(grey: Array) -> Look:
    """Look at a picture in grey, float32 (height, width), at most 512 a side."""
    blocks = _blocks(grey)
    if not len(blocks):
        return Look(page=False, poor=True)
    deviation = blocks.std(axis=1)
    noise = float(np.quantile(deviation, 0.2))
    flat = deviation < max(_FLAT, _NOISES * noise)
    text = float(_is_text(blocks).mean())
    blank, busy = float(flat.mean()), max(float((~flat).mean()), 1e-3)
    page = text >= _TEXT and (
        (blank >= _BLANK and text / busy >= _OF_BUSY)
        or (text >= _DENSE and text / busy >= _NEARLY_ALL)
        or _share_of_peaks(grey) >= _FEW_LEVELS
    )
    poor = blank >= _EMPTY or corners(grey) < _ENOUGH
    return Look(page=page, poor=poor and not _has_bold_shapes(grey))


def may_be_page(fingerprint: NDArray[np.uint8]) -> bool:
    """Tell whether a fingerprint may be that of a page: much of it is one even ground."""
    levels = np.bincount(fingerprint.ravel(), minlength=256)
    around = np.convolve(levels, np.ones(_WIDE_LEVEL + 1), "same")
    return bool(around.max() >= _MAY_BE * fingerprint.size)


def is_blank(fingerprint: NDArray[np.uint8]) -> bool:
    """Tell whether a fingerprint shows nothing: a black or white frame."""
    return bool(fingerprint.std() < _NOTHING)


def _has_bold_shapes(grey: Array) -> bool:
    side = max(1, max(grey.shape) // _CELLS)
    rows, columns = grey.shape[0] // side, grey.shape[1] // side
    coarse = _blocks(grey, side).mean(axis=1).reshape(rows, columns)
    return corners(coarse, _BOLD) >= _MANY


def corners(grey: Array, least: float = _CORNER) -> float:
    """Return in what share of its blocks of 16 x 16 pixels a picture changes in both directions.

    An even ground has none, and neither has a fade or a straight edge: they fit everywhere.
    """
    down, across = np.gradient(grey) if min(grey.shape) > 1 else (np.zeros_like(grey),) * 2
    products = (down * down, across * across, down * across)
    yy, xx, xy = (
        _blocks(np.asarray(product, np.float32), 2 * _BLOCK).mean(axis=1) for product in products
    )
    smaller = (yy + xx) / 2 - np.sqrt(((yy - xx) / 2) ** 2 + xy**2)
    return float((smaller > least).mean()) if len(smaller) else 0.0


def _is_text(blocks: Array) -> NDArray[np.bool_]:
    """Tell which blocks show ink on paper: much contrast, and hardly a level in between."""
    low, high = blocks.min(axis=1), blocks.max(axis=1)
    span = high - low
    levels = (blocks - low[:, None]) / np.maximum(span, 1)[:, None]
    extreme = ((levels < _NEAR) | (levels > 1 - _NEAR)).mean(axis=1)
    return np.asarray((span > _INK) & (extreme > _MOSTLY))


def _share_of_peaks(grey: Array) -> float:
    """Return the share of the pixels at the three commonest grey levels, and near them."""
    levels = np.bincount(np.clip(np.rint(grey), 0, 255).astype(np.intp).ravel(), minlength=256)
    around = np.convolve(levels, np.ones(_LEVEL + 1), "same")
    share = 0.0
    for _ in range(3):
        peak = int(around.argmax())
        share += float(around[peak]) / grey.size
        around[max(0, peak - _LEVEL) : peak + _LEVEL + 1] = 0
    return share


def _blocks(grey: Array, side: int = _BLOCK) -> Array:
    """Return the whole blocks of a picture, shape (blocks, pixels of a block)."""
    down, across = grey.shape[0] // side, grey.shape[1] // side
    parts = grey[: down * side, : across * side].reshape(down, side, across, side)
    return parts.swapaxes(1, 2).reshape(down * across, side * side)


# --- laying one page over another -----------------------------------------------------------------

_PROFILE = 256  # of a profile
_SHARES = (1.0, 0.98, 0.96, 0.95, 0.94, 0.92, 0.9, 0.88, 0.85, 0.8)
_STEP = 0.006  # of a side, between windows
_FULL_INK = 60.0  # grey levels of change; a black bar counts no more than a letter
_ROUNDS = ((64, 4), (128, 4), (256, 4))
_FINE_ROUNDS = ((512, 3),)
_UNLIKE = 0.6  # agreement after the first rounds; of the made papers, copies have 0.96 at least


def _windows() -> Array:
    return np.array(
        [
            (low, size)
            for size in _SHARES
            for low in np.linspace(0, 1 - size, round((1 - size) / _STEP) + 1)
        ],
        np.float32,
    )


_WINDOWS = _windows()


@cache
def _stretch() -> Array:
    """Return the matrix (windows x cells, cells) that stretches windows of a profile to all of it.

    It takes 38 MB, so only who compares pages makes it.
    """
    lows, sizes = _WINDOWS[:, 0], _WINDOWS[:, 1]
    weights = cell_weights(_PROFILE, lows, sizes, _PROFILE, min_width=1.0)
    return np.asarray(weights.reshape(-1, _PROFILE))


def align(a: Array, b: Array) -> tuple[Array, Array] | None:
    """Return scale and shift, (1, 2) each as x, y, that lay `b` over `a`, grey (height, width).

    None for two pages that are clearly not one, which is told in a fifteenth of the time.
    """
    down_a, across_a = _profiles(a)
    down_b, across_b = _profiles(b)
    across, down = _best_window(across_a, across_b), _best_window(down_a, down_b)
    scale = np.array([[across[0], down[0]]], np.float32)
    shift = np.array([[across[1], down[1]]], np.float32)
    scale, shift = _refined(a, b, scale, shift, _ROUNDS[:1])
    if _are_unlike(a, b, scale, shift):
        return None
    return _refined(a, b, scale, shift, _ROUNDS[1:])


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


def _are_unlike(a: Array, b: Array, scale: Array, shift: Array) -> bool:
    left, right, _ = overlay(a[None], b[None], scale, shift, _ROUNDS[0][0])
    agreement = float(correlation(left, right)[0])
    # It is 0 where a page has no contrast left at this size, as one with a single line.
    return agreement != 0 and agreement < _UNLIKE


def _profiles(grey: Array) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return how much changes in each row and in each column: (_PROFILE,) each."""
    down, across = np.abs(np.diff(grey, axis=0)), np.abs(np.diff(grey, axis=1))
    ink = np.minimum(down[:, :-1] + across[:-1], _FULL_INK)
    rows, columns = ink.mean(axis=1, keepdims=True), ink.mean(axis=0, keepdims=True)
    return shrink(rows, _PROFILE, 1)[:, 0], shrink(columns, 1, _PROFILE)[0]


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
    return np.asarray((_stretch() @ profile).reshape(len(_WINDOWS), _PROFILE), np.float32)


def _normal(rows: Array) -> Array:
    centred = rows - rows.mean(axis=1, keepdims=True)
    return np.asarray(
        centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-3), np.float32
    )
