"""ICC profiles made in memory for pictures that name their colours without one.

PNG (cICP, gAMA, cHRM), HEIC and AVIF (nclx) and EXIF say in a few numbers what a profile says in
full. Written as a profile, LittleCMS converts all of them in the same way.

Numbers of primaries and transfer curves are those of ITU-T H.273, tables 2 and 3.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

_Pair = tuple[float, float]
_Row = tuple[float, float, float]
_Matrix = tuple[_Row, _Row, _Row]

_D65, _C, _DCI = (0.3127, 0.3290), (0.310, 0.316), (0.314, 0.351)
_D50_XYZ = (0.9642, 1.0, 0.8249)

PRIMARIES: dict[int, tuple[_Pair, _Pair, _Pair, _Pair]] = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), _C),
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    8: ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), _C),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    10: ((1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (1 / 3, 1 / 3)),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _DCI),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),
}
"""Chromaticities (x, y) of red, green, blue and white."""

SRGB_PRIMARIES, SRGB_CURVE = 1, 13
_ADOBE_RGB = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), _D65)
_ADOBE_GAMMA = 563 / 256

# Encoders write BT.709 and its like for pictures that are meant for ordinary screens.
_LIKE_SRGB = {1, 2, 6, 13, 14, 15}
_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}
_PQ, _HLG = 16, 18
_CURVE_POINTS = 4096

_WHITE_NITS = 203.0
"""Brightness of white paper in HDR pictures (ITU-R BT.2408)."""
_PEAK = 1000.0 / _WHITE_NITS
_KNEE = 0.5
"""Below this share of white, brightness stays; above it, all up to 1,000 nits is rolled off."""


@dataclass(frozen=True)
class Curve:
    """From stored values to light, both 0 to 1: a power, or points at equal steps."""

    gamma: float = 0.0
    points: tuple[float, ...] = ()


def adobe_rgb() -> bytes:
    """Return a profile for Adobe RGB (1998)."""
    return profile(_ADOBE_RGB, Curve(_ADOBE_GAMMA))


@cache
def coded(primaries: int, transfer: int) -> bytes | None:
    """Return a profile for numbers of ITU-T H.273; None for sRGB and for unknown numbers."""
    places = PRIMARIES.get(primaries, PRIMARIES[SRGB_PRIMARIES])
    if transfer in _LIKE_SRGB and places in (PRIMARIES[1], PRIMARIES[5]):
        return None
    curve = _curve(transfer)
    return profile(places, curve) if curve else None


def measured(chromaticities: tuple[float, ...] | None, exponent: float | None) -> bytes | None:
    """Return a profile for what PNG's cHRM (white, red, green, blue) and gAMA say.

    `exponent` turns light into stored values. Returns None where it is about that of sRGB.
    """
    places, plain = PRIMARIES[SRGB_PRIMARIES], True
    if chromaticities and len(chromaticities) == 8:
        pairs = list(zip(chromaticities[::2], chromaticities[1::2], strict=True))
        plain = all(
            abs(a - b) < 0.005
            for found, usual in zip(pairs, (places[3], *places[:3]), strict=True)
            for a, b in zip(found, usual, strict=True)
        )
        places = places if plain else (pairs[1], pairs[2], pairs[3], pairs[0])
    usual = exponent is None or abs(exponent - 1 / 2.2) < 0.01
    if usual and plain:
        return None
    return profile(places, srgb_curve() if usual else Curve(1 / (exponent or 1)))


def _curve(transfer: int) -> Curve | None:
    if transfer in _LIKE_SRGB:
        return srgb_curve()
    if transfer in _GAMMAS:
        return Curve(_GAMMAS[transfer])
    light = {_PQ: _pq, _HLG: _hlg}.get(transfer)
    return _sampled(lambda value: _roll_off(light(value))) if light else None


def srgb_curve() -> Curve:
    """Return the curve of sRGB."""
    return _sampled(lambda v: v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4)


def _sampled(light: Callable[[float], float]) -> Curve:
    last = _CURVE_POINTS - 1
    return Curve(points=tuple(light(i / last) for i in range(_CURVE_POINTS)))


def _pq(value: float) -> float:
    """Return the light of SMPTE ST 2084 as a multiple of white."""
    root = value ** (1 / 78.84375)
    part = max(root - 0.8359375, 0.0) / (18.8515625 - 18.6875 * root)
    return float(10_000 * part ** (1 / 0.1593017578125) / _WHITE_NITS)


def _hlg(value: float) -> float:
    """Return the light of hybrid log-gamma (ITU-R BT.2100) on a screen of 1,000 nits."""
    if value <= 0.5:
        scene = value * value / 3
    else:
        scene = (math.exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return float(1000 * scene**1.2 / _WHITE_NITS)


def _roll_off(light: float) -> float:
    """Bring light up to `_PEAK` into 0 to 1; it is smooth, and nothing below the knee changes."""
    if light <= _KNEE:
        return light
    over = min((light - _KNEE) / (_PEAK - _KNEE), 1.0)
    slope = (_PEAK - _KNEE) / (1 - _KNEE)
    return _KNEE + (1 - _KNEE) * over * slope / (1 + (slope - 1) * over)


# --- the file format (ICC.1:2010) -------------------------------------------------------------


def profile(places: tuple[_Pair, _Pair, _Pair, _Pair], curve: Curve) -> bytes:
    """Return an ICC profile for RGB with these primaries and white, and one curve for all three.

    Raises ZeroDivisionError or ValueError for primaries that span no colours.
    """
    columns = _adapted(places)
    tags = {b"desc": _text("made by Scry"), b"cprt": _text("none"), b"wtpt": _xyz(_D50_XYZ)}
    for colour, column in zip((b"r", b"g", b"b"), columns, strict=True):
        tags |= {colour + b"XYZ": _xyz(column), colour + b"TRC": _encoded(curve)}
    offset, table, data = 128 + 4 + 12 * len(tags), b"", b""
    for name, body in tags.items():
        table += struct.pack(">4sII", name, offset + len(data), len(body))
        data += body + bytes(-len(body) % 4)
    size = offset + len(data)
    header = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x04300000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H4s28x", 2024, 1, 1, 0, 0, 0, b"acsp")
    header += struct.pack(">3i", *map(_fixed, _D50_XYZ))
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data


def _fixed(value: float) -> int:
    return round(value * 65536)


def _xyz(values: _Row) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *map(_fixed, values))


def _text(text: str) -> bytes:
    head = struct.pack(">II2s2sII", 1, 12, b"en", b"US", 2 * len(text), 28)
    return b"mluc\0\0\0\0" + head + text.encode("utf-16-be")


def _encoded(curve: Curve) -> bytes:
    if curve.gamma:
        return b"para\0\0\0\0" + struct.pack(">HHi", 0, 0, _fixed(curve.gamma))
    values = [min(max(round(point * 65535), 0), 65535) for point in curve.points]
    return b"curv\0\0\0\0" + struct.pack(f">I{len(values)}H", len(values), *values)


# --- from chromaticities to the colours of the profile ----------------------------------------

_BRADFORD: _Matrix = (
    (0.8951, 0.2664, -0.1614),
    (-0.7502, 1.7135, 0.0367),
    (0.0389, -0.0685, 1.0296),
)


def _adapted(places: tuple[_Pair, _Pair, _Pair, _Pair]) -> _Matrix:
    """Return XYZ of red, green and blue, adapted from their white to D50 (Bradford)."""
    red, green, blue, white = (_light_of(place) for place in places)
    by_column = _transposed((red, green, blue))
    shares = _times(_inverse(by_column), white)
    seen, wanted = _times(_BRADFORD, white), _times(_BRADFORD, _D50_XYZ)
    back = _inverse(_BRADFORD)

    def adapt(colour: _Row) -> _Row:
        cones = _times(_BRADFORD, colour)
        long, middle, short = (c * w / s for c, w, s in zip(cones, wanted, seen, strict=True))
        return _times(back, (long, middle, short))

    shared = zip((red, green, blue), shares, strict=True)
    scaled = [(x * share, y * share, z * share) for (x, y, z), share in shared]
    return (adapt(scaled[0]), adapt(scaled[1]), adapt(scaled[2]))


def _light_of(place: _Pair) -> _Row:
    """Return XYZ of a chromaticity with Y = 1; with Y = 0 where y is 0, as for X and Z alone."""
    x, y = place
    return (x / y, 1.0, (1 - x - y) / y) if y > 0 else (x, y, 1 - x - y)


def _transposed(rows: _Matrix) -> _Matrix:
    return tuple(zip(*rows, strict=True))  # type: ignore[return-value]


def _times(rows: _Matrix, column: _Row) -> _Row:
    return tuple(sum(a * b for a, b in zip(row, column, strict=True)) for row in rows)  # type: ignore[return-value]


def _inverse(m: _Matrix) -> _Matrix:
    (a, b, c), (d, e, f), (g, h, i) = m
    size = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    rows = (
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    return tuple(tuple(value / size for value in row) for row in rows)  # type: ignore[return-value]
