"""Pairs of one picture under two captions, made from seeds: other words in the same place and ink.

The ground under the words is never of the colour of the ink, so that a person can read them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from tests.papers import Colour, Random, font_of, words
from tests.scenes import saved, scene

_SHADES: dict[str, tuple[Colour, float]] = {
    "white": ((255, 255, 255), 0.0),
    "black": ((0, 0, 0), 0.45),
    "red": ((230, 30, 30), 0.3),
    "outlined": ((255, 255, 255), 0.2),
}
"""The ink, and the share of grey in the picture behind it."""

INKS = tuple(_SHADES)
PLACES: dict[str, tuple[float, float, str]] = {
    "top": (0.5, 0.03, "ma"),
    "bottom": (0.5, 0.97, "md"),
    "corner": (0.03, 0.97, "ld"),
}


def _two(random: Random) -> tuple[str, str]:
    return words(random, 2), words(random, 3)


def _short_and_long(random: Random) -> tuple[str, str]:
    return words(random, 1), words(random, 4)


def _begun(random: Random) -> tuple[str, str]:
    short = words(random, 1)
    return short, f"{short} {words(random, 2)}"


TEXTS: dict[str, Callable[[Random], tuple[str, str]]] = {
    "short and long": _short_and_long,
    "begun": _begun,
    "other words": _two,
}


def captions(seed: int, ink: str, place: str, texts: str) -> tuple[Image.Image, Image.Image]:
    """Return one picture of 640 x 480 under two captions."""
    random = np.random.default_rng(seed)
    colour, pale = _SHADES[ink]
    ground = scene(int(random.integers(10**6)), (640, 480))
    ground = Image.blend(ground, Image.new("RGB", ground.size, (128, 128, 128)), pale)
    x, y, anchor = PLACES[place]
    font = font_of(random, random.uniform(24, 34))
    edge = 2 if ink == "outlined" else 0
    pictures = []
    for text in TEXTS[texts](random):
        image = ground.copy()
        at = (640 * x, 480 * y)
        draw = ImageDraw.Draw(image)
        draw.text(at, text, colour, font, anchor, stroke_width=edge, stroke_fill=(0, 0, 0))
        pictures.append(saved(image, quality=90))
    return pictures[0], pictures[1]
