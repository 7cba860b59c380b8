"""Whether two aligned pictures differ in the colour of a thing, not in the tone of all of it.

A shirt in red and the same shirt in blue agree in every line. Saving a picture again may make it
grey, brighter, flatter or warmer, but it does so everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from gallery.decoding.fingerprint import cell_weights
from search.duplicates.find.alignment import Array, apply_turn, overlap
from search.duplicates.find.difference import box_mean

Mask = NDArray[np.bool_]

_CELLS = 48  # a side
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_NO_COLOUR = 8.0  # levels of chroma that a grey picture keeps
_GAMMAS = (0.55, 0.75, 1.0, 1.35, 1.8)  # of edits, as are the next three
_GAINS = np.linspace(0.55, 1.7, 12, dtype=np.float32)
_SATURATIONS = (0.5, 1.6)
_TINT = 30.0  # levels of chroma that white may get
_OTHER_CHROMA, _OTHER_TONE = 18.0, 30.0  # levels by which a cell has another colour
_DARK, _BRIGHT, _CLIPPED = 12.0, 225.0, 240.0  # levels beyond which a cell may have lost its colour
_PLAIN, _GROUND = 16.0, 0.3  # levels of a channel; share of the cells that are one ground
_ONE_HUE = 0.9  # length of the mean of directions that are nearly one
_AMOUNTS = np.arange(0.0, 1.75, 0.05)
_OTHER_COLOUR, _MUCH = 8.0, 0.3  # levels of three channels together; share of the thing
_AROUND = 5  # cells
_A_THING = 3  # cells whose neighbours have another colour as well


def is_recoloured(
    a: NDArray[np.uint8], b: NDArray[np.uint8], turn: int, scale: Array, shift: Array
) -> bool:
    """Tell whether something has another colour in `b`, uint8 (height, width, 3) like `a`.

    The two are aligned by `turn`, `scale` and `shift`, (1, 2) each.
    """
    low, high = overlap(scale, shift)
    size = high - low
    turned = np.moveaxis(apply_turn(np.moveaxis(b, 2, 0), turn), 0, 2)
    first = _cells(a, low, size)
    second = _cells(turned, np.clip(scale * low + shift, 0, 1), size * scale)
    things = [thing for thing in (_thing(first), _thing(second)) if thing is not None]
    if len(things) == 2 and _is_beyond_one_edit(first, second, things[0] | things[1]):
        return True
    tone = _tone_rest(first @ _LUMA, second @ _LUMA)
    back = _tone_rest(second @ _LUMA, first @ _LUMA)
    chroma = _chroma_rest(first, second)
    kept = _keeps_colour(first) & _keeps_colour(second)
    other_tone = (np.minimum(tone, back) > _OTHER_TONE) & ~(_burnt(first) | _burnt(second))
    return _is_thing(other_tone) or _is_thing(kept & (chroma > _OTHER_CHROMA))


# --- one thing before a plain ground --------------------------------------------------------------


def _thing(colours: Array) -> Mask | None:
    """Return the cells of a thing of one hue at most before a plain ground, or None.

    With so few colours, some curve leads from any of them to any other. So more is asked of it.
    """
    ground = np.median(colours[_rim()], axis=0)
    plain = np.abs(colours - ground).max(axis=1) < _PLAIN
    chroma = _chroma(colours[~plain])
    strength = np.linalg.norm(chroma, axis=1, keepdims=True)
    directions = (chroma / np.maximum(strength, 1))[strength[:, 0] > _NO_COLOUR]
    together = np.linalg.norm(directions.mean(axis=0)) if len(directions) else 1.0
    return ~plain if plain.mean() >= _GROUND and together >= _ONE_HUE else None


def _rim() -> Mask:
    rim = np.ones((_CELLS, _CELLS), np.bool_)
    rim[1:-1, 1:-1] = False
    return rim.ravel()


def _is_beyond_one_edit(first: Array, second: Array, thing: Mask) -> bool:
    """Tell whether much of the thing is left over, whatever single edit the other picture had."""
    first, second = _smooth(first), _smooth(second)
    least = max(_MUCH * thing.sum(), _A_THING)
    ways = chain(
        (edited - second for edited in _edits(first, second)),
        (edited - first for edited in _edits(second, first)),
    )
    left = ((np.linalg.norm(rest, axis=1) > _OTHER_COLOUR) & thing for rest in ways)
    return all(cells.sum() >= least for cells in left)


def _smooth(colours: Array) -> Array:
    """Return the means around cells: what a small copy is not sharp enough to show is no colour."""
    square = colours.reshape(_CELLS, _CELLS, 3)
    channels = [box_mean(square[..., channel], _AROUND) for channel in range(3)]
    return np.asarray(np.stack(channels, axis=2).reshape(-1, 3), np.float32)


def _edits(colours: Array, goal: Array) -> Iterator[Array]:
    """Yield the colours after edits of one number each: brightness, contrast or saturation.

    Another light changes all three channels, by as much as the ground changed.
    """
    rim = _rim()
    yield np.clip(colours * (goal[rim].mean(axis=0) + 1) / (colours[rim].mean(axis=0) + 1), 0, 255)
    grey = (colours @ _LUMA)[:, None]
    for amount in _AMOUNTS:
        for still in (0.0, grey.mean(), grey):
            yield np.clip(still + amount * (colours - still), 0, 255)


def _burnt(colours: Array) -> Mask:
    return np.asarray((colours.max(axis=1) >= _CLIPPED) & (colours @ _LUMA < _BRIGHT))


def _keeps_colour(colours: Array) -> Mask:
    return np.asarray((colours.max(axis=1) < _CLIPPED) & (colours @ _LUMA > _DARK))


def _is_thing(cells: Mask) -> bool:
    """Tell whether cells lie together, not along edges or in letters."""
    square = np.pad(cells.reshape(_CELLS, _CELLS), 1)
    around = [square[y : y + _CELLS, x : x + _CELLS] for y in range(3) for x in range(3)]
    return bool(np.logical_and.reduce(around).sum() >= _A_THING)


def _cells(pixels: NDArray[np.generic], low: Array, size: Array) -> Array:
    """Return the colours of a window at _CELLS a side, float32 (cells, 3)."""
    height, width = pixels.shape[:2]
    down = cell_weights(height, low[:, 1], size[:, 1], _CELLS, min_width=1.0)[0]
    across = cell_weights(width, low[:, 0], size[:, 0], _CELLS, min_width=1.0)[0]
    rows = np.tensordot(down, pixels.astype(np.float32), axes=(1, 0))
    cells = np.tensordot(rows, across, axes=(1, 1))
    return np.asarray(np.moveaxis(cells, 1, 2).reshape(-1, 3), np.float32)


def _tone_rest(model: Array, tones: Array) -> Array:
    """Return what the likeliest edit of the tones leaves: a gamma, a gain and an offset."""
    best = np.full(len(tones), np.inf, np.float32)
    for gamma in _GAMMAS:
        curved = 255 * (np.clip(model, 0, 255) / 255) ** gamma
        raised = _GAINS[:, None] * curved
        offsets = np.median(tones - raised, axis=1, keepdims=True)
        rests = np.abs(tones - np.clip(raised + offsets, 0, 255))
        means = rests.mean(axis=1)
        if means.min() < best.mean():
            best = rests[means.argmin()]
    return np.asarray(best, np.float32)


def _chroma_rest(first: Array, second: Array) -> Array:
    """Return how far the chroma of cells is from that of an edit: more or less, warmer or cooler.

    0 everywhere if one of the pictures is grey.
    """
    one, other = _chroma(first), _chroma(second)
    if any(np.quantile(np.abs(c), 0.98) < _NO_COLOUR for c in (one, other)):
        return np.zeros(len(first), np.float32)
    if (one**2).sum() < (other**2).sum():
        first, one, other = second, other, one
    light = (first @ _LUMA / 255)[:, None]
    gain, tint = np.float32(1), np.zeros(2, np.float32)
    for _ in range(4):
        rest = other - gain * one - tint * light
        near = np.linalg.norm(rest, axis=1)
        keep = near <= np.quantile(near, 0.85)
        weights = max(float((light[keep] ** 2).sum()), 1e-3)
        tint = np.clip(tint + (rest * light)[keep].sum(axis=0) / weights, -_TINT, _TINT)
        lit = other - tint * light
        gain = (one * lit)[keep].sum() / max(float((one[keep] ** 2).sum()), 1e-3)
        gain = np.clip(gain, *_SATURATIONS)
    rest = np.linalg.norm(other - gain * one - tint * light, axis=1)
    return np.asarray(np.minimum(rest, np.linalg.norm(other - one, axis=1)), np.float32)


def _chroma(colours: Array) -> Array:
    """Return blue and red less the luma, (cells, 2)."""
    luma = colours @ _LUMA
    return np.stack([colours[:, 2] - luma, colours[:, 0] - luma], axis=1)
