"""Whether two aligned pictures both have letters of one ink in the line in which they differ.

A caption and another one differ by strokes, as a photograph and the same one with a caption do. But
there the picture with fewer letters has none in that line, of the colour of the others' ink, or as
many beside it, where what is behind goes on. This holds for two captions of any length, and for one
that begins with the other. A poor copy blurs coloured ink, but hardly the grey of it.

The tones of the pictures are matched without that line. A curve drawn by the letters as well would
take the letters of one picture for what is behind those of the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from search.duplicates.find.alignment import Array
from search.duplicates.find.difference import Mask, box_mean, grown, tones_about_matched

_STRONG = 25.0  # levels between two cells, beyond their gradient
_LEVELS = (_STRONG, 2 * _STRONG)  # the higher one for a poor copy, which differs a little anywhere
_RIM = 3  # cells
_FEWEST = 15  # cells that differ, below which there is nothing to be read
_AROUND, _DENSE = 9, 0.1  # cells a side, and the share of them that differ in a line
_TALL, _IN_LINE = 0.2, 0.8  # of the longer side; share of what differs
_BESIDE = 3  # heights of the line, in which the letters that both have go on
_THIN = 2.5  # a stroke is thinner than the line's height divided by this
_STANDS_OUT, _MORE = 30.0, 20.0  # levels of a stroke before its ground; more than the other has
_ONE_INK = 35.0  # levels of a channel
_ANY, _LETTERED = 8, 0.04  # cells, and share of the strokes of the picture with more of them
_NEW = 0.12  # of the strokes are on one picture only
_NEAR = 7  # cells a side around those, in which both pictures show what was blurred
_AGREE, _OWN_AGREE = 0.85, 0.65  # correlations of one line of letters and a poor copy of it
_IN_FRONT = 2.0  # times as many in the line as beside it, where what is behind goes on
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_COLOURED = 4.0  # levels between the channels of a pixel, on average


@dataclass(frozen=True, eq=False)
class Line:
    """A line of cells in which two pictures differ: rows, or columns if `upright`."""

    low: int
    high: int
    start: int
    end: int
    upright: bool

    @property
    def height(self) -> int:
        return self.high - self.low


def have_letters(first: Array, second: Array) -> bool:
    """Tell whether both pictures, (3, rows, columns) on one grid, have letters where they differ.

    False as well if there is no line in which they differ. Ink may be told from what is behind it
    by its hue alone, so each channel is asked that differs nearly as much as the one that differs
    most.
    """
    first, second = _channels(first, second)
    rests = [_rest(one, other) for one, other in zip(first, second, strict=True)]
    lines = [_line_of(rest) for rest in rests]
    outside = _without(lines, first.shape[1:])
    if outside.all():
        return False
    pairs = zip(first, second, strict=True)
    second = np.stack([tones_about_matched(one, other, known=outside) for one, other in pairs])
    found = [
        _strokes(first, second, channel, line)
        for channel, line in enumerate(lines)
        if line is not None
    ]
    most = max(strokes.new for strokes in found)
    return any(strokes.are_shared() for strokes in found if strokes.new >= most / 2)


@dataclass(frozen=True, eq=False)
class _View:
    """A picture (channels, rows, columns) around a line, and how much its cells stand out.

    `thin` is this of the channel that is looked at, `grey` of grey: darker cells are negative.
    """

    picture: Array
    thin: Array
    grey: Array


@dataclass(frozen=True)
class _Strokes:
    """Cells of ink in a line: of the picture with more, of the other one, and on one only.

    `beside` are those that the other one has in as many cells around the line. The agreements are
    correlations of what both show there, in the channel and in grey.
    """

    written: int = 0
    read: int = 0
    new: int = 0
    beside: float = 0.0
    own_agreement: float = 0.0
    agreement: float = 0.0

    def are_shared(self) -> bool:
        """Tell whether the other picture has letters too, and not the same ones blurred."""
        enough = max(_ANY, _LETTERED * self.written, _IN_FRONT * self.beside)
        blurred = self.agreement >= _AGREE and self.own_agreement >= _OWN_AGREE
        return self.read >= enough and self.new >= _NEW * self.written and not blurred


def _channels(first: Array, second: Array) -> tuple[Array, Array]:
    """Return grey and, if both have colours, red, green and blue: (channels, rows, columns)."""
    coloured = all(_is_coloured(picture) for picture in (first, second))
    one, other = (
        np.concatenate([np.tensordot(_LUMA, picture, 1)[None], picture[: 3 if coloured else 0]])
        for picture in (first, second)
    )
    return one, other


def _is_coloured(picture: Array) -> bool:
    few = picture[:, ::4, ::4]
    return bool((few.max(axis=0) - few.min(axis=0)).mean() > _COLOURED)


def _strokes(first: Array, second: Array, channel: int, line: Line) -> _Strokes:
    if line.upright:
        first, second = first.swapaxes(1, 2), second.swapaxes(1, 2)
    inside = np.zeros(first.shape[1:], np.bool_)
    inside[line.low : line.high] = True
    margin = _odd(line.height / _THIN, least=5)
    beside = _BESIDE * line.height
    around = margin + line.height
    rows = slice(max(0, line.low - around), line.high + around)
    columns = slice(max(0, line.start - beside), line.end + beside)
    place = inside[rows, columns]
    pictures = first[:, rows, columns], second[:, rows, columns]
    greys = [_thin(picture[0], margin) - _thin(-picture[0], margin) for picture in pictures]
    beyond = ~grown(place, 2 * margin + 1)
    counts: list[_Strokes] = []
    for sign in (1, -1):
        one, other = (
            _View(sign * picture, _thin(sign * picture[channel], margin), grey)
            for picture, grey in zip(pictures, greys, strict=True)
        )
        counts += [_count(*views, place, beyond, channel) for views in ((one, other), (other, one))]
    return max(counts, key=lambda strokes: strokes.new)


def _without(lines: Sequence[Line | None], shape: tuple[int, ...]) -> Mask:
    """Return the cells that are in none of the lines."""
    outside = np.ones(shape, np.bool_)
    for line in lines:
        if line is not None:
            (outside.T if line.upright else outside)[line.low : line.high] = False
    return outside


def _rest(first: Array, second: Array) -> Array:
    """Return by how many levels cells differ beyond tones and a shift of half a cell."""
    inside = np.s_[_RIM:-_RIM, _RIM:-_RIM]
    rest = np.zeros_like(first)
    rest[inside] = np.abs(second - tones_about_matched(second, first))[inside]
    if (rest > _STRONG).sum() < _FEWEST:
        return rest
    back = np.abs(tones_about_matched(first, second) - first)
    edges = np.minimum(_gradient(first), _gradient(second))
    return np.asarray(np.minimum(rest, back) - edges, np.float32)


def _gradient(picture: Array) -> Array:
    down, across = np.gradient(picture)
    return np.asarray(np.hypot(down, across), np.float32)


def _line_of(rest: Array) -> Line | None:
    lines = (_line(rest > level) for level in _LEVELS)
    return next((line for line in lines if line is not None), None)


def _line(differing: Mask) -> Line | None:
    """Return the line that has nearly all that differs, or None."""
    count = int(differing.sum())
    if count < _FEWEST:
        return None
    least = _IN_LINE * count
    dense = box_mean(differing.astype(np.float32), _AROUND) > _DENSE
    for upright in (False, True):
        cells, marked = (differing.T, dense.T) if upright else (differing, dense)
        full = np.asarray(marked.any(axis=1), np.bool_)
        if not full.any():
            return None
        peak = int(np.argmax(cells.sum(axis=1) * full))
        ends = np.flatnonzero(~full)
        low = int(ends[ends < peak].max(initial=-1)) + 1
        high = int(ends[ends > peak].min(initial=len(full)))
        if high - low <= _TALL * max(differing.shape) and cells[low:high].sum() >= max(
            _FEWEST, least
        ):
            columns = np.flatnonzero(cells[low:high].any(axis=0))
            return Line(low, high, int(columns[0]), int(columns[-1]) + 1, upright)
    return None


def _count(writer: _View, reader: _View, inside: Mask, around: Mask, channel: int) -> _Strokes:
    """Count strokes that are brighter than their ground and of the ink that is new in `writer`."""
    level = writer.picture[channel]
    own = np.abs(level - reader.picture[channel]) > _STRONG
    new = inside & own & (writer.thin > _STANDS_OUT) & (writer.thin > reader.thin + _MORE)
    if new.sum() < _ANY:
        return _Strokes()
    pure = new & (level >= np.quantile(level[new], 0.8))
    ink = np.median(writer.picture[:, pure], axis=1)[:, None, None]
    height = np.quantile(writer.thin[new], 0.6) / 2
    written, seen = (
        (np.abs(view.picture - ink).max(axis=0) < _ONE_INK) & (view.thin > height)
        for view in (writer, reader)
    )
    near = inside & grown(new, _NEAR)
    return _Strokes(
        written=int((written & inside).sum()),
        read=int((seen & inside).sum()),
        new=int(new.sum()),
        beside=float((seen & around).sum() * inside.sum() / max(around.sum(), 1)),
        own_agreement=_correlation(*(box_mean(view.thin, 3)[near] for view in (writer, reader))),
        agreement=_correlation(writer.grey[near], reader.grey[near]),
    )


def _correlation(one: Array, other: Array) -> float:
    one, other = one - one.mean(), other - other.mean()
    return float((one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum() + 1))


def _thin(picture: Array, side: int) -> Array:
    """Return by how much cells are brighter than what is left if all that is thinner is erased."""
    opened = _slid(_slid(picture, side, np.minimum.reduce), side, np.maximum.reduce)
    return picture - np.minimum(opened, picture)


def _slid(picture: Array, side: int, choose: Callable[[list[Array]], Any]) -> Array:
    """Return the least or the largest of the square around each cell."""
    half, (height, width) = side // 2, picture.shape
    rows = np.pad(picture, ((half, half), (0, 0)), mode="edge")
    tall = np.asarray(choose([rows[y : y + height] for y in range(side)]), np.float32)
    columns = np.pad(tall, ((0, 0), (half, half)), mode="edge")
    return np.asarray(choose([columns[:, x : x + width] for x in range(side)]), np.float32)


def _odd(number: float, least: int) -> int:
    return max(least, int(number)) // 2 * 2 + 1
