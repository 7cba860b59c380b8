"""Where two aligned pictures differ more than saving one of them again can explain.

Agreement says how much is equal; it cannot see the one number that was changed on a page. So both
pictures are brought to one grid and to each other's levels, and what is left is compared, window
by window, with the structure that the window has. A window that shows the same has little left,
however the picture was compressed. One that shows something else has as much left as it shows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gallery.decoding.fingerprint import cell_weights, grey
from search.duplicates.find.alignment import Array, overlap

Mask = NDArray[np.bool_]

_MIN_SIDE = 32  # cells a side
_STEP = 8  # grey levels of a bin of the tone curve
_SLOPE = 0.3  # of the tone curve, at least
_BINS = 256 // _STEP
_FINE, _LEVELS = 0.5, 512  # of a grey level, to which its median in a bin is found, and how many
_MIN_SHARE = 2e-4  # of the cells, which a bin needs to count
_NOISE = 36.0  # squared grey levels that compression leaves anywhere
_STRUCTURE = 100.0  # squared grey levels from which a window has something to compare


@dataclass(frozen=True, eq=False)
class Compared:
    """Two pictures on one grid, float32 (rows, columns), 0 to 255, and how they differ.

    `rest` is what is left over of the structure in the window around each cell: 0 where both show
    the same, about 1.4 where they show two things, and 0 where neither shows anything
    (`structured` is False). `window` is the side of a window in cells.
    """

    first: Array
    second: Array
    rest: Array
    structured: Mask
    window: int

    def usual(self) -> float:
        """Return what is usually left over, by which the quality of the worse one can be told."""
        rest = self.rest[self.structured]
        return float(np.median(rest)) if rest.size else 0.0


class Grid(NamedTuple):
    """How finely to compare.

    At most `most` cells a side, `sharpness` cells per pixel of the less detailed picture, and
    windows of `window` cells a side, an odd number.
    """

    most: int
    sharpness: float
    window: int


def compare(a: Array, b: Array, scale: Array, shift: Array, grid: Grid) -> Compared:
    """Compare two grey pictures (height, width), aligned by `scale` and `shift`, (1, 2) each."""
    first, second = on_one_grid(a, b, scale, shift, grid)
    forth, structure = _rest(first, second, grid.window)
    back, other = _rest(second, first, grid.window)
    structured = (np.maximum(structure, other) > _STRUCTURE) & _within(forth.shape, grid.window)
    rest = np.where(structured, np.minimum(forth, back), np.float32(0))
    return Compared(first, second, rest, structured, grid.window)


def on_one_grid(a: Array, b: Array, scale: Array, shift: Array, grid: Grid) -> tuple[Array, Array]:
    """Return the part that both pictures show, at the rows and columns of the grid.

    The last two axes are height and width; there may be others before.
    """
    low, high = overlap(scale, shift)
    size, other_size = high - low, (high - low) * scale
    other_low = np.clip(scale * low + shift, 0, 1)
    pixels = np.minimum(size[0] * a.shape[:-3:-1], other_size[0] * b.shape[:-3:-1])
    columns, rows = np.clip(grid.sharpness * pixels, _MIN_SIDE, grid.most).astype(int)
    first = _cut(a, low, size, rows, columns)
    return first, _cut(b, other_low, other_size, rows, columns)


def _within(shape: tuple[int, ...], window: int) -> Mask:
    """Return the cells whose whole window is in the picture: a crop cuts through what is there."""
    inside, half = np.zeros(shape, np.bool_), window // 2
    inside[half:-half, half:-half] = True
    return inside


def _cut(picture: Array, low: Array, size: Array, rows: int, columns: int) -> Array:
    """Return the window of a picture at rows x columns."""
    height, width = picture.shape[-2:]
    down = cell_weights(height, low[:, 1], size[:, 1], rows, min_width=1.0)[0]
    across = cell_weights(width, low[:, 0], size[:, 0], columns, min_width=1.0)[0]
    return np.asarray(down @ picture @ across.T, np.float32)


def _rest(model: Array, picture: Array, window: int) -> tuple[Array, Array]:
    """Return how much of `picture` the `model` leaves unexplained, and its structure."""
    expected = tones_matched(picture, model)
    left = box_mean((picture - expected) ** 2, window)
    structure = np.maximum(_variance(picture, window), _variance(expected, window))
    return np.sqrt(np.maximum(left, 0) / (structure + _NOISE)), structure


def tones_matched(picture: Array, model: Array, known: Mask | None = None) -> Array:
    """Return `model` with the tones of `picture`: brighter, flatter or as it may be.

    One rising curve for all cells, so that no place can be made equal on its own. With `known`, it
    is drawn by these cells, and tones that they do not have are as far from it as they were.
    """
    chosen = np.ones(model.shape, np.bool_) if known is None else known
    curve = _tone_curve(picture[chosen], model[chosen])
    return model if curve is None else _drawn(model, curve, beyond=known is not None)


def tones_about_matched(picture: Array, model: Array, known: Mask | None = None) -> Array:
    """Return what `tones_matched` does, to about one level and much faster.

    The curve is drawn by every fourth cell and read at whole levels.
    """
    few = np.s_[::2, ::2]
    chosen = np.ones(model[few].shape, np.bool_) if known is None else known[few]
    curve = _tone_curve(picture[few][chosen], model[few][chosen])
    if curve is None:
        return model
    table = _drawn(np.arange(256, dtype=np.float32), curve, beyond=known is not None)
    return np.asarray(table[np.clip(np.rint(model), 0, 255).astype(np.uint8)], np.float32)


_Curve = tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]


def _drawn(tones: Array, curve: _Curve, *, beyond: bool) -> Array:
    """Return the levels of tones; with `beyond`, the curve goes on at its ends."""
    known, levels = curve
    more = tones - np.clip(tones, known[0], known[-1]) if beyond else np.float32(0)
    return np.asarray(np.interp(tones, known, levels) + more, np.float32)


def _tone_curve(wanted: Array, own: Array) -> _Curve | None:
    """Return tones of `own` and the levels that the same cells have in `wanted`."""
    own, wanted = np.clip(own, 0, 255).ravel(), np.clip(wanted, 0, 255).ravel()
    bins = (own / _STEP).astype(np.int32)
    fine = (wanted * (1 / _FINE)).astype(np.int32)
    # Counted, not sorted: each row is how often a bin has each level.
    counts = np.bincount(bins * _LEVELS + fine, minlength=_BINS * _LEVELS)
    counts = counts.reshape(_BINS, _LEVELS)
    weights = counts.sum(axis=1)
    used = weights > max(_MIN_SHARE * own.size, 1)
    if not used.any():
        return None
    tones = np.bincount(bins, weights=own, minlength=_BINS)[used] / weights[used]
    middles = (counts[used].cumsum(axis=1) * 2 < weights[used][:, None]).sum(axis=1)
    return tones, _rising(tones, (middles + 0.5) * _FINE, weights[used])


def _rising(
    tones: NDArray[np.floating[Any]],
    levels: NDArray[np.floating[Any]],
    weights: NDArray[np.floating[Any]],
) -> NDArray[np.floating[Any]]:
    """Return levels that rise with the tones, by `_SLOPE` at least, drawn from the middle one on.

    A flatter curve would make two tones one, and explain away whatever has a tone of its own: the
    black letters on a pale photograph. Only the ends of the scale cut tones off.
    """
    middle = int(np.searchsorted(weights.cumsum(), weights.sum() / 2))
    rising = levels.copy()
    for place in range(middle + 1, len(tones)):
        step = _SLOPE * (tones[place] - tones[place - 1])
        rising[place] = min(max(rising[place], rising[place - 1] + step), 255)
    for place in range(middle - 1, -1, -1):
        step = _SLOPE * (tones[place + 1] - tones[place])
        rising[place] = max(min(rising[place], rising[place + 1] - step), 0)
    return rising


def _variance(picture: Array, window: int) -> Array:
    mean = box_mean(picture, window)
    return np.asarray(np.maximum(box_mean(picture**2, window) - mean**2, 0), np.float32)


def box_mean(picture: Array, window: int) -> Array:
    """Return the mean of the window (of an odd side) around each cell."""
    half = window // 2
    framed = np.pad(picture.astype(np.float64), ((half + 1, half), (half + 1, half)), mode="edge")
    framed[0] = framed[:, 0] = 0
    sums = framed.cumsum(axis=0).cumsum(axis=1)
    total = sums[window:, window:] - sums[:-window, window:]
    total += sums[:-window, :-window] - sums[window:, :-window]
    return np.asarray(total / window**2, np.float32)


# --- verdicts -------------------------------------------------------------------------------------

# Of 500 photos with 31 changes and of made papers, copies have no place in which more is left.
_PAGE = Grid(most=1024, sharpness=0.9, window=7)
_PHOTO = Grid(most=256, sharpness=0.6, window=7)
_STROKES = Grid(most=512, sharpness=1.0, window=7)
_DIFFERS, _AT_LEAST, _TIMES_USUAL = 0.8, 0.6, 4.0
_UNREADABLE = 0.65  # usually left over; such a copy proves nothing
_FULL, _BRIGHT = 250, 225.0  # levels of the fullest channel and of the grey
_FEW = 0.06  # of a window
_ANOTHER_TONE = 5.0  # grey levels
_OTHER_SHADE = 8.0  # grey levels between means of places
_SOME_INK, _NINTHS = 0.001, 3  # share of the cells, and ninths of a page that have ink


def of_pages(a: Array, b: Array, scale: Array, shift: Array) -> Compared:
    """Compare two aligned pages in grey at the scale of their letters."""
    return compare(a, b, scale, shift, _PAGE)


def of_photos(
    a: Array, b: Array, scale: Array, shift: Array, burnt: tuple[Array, Array] | None = None
) -> Compared:
    """Compare two aligned photographs in grey, of at most 512 px, at the scale of things.

    `burnt` says which pixels of each lost their colour (`burnt_out`); there, nothing is compared
    if one picture is brighter than the other, or has more contrast.
    """
    compared = compare(a, b, scale, shift, _PHOTO)
    if burnt is None or _tone_change(compared) < _ANOTHER_TONE:
        return compared
    low, high = overlap(scale, shift)
    lost = np.maximum(
        _cut(burnt[0], low, high - low, *compared.rest.shape),
        _cut(
            burnt[1], np.clip(scale * low + shift, 0, 1), (high - low) * scale, *compared.rest.shape
        ),
    )
    known = box_mean(lost, compared.window) < _FEW
    return replace(compared, rest=compared.rest * known, structured=compared.structured & known)


def of_strokes(a: Array, b: Array, scale: Array, shift: Array) -> Compared:
    """Compare two aligned photographs in grey as finely as their thumbnails allow."""
    return compare(a, b, scale, shift, _STROKES)


def colours_of_strokes(
    a: NDArray[np.uint8], b: NDArray[np.uint8], scale: Array, shift: Array
) -> tuple[Array, Array]:
    """Return two aligned photographs (height, width, 3) on the grid of `of_strokes`.

    The colours come first: (3, rows, columns).
    """
    one, other = (np.moveaxis(pixels, 2, 0).astype(np.float32) for pixels in (a, b))
    return on_one_grid(one, other, scale, shift, _STROKES)


def _tone_change(compared: Compared) -> float:
    """Return by how many grey levels the tones of the two pictures differ on average."""
    expected = tones_matched(compared.second, compared.first)
    return float(np.abs(expected - compared.first).mean())


def burnt_out(pixels: NDArray[np.uint8]) -> Array:
    """Return 1.0 for pixels (height, width, 3) with a channel at its end in spite of their grey.

    Brightening cuts off one channel before the others, which changes the grey as no curve does.
    """
    # One channel after another: NumPy is slow along a short last axis.
    fullest = np.maximum(np.maximum(pixels[..., 0], pixels[..., 1]), pixels[..., 2])
    return np.asarray((fullest >= _FULL) & (grey(pixels) < _BRIGHT), np.float32)


def is_one_page(compared: Compared) -> bool:
    """Tell whether two pages say the same: there is ink to compare, and no letter differs."""
    ink = compared.structured
    ninths = (part.mean() for rows in np.array_split(ink, 3) for part in np.array_split(rows, 3, 1))
    enough = sum(share > _SOME_INK for share in ninths) >= _NINTHS
    if not enough or compared.usual() >= _UNREADABLE or differing(compared, 1).any():
        return False
    return not _has_other_shade(compared)


def _has_other_shade(compared: Compared) -> bool:
    """Tell whether a place is darker in one picture than in the other, be it ever so even.

    A mark behind a line, the bricks of another wall: there are no strokes in it to be compared.
    """
    first, second = compared.first, compared.second
    gaps = (second - tones_matched(second, first), first - tones_matched(first, second))
    rest = np.minimum(*(np.abs(box_mean(gap, compared.window)) for gap in gaps))
    return bool(_eroded(rest > _OTHER_SHADE, compared.window).any())


def differing(compared: Compared, margin: int = 2) -> Mask:
    """Return the middles of the places in which the pictures differ, `margin` cells inside them."""
    limit = np.clip(_TIMES_USUAL * compared.usual(), _AT_LEAST, _DIFFERS)
    return _eroded(compared.rest > limit, 2 * margin + 1)


def _eroded(mask: Mask, side: int) -> Mask:
    """Return the cells all of whose neighbours in a square are in the mask."""
    return ~grown(~mask, side)


def grown(mask: Mask, side: int) -> Mask:
    """Return the cells that have one of the mask in the square around them."""
    half, (height, width) = side // 2, mask.shape
    rows = np.pad(mask, ((half, half), (0, 0)))
    tall = np.logical_or.reduce([rows[y : y + height] for y in range(side)])
    columns = np.pad(tall, ((0, 0), (half, half)))
    return np.asarray(np.logical_or.reduce([columns[:, x : x + width] for x in range(side)]))
