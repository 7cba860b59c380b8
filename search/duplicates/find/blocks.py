"""How much two aligned pictures agree, block by block, which finds the hand that moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gallery.decoding.fingerprint import shrink
from search.duplicates.find import alignment as alignments
from search.duplicates.find.alignment import Alignment, Array

_DETAIL = 256  # pixels a side of the pictures compared

# Limits of an `Agreement`, set between what 165 photos and 7,091 small ones show: on one side
# copies changed in 23 ways, on the other bursts, a camera on a stand, and photos that look alike.
# `benchmarks/duplicate_quality.py` measures the result on photos that were not used here.
_CORRELATED, _AGREEING, _A_FEW_BLOCKS = 0.88, 0.94, 0.03
_NEARLY_ONE, _MOSTLY_AGREEING, _HARDLY_ANY = 0.99, 0.88, 0.015
_A_SPECK, _MOSTLY_ONE_WAY = 0.001, 0.9
_WRITING, _FIRM, _ONE_WAY = 0.1, 0.93, 0.95
_VERY_FIRM, _ONE_SIDED = 0.975, 0.72

# How the cells of two aligned pictures are compared.
_BLOCK = 8  # cells a side
_MIN_CELLS, _MAX_CELLS = 32, 128  # cells a side that pictures are compared at
_FIRST = 64  # cells a side that the alignment is refined at first
_SHARPNESS = 0.6  # cells per pixel of the smaller picture, whose finest details are not trusted
_TEXTURE = 6.0  # grey levels of deviation from which a block has something to compare
_AGREES, _DIFFERS = 0.85, 0.70  # correlations of blocks
_STRONG = 25.0  # grey levels between two cells
_BLACK, _WHITE = 20, 235  # a block beyond may have lost its texture to brightness or contrast


Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Agreement:
    """How well two pictures agree over the part that both show.

    `correlation` is that of all cells. `agreeing` is the share of the blocks with texture that
    correlate well, `differing` the share of all blocks that do not. `firmness` is the lower
    quartile of the correlations of all other blocks. Three figures describe the cells that differ
    strongly: `solid` is the share of the picture that lies in patches three cells wide, `one_way`
    says whether all are brighter or all darker (1) or half of each (0), and `one_sided` whether
    the same picture always shows more there (1) or either does (0).
    """

    correlation: float
    agreeing: float
    differing: float
    firmness: float
    solid: float
    one_way: float
    one_sided: float


def is_same(agreement: Agreement) -> bool:
    """Tell whether two pictures with this agreement are the same one.

    Either nearly everything with texture agrees, or something small was written on one of them
    and all the rest agrees firmly. Writing is all brighter or all darker. If it has a shadow, the
    same picture still always shows more. Neither holds for a thing that moved, because it left
    one place and came to another.
    """
    if agreement.correlation < _CORRELATED:
        return False
    sided = agreement.one_sided >= _ONE_SIDED
    moved = agreement.solid > _A_SPECK and agreement.one_way < _MOSTLY_ONE_WAY and not sided
    untouched = agreement.agreeing >= _AGREEING and agreement.differing <= _A_FEW_BLOCKS
    # Strong compression makes all blocks of small pictures agree a little less.
    noisy = (
        agreement.correlation >= _NEARLY_ONE
        and agreement.agreeing >= _MOSTLY_AGREEING
        and agreement.differing <= _HARDLY_ANY
    )
    brighter = agreement.one_way >= _ONE_WAY and agreement.firmness >= _FIRM
    written = brighter or (sided and agreement.firmness >= _VERY_FIRM)
    return ((untouched or noisy) and not moved) or (written and agreement.differing <= _WRITING)


def is_same_but_for_words(agreement: Agreement) -> bool:
    """Tell whether all agrees firmly but for a few blocks, which may be words laid over it."""
    return (
        agreement.correlation >= _CORRELATED
        and agreement.differing <= _WRITING
        and agreement.firmness >= _FIRM
    )


def small(grey: Array) -> Array:
    """Return a grey picture at the size at which pictures are compared, at most 256 a side."""
    height, width = grey.shape
    scale = min(1.0, _DETAIL / max(height, width))
    return shrink(grey, max(1, round(height * scale)), max(1, round(width * scale)))


def check(
    first: Array, second: Array, alignment: Alignment, row: int
) -> tuple[Agreement, Array, Array]:
    """Compare two grey pictures (height, width; 0 to 255), aligned as `row` says.

    Also returns the alignment, scale and shift of (1, 2) each, as the pictures show it better.
    """
    turn = int(alignment.turn[row])
    a = small(first)[None]
    b = np.ascontiguousarray(alignments.apply_turn(small(second), turn), dtype=np.float32)[None]
    scale, shift = alignment.scale[row : row + 1], alignment.shift[row : row + 1]
    cells = _cells(a, b, scale, shift)
    scale, shift = alignments.refine(a, b, scale, shift, min(_FIRST, cells))
    if cells > _FIRST:
        scale, shift = alignments.refine(a, b, scale, shift, cells, rounds=3)
    left, right, _ = alignments.overlay(a, b, scale, shift, cells)
    agreement = _by_blocks(left[0], right[0], float(alignments.correlation(left, right)[0]))
    return agreement, scale, shift


def _cells(a: Array, b: Array, scale: Array, shift: Array) -> int:
    """Return how finely to compare: no finer than the less detailed picture allows."""
    low, high = alignments.overlap(scale, shift)
    part = (high - low)[0]
    sides = np.array([a.shape[2], a.shape[1]]), np.array([b.shape[2], b.shape[1]]) * scale[0]
    pixels = min((side * part).min() for side in sides)
    cells = int(np.clip(_SHARPNESS * pixels, _MIN_CELLS, _MAX_CELLS))
    return cells // _BLOCK * _BLOCK


def _by_blocks(left: Array, right: Array, whole: float) -> Agreement:
    a = _blocks(left)
    raw = _blocks(right)
    same_levels = alignments.match_levels(right[None], left[None])[0]
    b = _blocks(same_levels)
    texture_a, texture_b = a.std(axis=1), b.std(axis=1)
    more, less = np.maximum(texture_a, texture_b), np.minimum(texture_a, texture_b)
    correlations = _correlations(a, b)
    in_both = less > _TEXTURE
    in_one = (more > _TEXTURE) & (less < _TEXTURE / 2)
    flat_level = np.where(texture_a < texture_b, a.mean(axis=1), raw.mean(axis=1))
    missing = in_one & (flat_level > _BLACK) & (flat_level < _WHITE)
    differs = missing | (in_both & (correlations < _DIFFERS))
    others = correlations[in_both & ~differs]
    difference = _difference(left, right)
    strong = np.abs(difference) > _STRONG
    return Agreement(
        correlation=whole,
        agreeing=float((others >= _AGREES).sum() / max((in_both | missing).sum(), 1)),
        differing=float(differs.mean()),
        firmness=float(np.quantile(others, 0.25)) if len(others) else 0.0,
        solid=float((_dilate(_erode(strong)) & strong).mean()),
        one_way=float(abs(difference[strong].sum()) / max(np.abs(difference[strong]).sum(), 1e-3)),
        one_sided=_one_sided(left, same_levels, strong),
    )


def _difference(left: Array, right: Array) -> Array:
    """Return by how many grey levels the cells differ beyond brightness and contrast.

    Each picture is brought to the levels of the other, darkest cell to darkest cell and so on, and
    the smaller difference counts: where one of them is burnt out, only one way can be right.
    """
    by_left = left - with_levels_of(left, right)
    by_right = with_levels_of(right, left) - right
    return np.where(np.abs(by_left) < np.abs(by_right), by_left, by_right)


def with_levels_of(model: Array, picture: Array) -> Array:
    """Return `picture` with the histogram of `model`."""
    levels = np.empty(picture.size, np.float32)
    levels[np.argsort(picture, axis=None)] = np.sort(model, axis=None)
    return levels.reshape(picture.shape)


def _one_sided(left: Array, right: Array, strong: Mask) -> float:
    """Return how consistently one picture has more texture, over blocks with strong cells."""
    near = _dilate(strong)
    excess = _gradient_energy(left, near) - _gradient_energy(right, near)
    weights = _blocks(strong.astype(np.float32)).sum(axis=1)
    return float(abs((weights * np.sign(excess)).sum()) / max(weights.sum(), 1))


def _gradient_energy(picture: Array, mask: Mask) -> Array:
    """Return the energy of the gradient within the mask, for each block."""
    down, across = np.gradient(picture)
    energy = np.asarray((down**2 + across**2) * mask, np.float32)
    return np.asarray(_blocks(energy).sum(axis=1), np.float32)


def _erode(mask: Mask) -> Mask:
    """Return the cells of a mask whose eight neighbours are in it as well."""
    return np.asarray(np.logical_and.reduce(neighbours(mask)))


def _dilate(mask: Mask) -> Mask:
    """Return the cells of a mask and their neighbours."""
    return np.asarray(np.logical_or.reduce(neighbours(mask)))


def neighbours(mask: Mask) -> list[Mask]:
    """Return the mask as each of the nine cells around a cell, itself included, sees it."""
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
