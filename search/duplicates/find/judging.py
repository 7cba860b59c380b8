"""Whether two photos are the same picture, similar shots, or neither.

Aligned pictures are compared block by block, which finds the hand that moved.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from gallery.decoding.fingerprint import grey, shrink
from search.duplicates.find import alignment as alignments
from search.duplicates.find.alignment import Alignment, Array
from search.duplicates.find.thresholds import Thresholds
from search.duplicates.groups.edges import Judgement
from search.duplicates.models import Change, Kind

_BATCH = 256  # pairs aligned at a time, some 30 MB
_WORTH_A_CHECK = 0.85  # correlation of aligned fingerprints
_DETAIL = 256  # pixels a side of the check of blocks
_GREYS_KEPT = 64  # grey pictures of that size, 16 MB: a photo is in several pairs

# Limits of an `Agreement`, set between what 165 photos and 7,091 small ones show: on one side
# copies changed in 23 ways, on the other bursts, a camera on a stand, and photos that look alike.
# `benchmarks/duplicate_quality.py` measures the result on photos that were not used here.
_CORRELATED, _AGREEING, _A_FEW_BLOCKS = 0.88, 0.94, 0.03
_NEARLY_ONE, _MOSTLY_AGREEING, _HARDLY_ANY = 0.99, 0.88, 0.015
_A_SPECK, _MOSTLY_ONE_WAY = 0.001, 0.9
_WRITING, _FIRM, _ONE_WAY = 0.1, 0.93, 0.95
_VERY_FIRM, _ONE_SIDED = 0.975, 0.72
_WHOLE = 0.97  # of a side, below which something was cut off

# How the cells of two aligned pictures are compared.
_BLOCK = 8  # cells a side
_MIN_CELLS, _MAX_CELLS = 32, 128  # cells a side that pictures are compared at
_FIRST = 64  # cells a side that the alignment is refined at first
_SHARPNESS = 0.6  # cells per pixel of the smaller picture, whose finest details are not trusted
_TEXTURE = 6.0  # grey levels of deviation from which a block has something to compare
_AGREES, _DIFFERS = 0.85, 0.70  # correlations of blocks
_STRONG = 25.0  # grey levels between two cells
_BLACK, _WHITE = 20, 235  # a block beyond may have lost its texture to brightness or contrast

# Correlations of aligned fingerprints. Of 27 pairs that the embeddings alone took for one scene,
# these limits leave the ten that were one.
_SAME_LAYOUT, _LIKE_LAYOUT = 0.87, 0.82
_BURST, _OCCASION = timedelta(minutes=10), timedelta(days=1)
_ONE_PLACE_KM = 1.0

Mask = NDArray[np.bool_]
Detail = Callable[[UUID], NDArray[np.uint8] | None]
"""Returns a photo's rendition of at most 512 px, uint8 (height, width, 3), or None without one."""
GreyOf = Callable[[UUID], NDArray[np.float32] | None]
"""Returns a photo in grey, float32 (height, width), of at most `_DETAIL` a side, or None."""


@dataclass(frozen=True, eq=False)
class Side:
    """One photo of a pair, as far as it is known without reading a file.

    `grey` is its fingerprint, uint8 (SIDE, SIDE); width and height are in pixels, upright;
    `place` is (latitude, longitude) in degrees.
    """

    photo_id: UUID
    grey: NDArray[np.uint8]
    width: int
    height: int
    taken_at: datetime | None = None
    place: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Pair:
    """Two photos that may be alike, with the cosine similarity of their embeddings."""

    first: Side
    second: Side
    cosine: float


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


def judge(pairs: Sequence[Pair], thresholds: Thresholds, detail: Detail) -> list[Judgement | None]:
    """Return a judgement for each pair, in order, or None for a pair that is neither.

    The fingerprints of all pairs are aligned at once. Only pairs that pass are checked in detail,
    because that reads two files. Pairs of one photo should follow each other, so that its file
    is read only once.
    """

    @lru_cache(maxsize=_GREYS_KEPT)
    def grey_of(photo_id: UUID) -> NDArray[np.float32] | None:
        pixels = detail(photo_id)
        return None if pixels is None else _small_grey(pixels)

    judgements: list[Judgement | None] = []
    for start in range(0, len(pairs), _BATCH):
        batch = pairs[start : start + _BATCH]
        alignment = alignments.align(
            np.stack([pair.first.grey for pair in batch]),
            np.stack([pair.second.grey for pair in batch]),
        )
        for row, pair in enumerate(batch):
            same = _same_picture(pair, alignment, row, grey_of)
            judgements.append(same or _similar_shots(pair, alignment, row, thresholds))
    return judgements


