"""Telling words that were laid over a photograph from a thing that came into it.

A date stamp or the name of a web site leaves the photograph what it was. It is one line of thin
strokes, and all of it is on one of the two pictures. An animal, an added object or another text in
the same place is none of that.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from search.duplicates.find.alignment import Array
from search.duplicates.find.difference import (
    Compared,
    Mask,
    box_mean,
    differing,
    grown,
    tones_matched,
)

_SPOT = 8  # cells that may differ, which is less than the smallest thing
_STRONG = 25.0  # grey levels between two cells
_THICK = 7 / 256  # of the longer side; the strokes of writing are thinner
_SPECKS = 5  # cells in which strokes may run together
_WEAK = 0.3  # left over where letters are hard to see
_TALL, _LONG, _FILLED = 0.12, 2.0, 0.4  # of a line: its height, its length in heights, its share
_ONE_WAY, _ONE_SIDED = 0.4, 1.35
_STROKES, _CLEARLY, _BOTH = 3, 2.0, 0.12  # cells; times the energy; share of the places

# Two texts in one ink, told among the strokes of letters. Of 48 photos with words on one side, none
# has more than a tenth of its strokes in the levels of that ink on the other side as well.
_ALIKE = 12.0  # grey levels between cells that show what is behind the letters
_AROUND = 15  # cells a side, within which that is guessed from
_FARTHER = 15.0  # grey levels by which letters deviate more from that than the other picture does
_BARE = 20.0  # grey levels by which what is behind may vary
_ONE_INK = 40.0  # grey levels within which ink is one ink
_OF_INK, _OF_OWN, _LETTER = 0.04, 0.3, 10  # share of the strokes, of the deviations, and cells

Strokes = Callable[[], Compared]
"""Returns the two pictures compared by `difference.of_strokes`."""


def is_one_photo(compared: Compared, strokes: Strokes) -> bool:
    """Tell whether two photographs differ nowhere, or only by words laid over one of them."""
    places = differing(compared)
    return places.sum() < _SPOT or is_writing(compared, strokes)


def overlay_side(compared: Compared) -> str:
    """Return which picture has words laid over it: "first", "second" or "" for none."""
    places = differing(compared)
    if places.sum() < _SPOT:
        return ""
    first, second = _energies(compared, grown(places, compared.window))
    return "first" if first > second else "second"


def is_writing(compared: Compared, strokes: Strokes) -> bool:
    """Tell whether all that differs is a line of words on one of the pictures."""
    places = differing(compared)
    if not places.any():
        return False
    near = grown(places, compared.window)
    gap = _gap(compared)
    strong = (np.abs(gap) > _STRONG) & near
    thick = max(3, round(_THICK * max(places.shape)) // 2 * 2 + 1)
    if (~grown(~strong, thick)).sum() > _SPECKS:
        return False
    seeds = grown(places, 5)
    weak = compared.rest > max(_WEAK, 3 * compared.usual())
    if not (_is_line(seeds, weak) or _is_line(seeds.T, weak.T)):
        return False
    if _shared(compared, near) > _BOTH:
        return False
    first, second = _energies(compared, near)
    one_sided = max(first, second) >= _ONE_SIDED * min(first, second)
    total = max(float(np.abs(gap[strong]).sum()), 1e-3)
    if not one_sided and abs(float(gap[strong].sum())) < _ONE_WAY * total:
        return False
    return not _both_written(strokes(), near)


def _both_written(strokes: Compared, near: Mask) -> bool:
    """Tell whether both pictures have letters in one ink in these places of a coarser grid.

    Where letters are, a picture deviates from what is behind them. With words on one picture only,
    the other one shows what is behind, which is rarely of the colour of the ink.
    """
    first, places = strokes.first, _at(near, strokes.first.shape)
    second = tones_matched(first, strokes.second, known=~places)
    behind = _behind(first, second)
    strong = (np.abs(first - second) > _STRONG) & places
    farther = np.abs(first - behind) - np.abs(second - behind)
    own, other = strong & (farther > _FARTHER), strong & (farther < -_FARTHER)
    one, two, reader = first - behind, second - behind, strokes.second
    writer = strokes.first
    if other.sum() > own.sum():
        own, other, one, two, writer, reader = other, own, two, one, reader, writer
    sign = 1 if (one[own] > 0).sum() * 2 > own.sum() else -1
    inked = own & (sign * one > 0)
    if not inked.any():
        return False
    ink = np.quantile(writer[inked], 0.5 + 0.4 * sign)
    # Beside a letter of the reader the writer shows what is behind; a dark edge around its own
    # letters before a white wall does not.
    other &= np.abs(one) < _BARE
    same = int((other & (sign * two > 0) & (np.abs(reader - ink) < _ONE_INK)).sum())
    least = max(_LETTER, _OF_INK * inked.sum(), _OF_OWN * other.sum())
    return same >= float(least)


def _behind(first: Array, second: Array) -> Array:
    """Return what both pictures show around each cell where they are alike."""
    alike = (np.abs(first - second) < _ALIKE).astype(np.float32)
    around = box_mean((first + second) / 2 * alike, _AROUND)
    return np.asarray(around / np.maximum(box_mean(alike, _AROUND), 1e-3), np.float32)


def _at(mask: Mask, shape: tuple[int, ...]) -> Mask:
    """Return a mask at another number of rows and columns."""
    rows, columns = (
        np.arange(count) * own // count for count, own in zip(shape, mask.shape, strict=True)
    )
    return np.asarray(mask[np.ix_(rows, columns)])


def _shared(compared: Compared, near: Mask) -> float:
    """Return in how many of these places the picture with less in all of them has more, 0 to 0.5.

    Where two texts lie on each other, either has strokes of its own.
    """
    second = tones_matched(compared.first, compared.second)
    one, other = (
        box_mean(_gradient_energy(picture), _STROKES) for picture in (compared.first, second)
    )
    more = (near & (one > _CLEARLY * other + 1)).sum()
    less = (near & (other > _CLEARLY * one + 1)).sum()
    return float(min(more, less) / max(more + less, 1))


def _gap(compared: Compared) -> Array:
    """Return by how many grey levels the cells differ beyond their tones."""
    forth = compared.second - tones_matched(compared.second, compared.first)
    back = tones_matched(compared.first, compared.second) - compared.first
    return np.where(np.abs(forth) < np.abs(back), forth, back)


def _energies(compared: Compared, near: Mask) -> tuple[float, float]:
    """Return how much changes in these places in the first picture and in the second."""
    second = tones_matched(compared.first, compared.second)
    return _energy(compared.first, near), _energy(second, near)


def _energy(picture: Array, near: Mask) -> float:
    return float((_gradient_energy(picture) * near).sum()) + 1.0


def _gradient_energy(picture: Array) -> Array:
    down, across = np.gradient(picture)
    return np.asarray(down**2 + across**2, np.float32)


def _is_line(seeds: Mask, weak: Mask) -> bool:
    """Tell whether all seeds lie in one line, much longer than it is tall.

    Letters that are hard to see belong to it: `weak` cells in the same rows.
    """
    rows = np.flatnonzero(seeds.any(axis=1))
    low, high = int(rows[0]), int(rows[-1]) + 1
    seeded = np.asarray(seeds.any(axis=0), np.bool_)
    columns = np.asarray(weak[low:high].any(axis=0) | seeded, np.bool_)
    start, end = _run_around(columns, seeded, high - low)
    filled = columns[start:end].mean() >= _FILLED
    long = end - start >= _LONG * (high - low)
    return bool(long and filled and high - low <= _TALL * max(seeds.shape))


def _run_around(columns: Mask, seeds: Mask, gap: int) -> tuple[int, int]:
    """Return the range of columns that holds all seeds and what follows within `gap`."""
    places = np.flatnonzero(seeds)
    start, end = int(places[0]), int(places[-1]) + 1
    marked = np.flatnonzero(columns)
    for place in marked[marked >= end]:
        if place - end > gap:
            break
        end = int(place) + 1
    for place in marked[marked < start][::-1]:
        if start - place > gap:
            break
        start = int(place)
    return start, end
