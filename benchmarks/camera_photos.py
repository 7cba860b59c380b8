"""JPEGs with the size, the detail and the noise of a camera's photos, for the benchmarks of speed.

What is decoded costs more the more detail it has, so pictures that are enlarged or smooth would
flatter every program. These have detail at all sizes, down to the pixel, and noise: one of 12
megapixels takes 3 MB. They show coloured shapes, or what the photos of a folder show. Models take
any two drawings of shapes for much alike, so only with such a folder does comparing them cost what
it costs with photos.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIZES: dict[float, tuple[int, int]] = {
    0.2: (512, 384),
    2: (1600, 1200),
    12: (4000, 3000),
    24: (6000, 4000),
    48: (8000, 6000),
}
"""Width and height by megapixels."""
QUALITY = 90
_OCTAVES = (6, 12, 24, 48, 96, 192, 400, 900)
_STRONGEST, _WEAKER = (9.0, 40.0), 0.62  # grey levels of the coarsest octave; each finer one
_NOISE = 5.0  # grey levels, as at ISO 400


def photo(seed: int, megapixels: float, scene: Path | None = None) -> Image.Image:
    """Return a picture of that many megapixels, one of `SIZES`, that shows shapes or a scene."""
    width, height = SIZES[megapixels]
    dice = np.random.default_rng(seed)
    if scene is None:
        coarse = _shapes(dice, width, height)
        strength = dice.uniform(*_STRONGEST)
    else:
        with Image.open(scene) as picture:
            coarse = picture.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
        strength = _STRONGEST[0]
    layers = np.asarray(coarse, np.float32)
    for cells in _OCTAVES:
        grid = dice.random((max(2, height * cells // width), cells, 3)) * 255
        octave = Image.fromarray(grid.astype(np.uint8)).resize((width, height))
        layers = layers + (np.asarray(octave, np.float32) - 127) * (strength / 127)
        strength *= _WEAKER
    layers += dice.normal(0, _NOISE, (height, width, 1)).astype(np.float32)
    return Image.fromarray(np.clip(layers, 0, 255).astype(np.uint8))


def _shapes(dice: np.random.Generator, width: int, height: int) -> Image.Image:
    """Return shapes in colours that go together, from a few large ones to many small ones."""
    hue, spread = dice.random(), dice.random() / 2

    def colour() -> tuple[int, ...]:
        shade = (hue + spread * dice.normal()) % 1, dice.random(), dice.random() ** 0.7
        return tuple(int(255 * part) for part in colorsys.hsv_to_rgb(*shade))

    image = Image.new("RGB", (width, height), colour())
    draw = ImageDraw.Draw(image)
    for _ in range(dice.integers(2, 40)):
        x, y = dice.random(2) * (width, height)
        wide, high = dice.random(2) ** 2 * (width, height) * 0.6
        box = (x - wide, y - high, x + wide, y + high)
        corners = [tuple(dice.random(2) * (width, height)) for _ in range(dice.integers(3, 7))]
        kinds = (
            lambda box=box: draw.ellipse(box, fill=colour()),
            lambda box=box: draw.rectangle(box, fill=colour()),
            lambda corners=corners: draw.polygon(corners, fill=colour()),
        )
        kinds[dice.integers(len(kinds))]()
    return image


def write_photos(
    folder: Path, count: int, megapixels: float, *, first: int = 0, scenes: Sequence[Path] = ()
) -> list[Path]:
    """Write `count` different photos into a folder, those with seeds from `first`; return them.

    They show the scenes, if there are any, the one of the number `first` first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{megapixels:g}-{seed:05}.jpg" for seed in range(first, first + count)]
    for seed, path in enumerate(paths, start=first):
        if not path.exists():
            scene = scenes[seed % len(scenes)] if scenes else None
            part = path.with_suffix(".part")
            photo(seed, megapixels, scene).save(part, "JPEG", quality=QUALITY)
            part.rename(path)
    return paths
