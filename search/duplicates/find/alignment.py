"""Laying one picture over another so that they agree best, pixel by pixel.

A picture that was re-encoded, resized, recoloured, cropped, turned or written on still shows the
same things at the same places. So two grey pictures are laid over each other, turned, shifted and
stretched until they agree best. Their correlation, which ignores brightness and contrast, says
how well they agree; `judging` then looks at the aligned pictures block by block.

Positions are fractions of width or height. An alignment maps a position `u` of the first picture
to `v = scale * u + shift` of the second one after its `turn`, for x and y separately.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gallery.decoding.fingerprint import cell_weights

Array = NDArray[np.float32]
Turns = NDArray[np.int64]

TURNS = 8
"""Quarter turns counter-clockwise 0 to 3, then the same of the mirrored picture."""

_CROPS = (1.0, 0.9, 0.8)
_STEP = 0.05  # between windows
_COARSE = 16  # cells a side while windows are tried
_FINE = 32
_ROUNDS = 6
_MIN_GAIN = 2e-4  # of correlation, below which another round is not worth it
_MIN_OVERLAP = 0.55  # of either side, of the area about a third
_SCALES = (0.6, 1.67)  # of an alignment; beyond, it is no longer a crop to 80 %
_STARTS = 3
_SURE, _HOPELESS = 0.97, 0.3  # correlations beyond which one start is enough
_FLAT = 2.0  # grey levels of standard deviation below which there is nothing to compare


@dataclass(frozen=True, eq=False)
class Alignment:
    """The best alignment of each of n pairs.

    `turn` (n,) int; `scale` and `shift` (n, 2) as x, y; `correlation` (n,) over the part that
    both show, from -1 to 1, and -1 where one of them is flat.
    """

    turn: Turns
    scale: Array
    shift: Array
    correlation: Array


def apply_turn(pictures: NDArray[np.generic], turn: int) -> NDArray[np.generic]:
    """Return pictures (..., height, width) after one of the `TURNS`."""
    mirrored = pictures[..., ::-1] if turn >= 4 else pictures
    return np.rot90(mirrored, turn % 4, axes=(-2, -1))


def align(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Alignment:
    """Align n pairs of square fingerprints, both uint8 (n, side, side).

    Every window that a crop to 80 % may leave is tried in the likeliest turns, and the best ones
    are refined by least squares (Lucas and Kanade 1981, with gain and offset as unknowns).
    """
    a, b = first.astype(np.float32), second.astype(np.float32)
    starts = _best_windows(a, b)
    best = _refine_start(a, b, *starts[0])
    for start in starts[1:]:
        doubtful = np.flatnonzero((best.correlation < _SURE) & (best.correlation > _HOPELESS))
        if len(doubtful):
            turn, scale, shift = start
            part = _refine_start(
                a[doubtful], b[doubtful], turn[doubtful], scale[doubtful], shift[doubtful]
            )
            better = part.correlation > best.correlation[doubtful]
            rows = doubtful[better]
            for name in ("turn", "scale", "shift", "correlation"):
                getattr(best, name)[rows] = getattr(part, name)[better]
    return best


def _refine_start(a: Array, b: Array, turn: Turns, scale: Array, shift: Array) -> Alignment:
    b = _apply_turns(b, turn)
    scale, shift = refine(a, b, scale, shift)
    return Alignment(turn, scale, shift, _score(*overlay(a, b, scale, shift, _FINE)))


# --- trying windows ---------------------------------------------------------------------------


def _best_windows(a: Array, b: Array) -> list[tuple[Turns, Array, Array]]:
    """Return the best places to start from: turn (n,), scale (n, 2) and shift (n, 2) of each."""
    sides = crop_windows(_STEP)
    # All windows tried, shape (w, 2, 2): (low, size) by (x, y).
    windows = np.array([((lx, ly), (sx, sy)) for ly, sy in sides for lx, sx in sides], np.float32)
    views = np.stack([_normal(apply_turn(_shrink(b, _COARSE), t)) for t in range(TURNS)], axis=1)
    whole = _normal(_shrink(a, _COARSE))
    likely = np.einsum("nij,ntij->nt", whole, views)
    parts_of_a = _all_windows(a, windows)
    scores = np.full((len(a), TURNS, 2 * len(windows)), -2.0, np.float32)
    likeliest = np.argsort(-likely, axis=1)[:, :2]
    for t in range(TURNS):
        # Turn 0 is tried for all pairs, the others where they are among the likeliest two.
        rows = np.flatnonzero((likeliest == t).any(axis=1) | (t == 0))
        if len(rows):
            parts_of_b = _all_windows(apply_turn(b[rows], t), windows)
            within_b = _dots(parts_of_b, whole[rows])
            within_a = _dots(parts_of_a[rows], views[rows, t])
            scores[rows, t] = np.concatenate([within_b, within_a], axis=1)
    flat = scores.reshape(len(a), -1)
    order = np.argsort(-flat, axis=1)[:, :_STARTS]
    return [_start(order[:, place], windows) for place in range(_STARTS)]


def _start(choice: NDArray[np.int64], windows: Array) -> tuple[Turns, Array, Array]:
    """Return the alignment that a window stands for, be it of the second picture or the first."""
    turn, pick = np.divmod(choice, 2 * len(windows))
    low, size = windows[pick % len(windows), 0], windows[pick % len(windows), 1]
    of_first = (pick >= len(windows))[:, None]
    return turn, np.where(of_first, 1 / size, size), np.where(of_first, -low / size, low)


def _dots(parts: Array, whole: Array) -> Array:
    n, w = parts.shape[:2]
    return np.asarray((parts.reshape(n, w, -1) @ whole.reshape(n, -1, 1))[:, :, 0])


def crop_windows(step: float) -> Array:
    """Return what a crop to 80 % may leave of a side, as (low, size) in fractions: shape (w, 2)."""
    windows = [
        (low, size)
        for size in _CROPS
        for low in np.linspace(0, 1 - size, round((1 - size) / step) + 1)
    ]
    return np.array(windows, np.float32)


def _all_windows(pictures: NDArray[np.generic], windows: Array) -> Array:
    """Return every window of every picture, normal, shape (n, w, _COARSE, _COARSE)."""
    side = pictures.shape[-1]
    low, size = windows[:, 0], windows[:, 1]
    across = cell_weights(side, low[:, 0], size[:, 0], _COARSE, min_width=1.0)
    down = cell_weights(side, low[:, 1], size[:, 1], _COARSE, min_width=1.0)
    tall = np.einsum("wyi,nij->nwyj", down, pictures.astype(np.float32), optimize=True)
    return _normal(np.matmul(tall, across.transpose(0, 2, 1)[None]))


# --- refining ---------------------------------------------------------------------------------


def refine(
    a: Array, b: Array, scale: Array, shift: Array, cells: int = _FINE, rounds: int = _ROUNDS
) -> tuple[Array, Array]:
    """Return scale and shift after some rounds of least squares, changed only where that helps."""
    at, over = (scale, shift), overlay(a, b, scale, shift, cells)
    best = _score(*over)
    for _ in range(rounds):
        at = _gauss_newton_step(*over[:2], *at)
        over = overlay(a, b, *at, cells)
        now = _score(*over)
        better = (now > best)[:, None]
        scale, shift = np.where(better, at[0], scale), np.where(better, at[1], shift)
        gain = (now - best).max(initial=0.0)
        best = np.maximum(best, now)
        if gain < _MIN_GAIN:
            break
    return scale, shift


def _score(left: Array, right: Array, fits: NDArray[np.bool_]) -> Array:
    return np.where(fits, correlation(left, right), np.float32(-1.0))


def _gauss_newton_step(
    left: Array, right: Array, scale: Array, shift: Array
) -> tuple[Array, Array]:
    """Take one Gauss-Newton step from an overlay, (n, cells, cells) each.

    The unknowns are scale and shift of x and y, a gain and an offset. The gain belongs to the
    second picture, so the first one is brought to its levels and not the other way round:
    otherwise a small gain would shrink the step too.
    """
    n, cells = left.shape[:2]
    low, high = overlap(scale, shift)
    span = (high - low) * scale / cells  # of one cell, in fractions of the second picture
    down, across = np.gradient(right, axis=(1, 2))
    across, down = across / span[:, 0, None, None], down / span[:, 1, None, None]
    middles = (np.arange(cells, dtype=np.float32) + 0.5) / cells
    u = low[:, :, None] + (high - low)[:, :, None] * middles
    columns = [across * u[:, 0, None, :], across, down * u[:, 1, :, None], down, right]
    columns.append(np.ones_like(right))
    system = np.stack([column.reshape(n, -1) for column in columns], axis=2)
    goal = match_levels(left, right).reshape(n, -1, 1)
    normal = system.transpose(0, 2, 1) @ system
    damping = 1e-4 / 6 * np.trace(normal, axis1=1, axis2=2)
    normal += np.eye(6, dtype=np.float32) * damping[:, None, None]
    step = np.linalg.solve(normal, system.transpose(0, 2, 1) @ goal)[:, :4, 0]
    step = np.clip(step, -0.1, 0.1).astype(np.float32)
    scale = np.clip(scale + step[:, 0::2], *_SCALES).astype(np.float32)
    return scale, np.asarray(shift + step[:, 1::2], np.float32)


def match_levels(left: Array, right: Array) -> Array:
    """Return `left` with the mean and the deviation of `right`, pictures (n, h, w) each."""
    deviation = right.std(axis=(1, 2), keepdims=True)
    scaled = _normal(left) * np.sqrt(left[0].size) * deviation
    return np.asarray(scaled + right.mean(axis=(1, 2), keepdims=True), np.float32)


def overlap(scale: Array, shift: Array) -> tuple[Array, Array]:
    """Return the range, low and high (n, 2) each, of the first picture that both show."""
    low = np.clip(-shift / scale, 0.0, 1.0)
    high = np.clip((1.0 - shift) / scale, 0.0, 1.0)
    return low, np.maximum(high, low + 1e-3)


def overlay(
    a: Array, b: Array, scale: Array, shift: Array, cells: int
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Return the part of each picture that both show, (n, cells, cells), and if it is enough."""
    low, high = overlap(scale, shift)
    size = high - low
    from_b, size_b = np.clip(scale * low + shift, 0, 1), size * scale
    left = _cut(a, low, size, cells)
    right = _cut(b, from_b, size_b, cells)
    enough = np.maximum(size, size_b).min(axis=1) >= 0.9
    return left, right, enough & (np.minimum(size, size_b).min(axis=1) >= _MIN_OVERLAP)


