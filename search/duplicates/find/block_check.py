"""The closer look at two aligned pictures, block by block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.duplicates.find import alignment as matching
from search.duplicates.find.alignment import Alignment, Array

Mask = NDArray[np.bool_]

_BLOCK = 8  # cells a side
_MOST, _LEAST = 128, 32  # cells a side that pictures are compared at
_FIRST = 64  # cells a side that the alignment is refined at first
_SHARPNESS = 0.6  # cells for each pixel of the smaller picture: its last details are not trusted
_TEXTURE = 6.0  # grey levels of deviation from which a block has something to compare
_AGREES, _DIFFERS = 0.85, 0.70  # correlations of blocks
_STRONG = 25.0  # grey levels between two cells
_BLACK, _WHITE = 20, 235  # a block beyond may have lost its texture to brightness or contrast


@dataclass(frozen=True)
class Agreement:
    """How far two pictures show the same, over the part that both show.

    `correlation` is that of all cells. Of the blocks with texture, `agreeing` is the share that
    correlate well; `differing` is the share of all blocks that do not; `firmness` is the lower
    quartile of the correlations of all blocks but the differing ones. Of the cells that differ
    strongly, `solid` is the share of the picture that lies in patches three cells wide,
    `one_way` tells whether they are all brighter or all darker (1) or as much of either (0), and
    `one_sided` whether it is always the same picture that shows more there (1) or either (0).
    """

    correlation: float
    agreeing: float
    differing: float
    firmness: float
    solid: float
    one_way: float
    one_sided: float


def look(
    first: NDArray[np.float32], second: NDArray[np.float32], alignment: Alignment, pair: int
) -> Agreement:
    """Compare two grey pictures (height, width; 0 to 255), aligned as row `pair` says."""
    turn = int(alignment.turn[pair])
    a = first[None]
    b = np.ascontiguousarray(matching.turned(second, turn), dtype=np.float32)[None]
    scale, shift = alignment.scale[pair : pair + 1], alignment.shift[pair : pair + 1]
    cells = _cells(a, b, scale, shift)
    scale, shift = matching.refined(a, b, scale, shift, min(_FIRST, cells))
    if cells > _FIRST:
        scale, shift = matching.refined(a, b, scale, shift, cells, rounds=3)
    left, right, _ = matching.overlaid(a, b, scale, shift, cells)
    return _by_blocks(left[0], right[0], float(matching.correlation(left, right)[0]))


def _cells(a: Array, b: Array, scale: Array, shift: Array) -> int:
    """Return how finely to compare: no finer than the less detailed picture allows."""
    low, high = matching.overlap(scale, shift)
    part = (high - low)[0]
    sides = np.array([a.shape[2], a.shape[1]]), np.array([b.shape[2], b.shape[1]]) * scale[0]
    pixels = min((side * part).min() for side in sides)
    cells = int(np.clip(_SHARPNESS * pixels, _LEAST, _MOST))
    return cells // _BLOCK * _BLOCK


def _by_blocks(left: Array, right: Array, whole: float) -> Agreement:
    a = _blocks(left)
    raw = _blocks(right)
    levelled = matching.levelled(right[None], left[None])[0]
    b = _blocks(levelled)
    rough_a, rough_b = a.std(axis=1), b.std(axis=1)
    alike = _correlations(a, b)
    both = (rough_a > _TEXTURE) & (rough_b > _TEXTURE)
    one = (np.maximum(rough_a, rough_b) > _TEXTURE) & (np.minimum(rough_a, rough_b) < _TEXTURE / 2)
    flat = np.where(rough_a < rough_b, a.mean(axis=1), raw.mean(axis=1))
    alone = one & (flat > _BLACK) & (flat < _WHITE)
    differs = alone | (both & (alike < _DIFFERS))
    kept = alike[both & ~differs]
    difference = _difference(left, right)
    strong = np.abs(difference) > _STRONG
    return Agreement(
        correlation=whole,
        agreeing=float((kept >= _AGREES).sum() / max((both | alone).sum(), 1)),
        differing=float(differs.mean()),
        firmness=float(np.quantile(kept, 0.25)) if len(kept) else 0.0,
        solid=float((_widened(_narrowed(strong)) & strong).mean()),
        one_way=_one_way(difference[strong]),
        one_sided=_one_sided(left, levelled, strong),
    )


def _difference(left: Array, right: Array) -> Array:
    """Return by how many grey levels the cells differ beyond brightness and contrast.

    Either picture is brought to the levels of the other, darkest cell to darkest cell and so on,
    and the smaller difference counts: where one of them is burnt out, only one way can be right.
    """
    there = left - _with_levels_of(left, right)
    back = _with_levels_of(right, left) - right
    return np.where(np.abs(there) < np.abs(back), there, back)


def _with_levels_of(model: Array, picture: Array) -> Array:
    """Return `picture` with the histogram of `model`."""
    levels = np.empty(picture.size, np.float32)
    levels[np.argsort(picture, axis=None)] = np.sort(model, axis=None)
    return levels.reshape(picture.shape)


def _one_way(differences: Array) -> float:
    return float(abs(differences.sum()) / max(np.abs(differences).sum(), 1e-3))


def _one_sided(left: Array, right: Array, strong: Mask) -> float:
    """Return how consistently, over blocks with strong cells, one picture is the rougher one."""
    near = _widened(strong)
    rougher = _edges(left, near) - _edges(right, near)
    weights = _blocks(strong.astype(np.float32)).sum(axis=1)
    return float(abs((weights * np.sign(rougher)).sum()) / max(weights.sum(), 1))


def _edges(picture: Array, mask: Mask) -> Array:
    """Return the energy of the gradient within the mask, for each block."""
    down, across = np.gradient(picture)
    energy = np.asarray((down**2 + across**2) * mask, np.float32)
    return np.asarray(_blocks(energy).sum(axis=1), np.float32)


def _narrowed(mask: Mask) -> Mask:
    """Return the cells of a mask whose eight neighbours are in it too."""
    return np.asarray(np.logical_and.reduce(_neighbours(mask)))


def _widened(mask: Mask) -> Mask:
    """Return the cells of a mask and their neighbours."""
    return np.asarray(np.logical_or.reduce(_neighbours(mask)))


def _neighbours(mask: Mask) -> list[Mask]:
    height, width = mask.shape
    framed = np.pad(mask, 1)
    return [framed[y : y + height, x : x + width] for y in range(3) for x in range(3)]


def _blocks(picture: Array) -> Array:
    """Return the blocks of a square picture, shape (blocks, cells of a block)."""
    n = len(picture) // _BLOCK
    parts = picture.reshape(n, _BLOCK, n, _BLOCK).swapaxes(1, 2)
    return parts.reshape(n * n, _BLOCK * _BLOCK)


def _correlations(a: Array, b: Array) -> Array:
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    lengths = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.asarray((a * b).sum(axis=1) / np.maximum(lengths, 1e-3), np.float32)
