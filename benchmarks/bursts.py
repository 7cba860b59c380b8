"""Simulated bursts: what a hand-held camera sees when it takes several photos within seconds.

Each frame sees the scene from a slightly different place (a homography), something in it has moved
(a part of the picture is displaced smoothly), and light, noise and compression vary. The frames
are similar shots and not the same picture, because they show different moments.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.transforms import opened

SHIFT = 0.03
"""The most that the view, zoom and perspective change between frames, as a share of the frame."""

TILT = 1.5
"""The most that the camera tilts, in degrees."""

MOTION = (0.02, 0.06)
"""How far the moving part moves, as a share of the frame."""

MOVING_AREA = (0.2, 0.4)
"""How much of the frame moves, as a share of its area."""

EXPOSURE = 0.08
NOISE = 3.0  # standard deviation, of 255
INSET = 0.07
"""Cut off at each side, so that no frame shows what lies outside the photo."""

DATE_TIME_ORIGINAL, SUBSEC_ORIGINAL, EXIF_IFD = 0x9003, 0x9291, 0x8769


@dataclass(frozen=True)
class View:
    """Where the camera looks and what moved, in shares of the frame (tilt in radians).

    `perspective` bends the view; `spot`, `radius` and `motion` say what moved where to.
    """

    shift: tuple[float, float] = (0, 0)
    tilt: float = 0
    zoom: float = 1
    perspective: tuple[float, float] = (0, 0)
    spot: tuple[float, float] = (0.5, 0.5)
    radius: tuple[float, float] = (0.3, 0.3)
    motion: tuple[float, float] = (0, 0)
    light: float = 1


def random_view(rng: random.Random) -> View:
    """Return another view of a scene, never so close to the first that nothing differs."""
    area = rng.uniform(*MOVING_AREA)
    aspect = rng.uniform(0.8, 1.25)
    angle, far = rng.uniform(0, 2 * math.pi), rng.uniform(*MOTION)
    return View(
        shift=(_either(rng, SHIFT), _either(rng, SHIFT)),
        tilt=math.radians(_either(rng, TILT)),
        zoom=1 + _either(rng, SHIFT),
        perspective=(_either(rng, SHIFT), _either(rng, SHIFT)),
        spot=(rng.uniform(0.35, 0.65), rng.uniform(0.35, 0.65)),
        # An ellipse of this area, wider or higher.
        radius=(math.sqrt(area / math.pi) * aspect, math.sqrt(area / math.pi) / aspect),
        motion=(far * math.cos(angle), far * math.sin(angle)),
        light=1 + _either(rng, EXPOSURE),
    )


def _either(rng: random.Random, most: float) -> float:
    """Return a number between a quarter of `most` and `most`, or its negative."""
    return rng.choice((-1, 1)) * rng.uniform(most / 4, most)


def frame(pixels: NDArray[np.uint8], view: View, noise: np.random.Generator) -> Image.Image:
    """Return what the view shows of a scene (uint8, height x width x 3), less the inset."""
    height, width = pixels.shape[:2]
    rows, columns = round(height * (1 - 2 * INSET)), round(width * (1 - 2 * INSET))
    y, x = np.mgrid[0:rows, 0:columns]
    x, y = _displace((x + 0.5) / columns, (y + 0.5) / rows, view)
    x, y = _project(x, y, view, width / height)
    inner = 1 - 2 * INSET
    picture = _sample(pixels, (INSET + x * inner) * width, (INSET + y * inner) * height)
    picture = picture * view.light + noise.normal(0, NOISE, picture.shape)
    return Image.fromarray(np.clip(np.rint(picture), 0, 255).astype(np.uint8))


def _displace(
    x: NDArray[np.float64], y: NDArray[np.float64], view: View
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Displace one spot: fully within it, and smoothly less towards its border."""
    away = np.hypot((x - view.spot[0]) / view.radius[0], (y - view.spot[1]) / view.radius[1])
    weight = np.clip(2 * (1 - away), 0, 1)
    weight = weight * weight * (3 - 2 * weight)
    return x - view.motion[0] * weight, y - view.motion[1] * weight


def _project(
    x: NDArray[np.float64], y: NDArray[np.float64], view: View, aspect: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Map shares of the frame by the homography of a camera that moved a little."""
    x, y = (x - 0.5) * aspect, y - 0.5
    depth = view.zoom * (1 + view.perspective[0] * x + view.perspective[1] * y)
    cos, sin = math.cos(view.tilt), math.sin(view.tilt)
    across, down = (cos * x - sin * y) / depth, (sin * x + cos * y) / depth
    return across / aspect + 0.5 + view.shift[0], down + 0.5 + view.shift[1]


def _sample(
    pixels: NDArray[np.uint8], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the colours at these places (in pixels, centres at halves), bilinear."""
    height, width = pixels.shape[:2]
    x, y = np.clip(x - 0.5, 0, width - 1.001), np.clip(y - 0.5, 0, height - 1.001)
    left, top = x.astype(int), y.astype(int)
    right, low = (x - left)[..., None], (y - top)[..., None]
    above = pixels[top, left] * (1 - right) + pixels[top, left + 1] * right
    below = pixels[top + 1, left] * (1 - right) + pixels[top + 1, left + 1] * right
    return np.asarray(above * (1 - low) + below * low, np.float64)


def write(
    source: Path, folder: Path, stem: str, *, frames: int, start: datetime | None, seed: int
) -> list[Path]:
    """Write a burst of the scene that `source` shows; with `start`, EXIF says when each was taken.

    The first frame looks straight at it. Frames are 0.3 to 2 seconds apart.
    """
    rng, noise = random.Random(seed), np.random.default_rng(seed)
    pixels = np.asarray(opened(source))
    views = [View(), *(random_view(rng) for _ in range(frames - 1))]
    paths, moment = [], start
    for number, view in enumerate(views):
        path = folder / f"{stem}-{number}.jpg"
        image = frame(pixels, view, noise)
        exif = Image.Exif()
        if moment is not None:
            details = exif.get_ifd(EXIF_IFD)
            details[DATE_TIME_ORIGINAL] = moment.strftime("%Y:%m:%d %H:%M:%S")
            details[SUBSEC_ORIGINAL] = f"{moment.microsecond // 1000:03}"
            moment += timedelta(seconds=rng.uniform(0.3, 2))
        image.save(path, quality=rng.randint(80, 92), exif=exif)
        paths.append(path)
    return paths