def _cut(pictures: Array, low: Array, size: Array, cells: int) -> Array:
    """Return the windows of pictures (n, height, width) at `cells` a side."""
    down = cell_weights(pictures.shape[1], low[:, 1], size[:, 1], cells, min_width=1.0)
    across = cell_weights(pictures.shape[2], low[:, 0], size[:, 0], cells, min_width=1.0)
    return np.asarray(down @ pictures @ across.transpose(0, 2, 1), np.float32)


def _apply_turns(pictures: Array, turn: Turns) -> Array:
    result = pictures.copy()
    for t in set(turn.tolist()) - {0}:
        result[turn == t] = apply_turn(pictures[turn == t], t)
    return result


def _shrink(pictures: Array, cells: int) -> Array:
    n = len(pictures)
    return _cut(pictures, np.zeros((n, 2), np.float32), np.ones((n, 2), np.float32), cells)


def _normal(pictures: NDArray[np.generic]) -> Array:
    """Return pictures (..., h, w) with zero mean and unit length; flat ones become zero."""
    values = np.asarray(pictures, np.float32)
    values = values - values.mean(axis=(-2, -1), keepdims=True)
    length = np.sqrt(np.einsum("...ij,...ij->...", values, values))
    flat = length < _FLAT * np.sqrt(values.shape[-1] * values.shape[-2])
    factor = np.where(flat, np.float32(0), 1 / np.maximum(length, np.float32(1e-6)))
    return np.asarray(values * factor[..., None, None], np.float32)


def correlation(left: Array, right: Array) -> Array:
    return np.asarray((_normal(left) * _normal(right)).sum(axis=(1, 2)), np.float32)
