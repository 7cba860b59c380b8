"""How much detail two pictures of one thing really hold, whatever their sizes in pixels.

A picture that was blown up has more pixels and nothing in them. So both pictures are laid on one
grid, as fine as the finer of them, and compared frequency by frequency in small blocks. Where they
say the same, both hold the detail. Where they do not, the one that holds clearly more than noise
has it. Up to where a picture keeps up is the detail that it really holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.duplicates.find.alignment import Array

_BLOCK, _HOP = 128, 64  # pixels of the grid
_BANDS = _BLOCK // 2
_LOW = slice(2, 7)  # bands that every picture of the thing must show alike
_FOR_SHIFT = _BANDS // 3  # bands that the shift of a block is told by
_FARTHEST = 6  # pixels of the grid that a block may be shifted by
_ALIKE, _ALIKE_LOW = 0.6, 0.8  # coherence of a band, and of the low ones
_MORE = 2.0  # energies; less than twice as much may be noise
_NOISE = 0.5  # grey levels: what rounding to whole levels leaves, and a little more
_NATURAL = 0.05  # of the energy that a natural picture has; less is what an encoder left
# Finer than the other's pixels, in shares of its finest detail: there a picture made from the other
# still echoes it (0.6 to 0.9), because no way of enlarging is perfect, and a real one does not
# (0.2 to 0.45). A copy that was reduced carelessly is echoed as well, but then there is no drop.
_JUST_BELOW, _JUST_BEYOND = (0.6, 0.9), (1.1, 1.4)
_ECHO, _DROP = 0.5, 0.6
_KEEPS_UP = 0.8  # share of the bands below
_LOBES = 3  # of the Lanczos kernel

Complex = NDArray[np.complex64]
Numbers = NDArray[np.floating[Any]]
Spectrum = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sharpness:
    """Up to which share of the grid's finest detail each picture keeps up, 0 to 1.

    `blown_up` says that the picture with more pixels was made from the other one.
    """

    first: float
    second: float
    blown_up: bool = False


def compare(first: Array, second: Array, stored: tuple[float, float]) -> Sharpness | None:
    """Compare two grey pictures (height, width; 0 to 255) of one thing on one grid.

    They may be off by some pixels. `stored` says how many pixels each has for one of the grid, at
    most 1. Returns None where they are too small or too unlike to tell.
    """
    if min(first.shape) < _BLOCK:
        return None
    a, b = _spectra(first), _spectra(second)
    b = _shifted_onto(a, b)
    both, power_a, power_b = _by_band(a, b)
    cross, of_a, of_b = both.sum(axis=0), power_a.sum(axis=0), power_b.sum(axis=0)
    coherence = cross / np.sqrt(np.maximum(of_a * of_b, 1e-9))
    if coherence[_LOW].min() < _ALIKE_LOW:
        return None
    gain = cross[_LOW].sum() / of_b[_LOW].sum()
    own_a, own_b = _beyond_noise(power_a), _beyond_noise(power_b) * gain**2
    alike = (coherence >= _ALIKE) & _holds(min(stored))
    real_a, real_b = _is_real(own_a), _is_real(own_b)
    larger = own_a if stored[0] >= stored[1] else own_b
    blown_up = _is_echo(coherence, larger, min(stored))
    if blown_up:
        stored = (min(stored), min(stored))
    # Where both say the same it is there, however faint it is in one of them.
    common = alike & (real_a | real_b)
    keeps_a = common | (real_a & (own_a >= _MORE * own_b) & _holds(stored[0]))
    keeps_b = common | (real_b & (own_b >= _MORE * own_a) & _holds(stored[1]))
    return Sharpness(_reach(keeps_a), _reach(keeps_b), blown_up)


def _is_echo(coherence: Spectrum, larger: Spectrum, stored: float) -> bool:
    """Tell whether the picture with more pixels, of this energy, was made from the other one."""
    below, beyond = (
        slice(*(min(round(stored * _BANDS * share), _BANDS) for share in shares))
        for shares in (_JUST_BELOW, _JUST_BEYOND)
    )
    if beyond.start >= beyond.stop or below.start >= below.stop:
        return False
    natural = larger * np.arange(1, _BANDS + 1) ** 3.0
    drops = natural[beyond].mean() < _DROP * natural[below].mean()
    return bool(drops and coherence[beyond].mean() >= _ECHO)


def _holds(stored: float) -> NDArray[np.bool_]:
    """Tell which bands a picture with so many pixels for one of the grid can hold at all."""
    return np.asarray(np.arange(1, _BANDS + 1) <= np.ceil(stored * _BANDS), np.bool_)


def resample(
    picture: Array,
    starts: tuple[float, float],
    sizes: tuple[float, float],
    shape: tuple[int, int],
) -> Array:
    """Return a window of a grey picture at another size, by Lanczos interpolation.

    The window begins at `starts` and is `sizes` long, (down, across), in pixels of the picture.
    """
    tall = _along_rows(picture, starts[0], sizes[0], shape[0])
    return np.ascontiguousarray(_along_rows(tall.T, starts[1], sizes[1], shape[1]).T)


def _along_rows(picture: Array, start: float, size: float, count: int) -> Array:
    """Return `count` rows made of the rows of a picture from `start` on."""
    step = size / count
    reach = _LOBES * max(1.0, step)
    centres = start + (np.arange(count) + 0.5) * step - 0.5
    first = np.ceil(centres - reach).astype(int)
    result = np.zeros((count, picture.shape[1]), np.float32)
    total = np.zeros((count, 1), np.float32)
    for tap in range(int(2 * reach) + 1):
        at = (first + tap - centres) / max(1.0, step)
        weight = np.where(np.abs(at) < _LOBES, np.sinc(at) * np.sinc(at / _LOBES), 0.0)
        weight = weight.astype(np.float32)[:, None]
        result += weight * picture[np.clip(first + tap, 0, len(picture) - 1)]
        total += weight
    return np.asarray(result / total, np.float32)


# --- blocks and bands -----------------------------------------------------------------------------


def _spectra(picture: Array) -> Complex:
    """Return the spectra of overlapping blocks, (n, _BLOCK, _BLOCK / 2 + 1)."""
    window = np.hanning(_BLOCK).astype(np.float32)
    window = np.outer(window, window) / np.sqrt((np.outer(window, window) ** 2).sum())
    blocks = np.lib.stride_tricks.sliding_window_view(picture, (_BLOCK, _BLOCK))[::_HOP, ::_HOP]
    blocks = blocks.reshape(-1, _BLOCK, _BLOCK)
    centred = blocks - blocks.mean(axis=(1, 2), keepdims=True)
    return np.asarray(np.fft.rfft2(centred * window), np.complex64)


def _frequencies() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Return frequency down and across in cycles per pixel, and the band of each coefficient."""
    down = np.asarray(np.fft.fftfreq(_BLOCK)[:, None], np.float64)
    across = np.asarray(np.fft.rfftfreq(_BLOCK)[None, :], np.float64)
    return down, across, np.asarray(np.rint(np.hypot(down, across) * _BLOCK), np.int64)


