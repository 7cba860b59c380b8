"""Which of two photos of one picture holds more of it: detail, colour, all of it, and nothing else.

Measured on the renditions of both, laid over each other, and for detail on a window of the
originals at their full size. Every figure is one of two, for the first photo and the second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery.decoding.fingerprint import SIDE, grey, shrink
from search.duplicates.find import alignment as alignments, ancestry, borders, overlaid, sharpness
from search.duplicates.find.alignment import Array

Pixels = NDArray[np.uint8]
Box = tuple[float, float, float, float]
"""Left, top, width and height, as fractions of the upright picture."""
Part = Callable[[Box], Pixels | None]
"""Returns what is inside a box, uint8 (height, width, 3), at most `WINDOW` a side, or None."""
Pair = tuple[float, float]

WINDOW = 512
"""Pixels a side of the window that detail is measured in."""

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)

_SAME_THING = 0.8  # correlation of the aligned pictures, below which nothing is compared
_CELLS, _COARSE = 128, 64  # a side, that the pictures are aligned and compared at
_ALL = 0.97  # of a side: what is cut off less is the alignment's error
_EXTREME = 2.0  # grey levels from the lightest or the darkest that count as burnt out
_TONES = 12.0  # grey levels that the other picture shows there
_OVEREXPOSED, _ABOUT_AS_LARGE = 0.03, 1.3  # share of the picture; ratio of the longer sides
_MIRRORED = 4  # the first of the mirrored turns
_BURNT = 0.05  # share of the picture, from which tones are too different to look for writing


@dataclass(frozen=True, eq=False)
class Look:
    """One photo of a pair: its rendition of at most 512 px, uint8 (height, width, 3), its size in
    pixels, and how to read a part of the original."""

    small: Pixels
    width: int
    height: int
    part: Part


@dataclass(frozen=True)
class Quality:
    """What sets two photos of one picture apart, each figure for the first and the second.

    `detail` is the number of pixels along the longer side of the picture that a photo really holds,
    None where that cannot be told; `blown_up` is 1.0 for one made from the other with more pixels
    and no more in them. `colour` is the deviation of colour from grey in levels.
    `framed` and `written` are 1.0 for a photo with a border around it, or with text laid over it,
    `mirrored` for one that was mirrored after it had been saved.
    `shown` is the share of the picture that a photo shows, `burnt` the share that is so light or
    so dark that its tones are gone. `light` is the mean grey level.
    """

    colour: Pair
    light: Pair
    detail: Pair | None = None
    blown_up: Pair = (0.0, 0.0)
    framed: Pair = (0.0, 0.0)
    written: Pair = (0.0, 0.0)
    mirrored: Pair = (0.0, 0.0)
    shown: Pair = (1.0, 1.0)
    burnt: Pair = (0.0, 0.0)

    def as_json(self) -> dict[str, Any]:
        """Return the figures as lists, rounded, as they are stored with the pair."""
        return {
            name: [round(float(value), 3) for value in pair]
            for name, pair in asdict(self).items()
            if pair is not None
        }


@dataclass(frozen=True, eq=False)
class _Laid:
    """Two pictures without their borders, the second turned, and how they lie on each other.

    `boxes` are the parts of the renditions inside the borders. A position `u` of the first is
    `scale * u + shift` of the second, as (x, y) in fractions of what is inside the borders.
    """

    pictures: tuple[Array, Array]
    boxes: tuple[Box, Box]
    turn: int
    scale: Array
    shift: Array
    correlation: float = field(default=0.0)

    def common(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """Return low and size (x, y) of what both show, in the first and in the second."""
        low, high = alignments.overlap(self.scale[None], self.shift[None])
        size = (high - low)[0]
        return (low[0], size), (self.scale * low[0] + self.shift, self.scale * size)

    def cells(self, count: int) -> tuple[Array, Array]:
        """Return what both show, in grey, (count, count) each."""
        a, b = (picture[None] for picture in self.pictures)
        left, right, _ = alignments.overlay(a, b, self.scale[None], self.shift[None], count)
        return left[0], right[0]


def measure(first: Look, second: Look, *, detail: bool = True) -> Quality:
    """Return what sets the two apart; with `detail=False` the originals are not read."""
    looks = (first, second)
    quality = Quality(_both(_colour, looks), _both(lambda look: float(_grey(look).mean()), looks))
    laid = _lay(first, second)
    if laid.correlation < _SAME_THING:
        return quality
    burnt = _burnt(looks, laid)
    reach, blown_up = (_detail(looks, laid) if detail else None) or (None, (0.0, 0.0))
    return replace(
        quality,
        detail=_without_exposure(reach, burnt, looks),
        blown_up=blown_up,
        framed=(float(laid.boxes[0] != WHOLE), float(laid.boxes[1] != WHOLE)),
        written=_written(laid, reach, burnt),
        mirrored=_mirrored(looks) if detail and laid.turn >= _MIRRORED else (0.0, 0.0),
        shown=_shown(laid),
        burnt=burnt,
    )


def _both(of: Callable[[Look], float], looks: tuple[Look, Look]) -> Pair:
    return of(looks[0]), of(looks[1])


def _grey(look: Look) -> Array:
    return grey(look.small)


# --- laying one over the other --------------------------------------------------------------------


def _lay(first: Look, second: Look) -> _Laid:
    """Align the pictures inside their borders, if those are borders, else as they are.

    What looks like a border is one if the pictures inside are the same to the edge: the bars of a
    screen look like borders too, and a crop of the screen still shows some of them.
    """
    frames = borders.frame_of(first.small), borders.frame_of(second.small)
    if frames != (WHOLE, WHOLE):
        inside = _align(first, second, frames)
        shares = np.concatenate([size for _, size in inside.common()])
        if inside.correlation >= _SAME_THING and shares.min() >= _ALL:
            return inside
    whole = _align(first, second, (WHOLE, WHOLE))
    frames = _plain_around(whole, (first, second))
    return whole if frames == (WHOLE, WHOLE) else _align(first, second, frames)


def _plain_around(laid: _Laid, looks: tuple[Look, Look]) -> tuple[Box, Box]:
    """Return what each shows inside a border that only the other picture tells from the rest.

    One shows all of the other and, all around it, one colour: so nothing but a border, even where
    the picture itself is dark at the edge.
    """
    (_, first), (_, second) = common = laid.common()
    boxes = [WHOLE, WHOLE]
    for number, (own, other) in enumerate(((first, second), (second, first))):
        if laid.correlation >= _SAME_THING and own.max() < _ALL <= other.min():
            (x, y), (w, h) = _turned_back(*common[number], laid.turn if number else 0)
            if borders.is_plain_outside(looks[number].small, (x, y, w, h)):
                boxes[number] = (x, y, w, h)
    return boxes[0], boxes[1]


def _align(first: Look, second: Look, boxes: tuple[Box, Box]) -> _Laid:
    a, b = (_inside(_grey(look), box) for look, box in zip((first, second), boxes, strict=True))
    prints = [np.rint(shrink(x, SIDE, SIDE)).astype(np.uint8)[None] for x in (a, b)]
    rough = alignments.align(*prints)
    turn = int(rough.turn[0])
    b = np.ascontiguousarray(alignments.apply_turn(b, turn), dtype=np.float32)
    scale, shift = rough.scale, rough.shift
    for cells, rounds in ((_COARSE, 6), (_CELLS, 4)):
        scale, shift = alignments.refine(a[None], b[None], scale, shift, cells, rounds)
    laid = _Laid((a, b), boxes, turn, scale[0], shift[0])
    left, right = laid.cells(_COARSE)
    return replace(laid, correlation=float(alignments.correlation(left[None], right[None])[0]))


def _inside(picture: Array, box: Box) -> Array:
    height, width = picture.shape
    left, top, wide, high = box
    rows = slice(round(top * height), round((top + high) * height))
    return picture[rows, round(left * width) : round((left + wide) * width)]


# --- what the renditions show ---------------------------------------------------------------------


def _colour(look: Look) -> float:
    """Return how much colours deviate from one tint: 0 for grey and for sepia."""
    pixels = look.small.reshape(-1, 3).astype(np.float32)
    luma = _grey(look).reshape(-1)
    centred = luma - luma.mean()
    spread = 0.0
    for channel in (0, 2):
        difference = pixels[:, channel] - luma
        slope = (difference * centred).mean() / max(float((centred**2).mean()), 1e-3)
        spread += float((difference - slope * centred).var())
    return float(np.sqrt(spread))


def _shown(laid: _Laid) -> Pair:
    """Return the share of the picture that each shows, 1 for the one that shows more."""
    sizes = [np.where(size >= _ALL, 1.0, size) for _, size in laid.common()]
    a, b = (float(size.prod()) for size in sizes)
    return min(a, b) / a, min(a, b) / b


def _burnt(looks: tuple[Look, Look], laid: _Laid) -> Pair:
    """Return the share of the cells where one has lost the tones that the other shows.

    A colour that is as strong as it can be is lost, too, so the strongest of each pixel counts.
    """
    strongest = [
        _inside(look.small.max(axis=2).astype(np.float32), box)
        for look, box in zip(looks, laid.boxes, strict=True)
    ]
    turned = np.ascontiguousarray(alignments.apply_turn(strongest[1], laid.turn), np.float32)
    left, right = replace(laid, pictures=(strongest[0], turned)).cells(_CELLS)
    return _lost(left, right), _lost(right, left)


def _lost(picture: Array, other: Array) -> float:
    lost = 0.0
    for extreme in (picture >= picture.max() - _EXTREME, picture <= picture.min() + _EXTREME):
        tones = other[extreme]
        if len(tones) > 1 and np.ptp(np.quantile(tones, (0.1, 0.9))) >= _TONES:
            lost += float(extreme.mean())
    return lost


# --- what the originals hold ----------------------------------------------------------------------


def _mirrored(looks: tuple[Look, Look]) -> Pair:
    """Return 1.0 for the photo that shows the blocks of a JPEG from the wrong side."""
    first, second = _both(_mirrored_trace, looks)
    return float(first - second >= ancestry.CLEARLY), float(second - first >= ancestry.CLEARLY)


def _mirrored_trace(look: Look) -> float:
    wide, high = min(look.width, WINDOW), min(look.height, WINDOW)
    pixels = look.part((0.0, 0.0, wide / look.width, high / look.height))
    # At another size there is no grid; a row or column more or less comes from rounding the box.
    if pixels is None or max(abs(pixels.shape[0] - high), abs(pixels.shape[1] - wide)) > 1:
        return 0.0
    return ancestry.mirrored_trace(grey(pixels), look.width, look.height)


def _written(laid: _Laid, detail: Pair | None, burnt: Pair) -> Pair:
    """Return which picture something was laid over; burnt parts would look like it."""
    if max(burnt) >= _BURNT:
        return 0.0, 0.0
    grain = min(overlaid.CELLS, round(min(detail) / 2)) if detail else overlaid.CELLS
    return overlaid.laid_over(*laid.cells(overlaid.CELLS), max(grain, _COARSE // 2))


def _detail(looks: tuple[Look, Look], laid: _Laid) -> tuple[Pair, Pair] | None:
    """Return the pixels that each really holds along the longer side of all that it shows.

    Also returns which of them was blown up from the other.
    """
    common = laid.common()
    # Pixels (x, y) that each photo has for what both show; the second one as it is turned.
    pixels = [
        size * np.array(_sides(look, box, laid.turn if number else 0))
        for number, ((_, size), look, box) in enumerate(zip(common, looks, laid.boxes, strict=True))
    ]
    finest = np.maximum(*pixels)
    share = np.minimum(1.0, WINDOW / finest)
    corner = _busiest(*laid.cells(_COARSE), share)
    grid = np.rint(finest * share).astype(int)
    shape = (int(grid[1]), int(grid[0]))
    views = [
        _view(look, box, laid.turn if number else 0, low + corner * size, share * size, shape)
        for number, (look, box, (low, size)) in enumerate(
            zip(looks, laid.boxes, common, strict=True)
        )
    ]
    if views[0] is None or views[1] is None:
        return None
    stored = [float((own / finest).mean()) for own in pixels]
    found = sharpness.compare(views[0], views[1], (min(stored[0], 1.0), min(stored[1], 1.0)))
    if found is None:
        return None
    longer = float(finest.max())
    whole = [1 / max(float(size.min()), 0.1) if size.min() < _ALL else 1.0 for _, size in common]
    blown_up = float(found.blown_up)
    return (
        (found.first * longer * whole[0], found.second * longer * whole[1]),
        (blown_up * (stored[0] > stored[1]), blown_up * (stored[1] > stored[0])),
    )


def _without_exposure(detail: Pair | None, burnt: Pair, looks: tuple[Look, Look]) -> Pair | None:
    """Return the detail without the lead that a longer exposure gives: dark parts show more then.

    That does not make up for bright parts that are gone. Only where both have about as many pixels,
    because a copy reduced a lot has lost more than that.
    """
    longer = [max(look.width, look.height) for look in looks]
    if detail is None or max(longer) > _ABOUT_AS_LARGE * min(longer):
        return detail
    poorer = min(detail)
    over = [own - min(burnt) >= _OVEREXPOSED for own in burnt]
    return poorer if over[0] else detail[0], poorer if over[1] else detail[1]


def _sides(look: Look, box: Box, turn: int) -> tuple[float, float]:
    """Return the pixels (x, y) inside a photo's border, as it is turned."""
    wide, high = look.width * box[2], look.height * box[3]
    return (high, wide) if turn % 2 else (wide, high)


