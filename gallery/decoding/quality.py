"""How sharp a picture is, how much of it has lost its tones, and how noisy it is.

All is measured on squares at full size (`gallery.decoding.tiles`), in grey. Sharpness compares the
differences of neighbouring pixels with the deviation of the whole square, so neither light nor
contrast counts. Noise looks like fine detail, so it is estimated first and taken off. What is
shown counts all the same: leaves have more fine detail than a face. So figures of photos of one
scene can be compared. Whether a photo is sharp at all is told by how much finer its finest detail
is than that of the picture at half its size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery.decoding.tiles import SIDE

ENGINE = "tiles-1"
"""The name of this way of measuring; figures of another one are never compared with it."""

Squares = NDArray[np.uint8]
"""Squares of a picture: (rows, columns, SIDE, SIDE)."""
Numbers = NDArray[np.floating[Any]]

_LIGHT, _DARK = 253, 2  # grey levels from which tones are gone; JPEG blurs the ends of the scale
_CENTRE = 0.25  # of each side is cut off around the centre
_QUIET = 0.1  # the share of squares, the smoothest, that tell the noise
# A median deviation in standard deviations of a normal distribution, times the norm of the kernel
# (J. Immerkaer, Fast Noise Variance Estimation, 1996).
_TO_SIGMA = 1 / (0.6745 * 6)
_LEAST = 0.5  # levels; a picture without any differences is not sharp


@dataclass(frozen=True)
class Measured:
    """What was measured of a picture.

    `sharpness` and `centre` (of the inner quarter) say how much neighbouring pixels differ, as a
    share of how much all pixels around differ. `reach` tells how fine the finest detail is: 0.51
    where there is nothing finer than a few pixels, 0.6 and more where pixels stand out.
    `clipped_lights` and `clipped_darks` are shares of the picture. `noise` is a standard deviation
    and `light` a mean, both in grey levels.
    """

    sharpness: float
    centre: float
    clipped_lights: float
    clipped_darks: float
    noise: float
    light: float
    reach: float

    @property
    def rank(self) -> float:
        """By what frames of a burst are compared: the mean of whole and centre, multiplied."""
        return float(np.sqrt(self.sharpness * self.centre))


def measure(squares: Squares) -> Measured | None:
    """Return the figures of a picture from its squares; None if it has none."""
    if not squares.size:
        return None
    rows, columns = squares.shape[:2]
    levels = np.ascontiguousarray(squares).reshape(-1, SIDE, SIDE)
    grey = levels.astype(np.float32)
    noise = _noise(levels)
    fine, whole = _differences(grey, noise), _deviations(grey, noise)
    inner = _inner(rows, columns)
    return Measured(
        sharpness=_ratio(fine, whole),
        centre=_ratio(fine.reshape(rows, columns)[inner], whole.reshape(rows, columns)[inner]),
        clipped_lights=_share(levels >= _LIGHT),
        clipped_darks=_share(levels <= _DARK),
        noise=noise,
        light=float(levels.mean()),
        reach=_ratio(fine, _differences(_halved(grey), noise / 2)),
    )


def squares_of(sheet: NDArray[np.uint8]) -> Squares:
    """Return squares that lie side by side on a sheet (height, width) one by one."""
    rows, columns = sheet.shape[0] // SIDE, sheet.shape[1] // SIDE
    return sheet.reshape(rows, SIDE, columns, SIDE).transpose(0, 2, 1, 3)


def _share(of: NDArray[np.bool_]) -> float:
    return float(np.count_nonzero(of) / of.size)


def _ratio(fine: Numbers, whole: Numbers) -> float:
    return float(fine.sum() / max(float(whole.sum()), _LEAST * whole.size))


def _differences(grey: Numbers, noise: float) -> Numbers:
    """Return the root mean square of the differences of neighbours in each square."""
    across = _mean_squares(grey[:, :, 1:] - grey[:, :, :-1])
    down = _mean_squares(grey[:, 1:] - grey[:, :-1])
    return np.asarray(np.sqrt(np.maximum(across + down - 4 * noise**2, 0)))


def _halved(grey: Numbers) -> Numbers:
    pairs = grey[:, ::2] + grey[:, 1::2]
    return np.asarray((pairs[..., ::2] + pairs[..., 1::2]) / 4)


def _deviations(grey: Numbers, noise: float) -> Numbers:
    from_mean = grey - grey.mean((1, 2), keepdims=True)
    return np.asarray(np.sqrt(np.maximum(_mean_squares(from_mean) - noise**2, 0)))


def _mean_squares(squares: Numbers) -> Numbers:
    flat = squares.reshape(len(squares), -1)
    return np.asarray(np.einsum("ij,ij->i", flat, flat) / flat.shape[1])


def _noise(levels: NDArray[np.uint8]) -> float:
    """Return the noise of the smoothest squares: what no line or gradient explains."""
    whole = levels.astype(np.int16)
    down = whole[:, :-2] - 2 * whole[:, 1:-1] + whole[:, 2:]
    both = down[..., :-2] - 2 * down[..., 1:-1] + down[..., 2:]
    each = _medians(np.abs(both).reshape(len(both), -1)) * _TO_SIGMA
    return float(np.quantile(each, _QUIET))


def _medians(numbers: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return the median of each row of small whole numbers, an even number of them from 0 on.

    It is exact, and counting them takes a quarter of the time of `numpy.median`.
    """
    rows, columns = numbers.shape
    width = int(numbers.max()) + 1
    places = numbers + (np.arange(rows) * width)[:, None]
    counts = np.bincount(places.ravel(), minlength=rows * width).reshape(rows, width)
    below, half = np.cumsum(counts, axis=1), columns // 2
    lower, upper = (below < half).sum(axis=1), (below <= half).sum(axis=1)
    return np.asarray((lower + upper) / 2)


def _inner(rows: int, columns: int) -> tuple[slice, slice]:
    """Return where the centre lies among the squares: at least one of them."""
    cut = [min(round(count * _CENTRE), (count - 1) // 2) for count in (rows, columns)]
    return slice(cut[0], rows - cut[0]), slice(cut[1], columns - cut[1])
