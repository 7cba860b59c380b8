"""Papers laid on a table and photographed: turned, unevenly lit, with a shadow, noise and JPEG."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageFilter

Random = np.random.Generator
Colour = tuple[int, int, int]


def colour(random: Random, low: int = 20, high: int = 200) -> Colour:
    """Return a random colour between two levels."""
    red, green, blue = (int(part) for part in random.integers(low, high, 3))
    return red, green, blue


def ground(random: Random, width: int, height: int, low: int, high: int) -> Image.Image:
    """Return a soft gradient between two colours."""
    one, two = np.array(colour(random, low, high)), np.array(colour(random, low, high))
    angle = random.uniform(0, 2 * np.pi)
    down, across = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    share = np.clip(np.cos(angle) * across + np.sin(angle) * down, 0, 1)[..., None]
    return Image.fromarray((one * (1 - share) + two * share).astype(np.uint8))


def _table(random: Random, width: int, height: int) -> Image.Image:
    """Return a table top: boards of wood, cloth or stone."""
    base = np.array(colour(random, 40, 220), np.float32)
    if random.random() < 0.6:
        base = np.array([random.uniform(90, 200), random.uniform(60, 140), random.uniform(30, 90)])
    coarse = random.normal(0, 1, (max(height // 8, 1), max(width // 160, 1)))
    grain = Image.fromarray((coarse * 30 + 128).clip(0, 255).astype(np.uint8))
    bands = np.asarray(grain.resize((width, height), Image.Resampling.BICUBIC), np.float32) - 128
    fine = random.normal(0, random.uniform(2, 10), (height, width))
    pixels = base + (bands * random.uniform(0.1, 0.6) + fine)[..., None]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def photographed(paper: Image.Image, random: Random) -> Image.Image:
    """Return a paper as a telephone sees it on a table, as JPEG, some 900 pixels wide."""
    width, height = (900, 675) if random.random() < 0.6 else (675, 900)
    scene = _table(random, width, height)
    paper = paper.convert("RGBA").rotate(random.normal(0, 9), expand=True,
                                         resample=Image.Resampling.BICUBIC)  # fmt: skip
    share = random.uniform(0.6, 0.97)
    scale = share * min(width / paper.width, height / paper.height)
    paper = paper.resize((int(paper.width * scale), int(paper.height * scale)))
    corners = random.uniform(0, 0.08, 8) * np.array([*paper.size] * 4)
    quad = [(corners[0], corners[1]), (corners[2], paper.height - corners[3]),
            (paper.width - corners[4], paper.height - corners[5]),
            (paper.width - corners[6], corners[7])]  # fmt: skip
    whole = [(0, 0), (0, paper.height), (paper.width, paper.height), (paper.width, 0)]
    paper = paper.transform(paper.size, Image.Transform.PERSPECTIVE, _perspective(quad, whole),
                            Image.Resampling.BICUBIC)  # fmt: skip
    at = (int((width - paper.width) * random.uniform(0.2, 0.8)),
          int((height - paper.height) * random.uniform(0.2, 0.8)))  # fmt: skip
    shade = Image.new("RGBA", paper.size, (0, 0, 0, 0))
    shade.putalpha(paper.getchannel("A").point(lambda value: value * 120 // 255))
    shadow = Image.new("RGBA", scene.size, (0, 0, 0, 0))
    shadow.paste(shade, (at[0] + 8, at[1] + 10))
    scene.paste(shadow.filter(ImageFilter.GaussianBlur(9)),
                mask=shadow.filter(ImageFilter.GaussianBlur(9)).getchannel("A"))  # fmt: skip
    scene.paste(paper, at, paper.getchannel("A"))
    return _camera(scene, random)


def _perspective(
    shown: list[tuple[float, float]], whole: list[tuple[int, int]]
) -> tuple[float, ...]:
    """Return Pillow's coefficients that map the corners where a paper is shown to its own."""
    rows, right = [], []
    for (x, y), (u, v) in zip(shown, whole, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    return tuple(np.linalg.solve(np.array(rows, float), np.array(right, float)).tolist())


def _camera(scene: Image.Image, random: Random) -> Image.Image:
    blurred = scene.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.1)))
    pixels = np.asarray(blurred, np.float32)
    height, width = pixels.shape[:2]
    down, across = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    light = 1 - random.uniform(-0.25, 0.25) * (across - 0.5) - random.uniform(-0.3, 0.3) * down
    warm = np.array([1 + random.uniform(0, 0.08), 1, 1 - random.uniform(0, 0.12)])
    noise = random.normal(0, random.uniform(1, 5), pixels.shape)
    shown = (pixels * light[..., None] * warm * random.uniform(0.75, 1.08) + noise).clip(0, 255)
    stream = io.BytesIO()
    Image.fromarray(shown.astype(np.uint8)).save(
        stream, "JPEG", quality=int(random.integers(70, 93))
    )
    return Image.open(io.BytesIO(stream.getvalue())).convert("RGB")