def _shifted_onto(a: Complex, b: Complex) -> Complex:
    """Return the blocks of `b`, each shifted so that its coarse detail lies on that of `a`.

    Only coarse bands are looked at, so that noise in the fine ones is not made to agree.
    """
    down, across, band = _frequencies()
    cross = np.where((band > 0) & (band <= _FOR_SHIFT), a * np.conj(b), 0)
    surface = np.fft.irfft2(cross, s=(_BLOCK, _BLOCK))
    near = np.roll(surface, (_FARTHEST, _FARTHEST), axis=(1, 2))
    near = near[:, : 2 * _FARTHEST + 1, : 2 * _FARTHEST + 1]
    peak = near.reshape(len(near), -1).argmax(axis=1)
    y, x = np.divmod(peak, 2 * _FARTHEST + 1)
    y, x = np.clip(y, 1, 2 * _FARTHEST - 1), np.clip(x, 1, 2 * _FARTHEST - 1)
    n = np.arange(len(near))
    dy = y - _FARTHEST + _vertex(near[n, y - 1, x], near[n, y, x], near[n, y + 1, x])
    dx = x - _FARTHEST + _vertex(near[n, y, x - 1], near[n, y, x], near[n, y, x + 1])
    ramp = np.exp(-2j * np.pi * (down * dy[:, None, None] + across * dx[:, None, None]))
    return np.asarray(b * ramp, np.complex64)


def _vertex(before: Numbers, at: Numbers, after: Numbers) -> Numbers:
    """Return where between the neighbours a parabola has its top, -0.5 to 0.5."""
    bend = before - 2 * at + after
    offset = np.where(bend < 0, (before - after) / np.where(bend < 0, 2 * bend, 1.0), 0.0)
    return np.asarray(np.clip(offset, -0.5, 0.5))


def _by_band(a: Complex, b: Complex) -> tuple[Spectrum, Spectrum, Spectrum]:
    """Return what both say alike, and the energy of each, per block and band."""
    band = _frequencies()[2].ravel()
    rings = np.stack([band == number for number in range(1, _BANDS + 1)], axis=1).astype(np.float64)
    rings /= rings.sum(axis=0)
    products = (np.real(a * np.conj(b)), np.abs(a) ** 2, np.abs(b) ** 2)
    both, of_a, of_b = (values.reshape(len(a), -1) @ rings for values in products)
    return both, of_a, of_b


def _beyond_noise(power: Spectrum) -> Spectrum:
    """Return the mean energy of each band beyond that of the smoothest blocks."""
    floor = np.quantile(power, 0.1, axis=0)
    return np.asarray(np.maximum(power.mean(axis=0) - floor, 0.0))


def _is_real(energy: Spectrum) -> NDArray[np.bool_]:
    """Tell in which bands there is more than rounding and encoding leave behind.

    The energy of natural pictures falls with the third power of the frequency at most, and that
    of pictures that were blown up much faster.
    """
    bands = np.arange(1, _BANDS + 1)
    natural = np.median(energy[_LOW] * bands[_LOW] ** 3.0)
    return np.asarray((energy > _NOISE**2) & (energy * bands**3.0 >= _NATURAL * natural))


def _reach(keeps: NDArray[np.bool_]) -> float:
    """Return the share of the bands up to the last below which nearly all are kept."""
    shares = np.cumsum(keeps) / np.arange(1, _BANDS + 1)
    good = np.flatnonzero(keeps & (shares >= _KEEPS_UP))
    return float(good[-1] + 1) / _BANDS if len(good) else 0.0