def _busiest(left: Array, right: Array, share: Array) -> Array:
    """Return the corner (x, y) of the window, in fractions, where both pictures show most."""
    energies = []
    for picture in (left, right):
        down, across = np.gradient(picture)
        energies.append(np.sqrt(down**2 + across**2))
    busy = np.minimum(*energies)
    count = len(busy)
    wide, high = (min(count, max(1, round(float(part) * count))) for part in share)
    sums = np.pad(busy.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    windows = sums[high:, wide:] - sums[:-high, wide:] - sums[high:, :-wide] + sums[:-high, :-wide]
    y, x = np.unravel_index(int(windows.argmax()), windows.shape)
    return np.minimum(np.array([x, y], np.float32) / count, 1 - share)


def _view(
    look: Look, box: Box, turn: int, low: Array, size: Array, shape: tuple[int, int]
) -> Array | None:
    """Return a window (x, y in fractions of what is inside the border, as turned) on the grid."""
    left, top, wide, high = box
    (x, y), (w, h) = _turned_back(low, size, turn)
    wanted = (left + x * wide, top + y * high, w * wide, h * high)
    # Whole pixels, so that it is known which ones come back.
    edges = _edges(wanted[0], wanted[2], look.width), _edges(wanted[1], wanted[3], look.height)
    pixels = look.part(_box_of(edges, look))
    if pixels is None:
        return None
    picture = np.asarray(grey(pixels))
    starts, sizes = [], []
    for axis, (low_edge, high_edge), length in (
        (1, edges[1], look.height),
        (0, edges[0], look.width),
    ):
        # A photo may come back smaller than its header said.
        scale = picture.shape[1 - axis] / (high_edge - low_edge)
        starts.append((wanted[axis] * length - low_edge) * scale)
        sizes.append(wanted[axis + 2] * length * scale)
    upright = shape if turn % 2 == 0 else (shape[1], shape[0])
    window = sharpness.resample(picture, (starts[0], starts[1]), (sizes[0], sizes[1]), upright)
    return np.ascontiguousarray(alignments.apply_turn(window, turn), dtype=np.float32)


def _edges(low: float, size: float, length: int) -> tuple[int, int]:
    first = min(max(int(np.floor(low * length)), 0), length - 1)
    return first, max(first + 1, min(int(np.ceil((low + size) * length)), length))


def _box_of(edges: Sequence[tuple[int, int]], look: Look) -> Box:
    """Return the box of whole pixels, a little inside their edges so that rounding keeps them."""
    little = 0.01
    (left, right), (top, low) = edges
    x, y = (left + little) / look.width, (top + little) / look.height
    return x, y, (right - little) / look.width - x, (low - little) / look.height - y


def _turned_back(low: Array, size: Array, turn: int) -> tuple[Pair, Pair]:
    """Return where a window of a turned picture lies in the picture before its turn."""
    x, y, w, h = float(low[0]), float(low[1]), float(size[0]), float(size[1])
    for _quarter in range(turn % 4):
        x, y, w, h = 1 - y - h, x, h, w
    return ((1 - x - w) if turn >= 4 else x, y), (w, h)