def _same_picture(pair: Pair, alignment: Alignment, row: int, grey_of: GreyOf) -> Judgement | None:
    if alignment.correlation[row] < _WORTH_A_CHECK:
        return None
    first, second = grey_of(pair.first.photo_id), grey_of(pair.second.photo_id)
    if first is None or second is None:
        return None
    agreement = _check_blocks(first, second, alignment, row)
    if not is_same(agreement):
        return None
    closeness = min(max(agreement.correlation, 0.0), 1.0)
    return Judgement(Kind.SAME_PICTURE, closeness, _change(alignment, row))


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


def _small_grey(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return pixels (uint8, height x width x 3) as grey of at most `_DETAIL` a side."""
    height, width = pixels.shape[:2]
    scale = min(1.0, _DETAIL / max(height, width))
    return shrink(grey(pixels), max(1, round(height * scale)), max(1, round(width * scale)))


def _change(alignment: Alignment, row: int) -> str:
    """Return what was done to one of two copies: a `Change`, or "" for none that matters."""
    turn = int(alignment.turn[row])
    if turn:
        return Change.MIRRORED if turn >= 4 else Change.ROTATED
    scale, shift = alignment.scale[row : row + 1], alignment.shift[row : row + 1]
    low, high = alignments.overlap(scale, shift)
    common = np.minimum(high - low, (high - low) * scale)
    return Change.CROPPED if common.min() < _WHOLE else ""


def _similar_shots(
    pair: Pair, alignment: Alignment, row: int, thresholds: Thresholds
) -> Judgement | None:
    """Judge by the embeddings, more strictly where time or place speak against one occasion.

    A lower similarity is enough where both pictures have the same layout without being turned.
    Turned or mirrored layouts often agree by chance: all birds over water look alike.
    """
    min_cosine = _min_cosine(pair, thresholds)
    if alignment.turn[row] == 0 and min_cosine < thresholds.apart:
        correlation = alignment.correlation[row]
        if correlation >= _SAME_LAYOUT:
            min_cosine = min(min_cosine, thresholds.layout)
        elif correlation >= _LIKE_LAYOUT:
            min_cosine = min(min_cosine, thresholds.burst)
    if pair.cosine < min_cosine:
        return None
    return Judgement(Kind.SIMILAR_SHOTS, min(max(pair.cosine, 0.0), 1.0))


def _min_cosine(pair: Pair, thresholds: Thresholds) -> float:
    a, b = pair.first, pair.second
    if a.place and b.place and kilometres(a.place, b.place) > _ONE_PLACE_KM:
        return thresholds.apart
    if a.taken_at is None or b.taken_at is None:
        return thresholds.similar
    gap = abs(a.taken_at - b.taken_at)
    if gap <= _BURST:
        return thresholds.burst
    return thresholds.similar if gap <= _OCCASION else thresholds.apart


def kilometres(here: tuple[float, float], there: tuple[float, float]) -> float:
    """Return the distance of two (latitude, longitude) in degrees along the great circle.

    The haversine formula with the mean radius of the earth, 6,371 km.
    """
    lat1, lon1, lat2, lon2 = (math.radians(x) for x in (*here, *there))
    half = math.sin((lat2 - lat1) / 2) ** 2
    half += math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * 6371.0 * math.asin(min(1.0, math.sqrt(half)))


# --- two aligned pictures, block by block ---------------------------------------------------------


def _check_blocks(
    first: NDArray[np.float32], second: NDArray[np.float32], alignment: Alignment, pair: int
) -> Agreement:
    """Compare two grey pictures (height, width; 0 to 255), aligned as row `pair` says."""
    turn = int(alignment.turn[pair])
    a = first[None]
    b = np.ascontiguousarray(alignments.apply_turn(second, turn), dtype=np.float32)[None]
    scale, shift = alignment.scale[pair : pair + 1], alignment.shift[pair : pair + 1]
    cells = _cells(a, b, scale, shift)
    scale, shift = alignments.refine(a, b, scale, shift, min(_FIRST, cells))
    if cells > _FIRST:
        scale, shift = alignments.refine(a, b, scale, shift, cells, rounds=3)
    left, right, _ = alignments.overlay(a, b, scale, shift, cells)
    return _by_blocks(left[0], right[0], float(alignments.correlation(left, right)[0]))


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
    by_left = left - _with_levels_of(left, right)
    by_right = _with_levels_of(right, left) - right
    return np.where(np.abs(by_left) < np.abs(by_right), by_left, by_right)


def _with_levels_of(model: Array, picture: Array) -> Array:
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
    return np.asarray(np.logical_and.reduce(_neighbours(mask)))


def _dilate(mask: Mask) -> Mask:
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
