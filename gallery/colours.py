"""Names of the main colours of a picture.

Each pixel gets one of twelve names by its place in OKLab, where equal steps look equal (Björn
Ottosson, "A perceptual color space for image processing", 2020, which the matrices are from). The
bounds between the names were set by eye on the named colours of CSS and on photos.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NAMES = (
    "red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "brown", "black",
    "white", "grey",
)  # fmt: skip

LEAST_SHARE = 0.15
"""Share of a picture that makes a colour one of its main colours."""

LEAST_VIVID_SHARE = 0.06
"""The same for colours other than black, white, grey and brown, which catch the eye."""

MOST = 4
"""Colour names per picture."""

_DULL = frozenset({"black", "white", "grey", "brown"})
_SAMPLES = 96  # pixels sampled along the longer side

# Upper bounds of hue in degrees, from 0 on, and the names below them.
_HUES = (
    (10, "pink"), (41, "red"), (82, "orange"), (119, "yellow"), (165, "green"), (215, "teal"),
    (285, "blue"), (322, "purple"), (360, "pink"),
)  # fmt: skip

_LEVELS = np.arange(256) / 255
_LINEAR = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4)
"""The light of each level of sRGB (IEC 61966-2-1)."""

_TO_LMS = np.array([
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
])  # fmt: skip
_TO_LAB = np.array([
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
])  # fmt: skip


def main_colours(pixels: NDArray[np.uint8]) -> list[str]:
    """Return the names of the main colours of a picture, the largest share first.

    `pixels` is uint8 of shape (height, width, 3), sRGB; at least one name is returned.
    """
    step = max(1, -(-max(pixels.shape[:2]) // _SAMPLES))
    names = _nearest_names(pixels[step // 2 :: step, step // 2 :: step].reshape(-1, 3))
    if not len(names):
        names = _nearest_names(pixels.reshape(-1, 3))
    counts = np.bincount(names, minlength=len(NAMES))
    shares = counts / counts.sum()
    order = np.argsort(-shares, kind="stable").tolist()
    main = [NAMES[place] for place in order if shares[place] >= _least_share(NAMES[place])]
    return (main or [NAMES[order[0]]])[:MOST]


def column(names: list[str]) -> str:
    """Return names as `Photo.colours` holds them: ",blue,white,", or "," for none."""
    return f",{','.join(names)}," if names else ","


def from_column(text: str) -> list[str]:
    """Return the names that a value of `Photo.colours` holds."""
    return [name for name in text.split(",") if name]


def name_of(red: int, green: int, blue: int) -> str:
    """Return the name of one sRGB colour, each part from 0 to 255."""
    return NAMES[int(_nearest_names(np.array([[red, green, blue]], np.uint8))[0])]


def _least_share(name: str) -> float:
    return LEAST_SHARE if name in _DULL else LEAST_VIVID_SHARE


def _nearest_names(colours: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return the index in `NAMES` for each colour, a row of (n, 3)."""
    light, chroma, hue = _oklch(colours)
    bounds = np.array([bound for bound, _ in _HUES[:-1]])
    by_hue = np.array([NAMES.index(name) for _, name in _HUES])
    names = by_hue[np.searchsorted(bounds, hue, side="right")]
    names = _correct_shades(names, light, chroma, hue)
    # The darker a colour, the less of it is seen.
    plain = chroma < np.select([light < 0.45, light > 0.93], [0.045, 0.045], 0.03)
    grey = np.where(light > 0.9, NAMES.index("white"), NAMES.index("grey"))
    names = np.where(plain, grey, names)
    dark = (light < 0.24) | (plain & (light < 0.32)) | ((light < 0.3) & (chroma < 0.06))
    return np.where(dark, NAMES.index("black"), names)


def _correct_shades(
    names: NDArray[np.intp], light: NDArray[np.float64], chroma: NDArray[np.float64],
    hue: NDArray[np.float64],
) -> NDArray[np.intp]:  # fmt: skip
    """Return the names with light reds as pink, dark pinks as red or purple, and browns."""
    names = np.where((hue < 35) & (light > 0.7), NAMES.index("pink"), names)
    names = np.where((hue < 10) & (light < 0.55), NAMES.index("red"), names)
    names = np.where((hue >= 322) & (hue < 345) & (light < 0.55), NAMES.index("purple"), names)
    dull = (light < 0.82) & (chroma < 0.09) | (light < 0.68) & (chroma < 0.13) & (hue >= 30)
    brown = (hue >= 15) & (hue < 100) & (dull | (light < 0.55) & (hue >= 41))
    return np.where(brown, NAMES.index("brown"), names)


def _oklch(
    colours: NDArray[np.uint8],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return lightness (0..1), chroma and hue (degrees, 0..360) of sRGB rows (n, 3)."""
    light, a, b = (np.cbrt(_LINEAR[colours] @ _TO_LMS.T) @ _TO_LAB.T).T
    return light, np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360
