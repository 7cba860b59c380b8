"""Pictures that are as busy as photographs, made from a seed: shapes over cloudy ground."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps


def scene(seed: int, size: tuple[int, int] = (480, 360), *, moved: int = 0) -> Image.Image:
    """Return a picture that no other seed gives; `moved` shifts one of its things by pixels."""
    random = np.random.default_rng(seed)
    ground = sum(_clouds(random, size, cells) * (24 / cells) for cells in (3, 6, 12, 24, 48, 96))
    image = Image.fromarray(np.clip(ground + 110, 0, 255).astype(np.uint8), "RGB")
    draw = ImageDraw.Draw(image)
    for place in range(9):
        x, y = random.integers(0, size[0]), random.integers(0, size[1])
        w, h = random.integers(24, 150), random.integers(24, 150)
        shift = moved if place == 8 else 0
        corners = (x - w // 2 + shift, y - h // 2, x + w // 2 + shift, y + h // 2)
        box = [int(corner) for corner in corners]
        colour = tuple(int(c) for c in random.integers(0, 256, 3))
        (draw.ellipse if place % 2 else draw.rectangle)(box, fill=colour, outline="black", width=3)
    return image


def _clouds(random: np.random.Generator, size: tuple[int, int], cells: int) -> np.ndarray:
    rough = random.normal(0, 14, (cells, cells, 3)).clip(-60, 60)
    tile = Image.fromarray((rough + 128).astype(np.uint8), "RGB").resize(
        size, Image.Resampling.BICUBIC
    )
    return np.asarray(tile, np.float32) - 128


def saved(image: Image.Image, format_name: str = "JPEG", **options: object) -> Image.Image:
    """Return the picture as it is after being written and read."""
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return Image.open(buffer).convert("RGB")


def _resized(image: Image.Image, factor: float) -> Image.Image:
    return image.resize((int(image.width * factor), int(image.height * factor)))


def _cropped(image: Image.Image, left: float, top: float, right: float, low: float) -> Image.Image:
    width, height = image.size
    return image.crop((int(width * left), int(height * top), int(width * right), int(height * low)))


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "jpeg 30": lambda image: saved(image, quality=30),
    "webp": lambda image: saved(image, "WEBP", quality=60, method=0),
    "quarter": lambda image: saved(_resized(image, 0.25), quality=85),
    "double": lambda image: saved(_resized(image, 2)),
    "cropped corner": lambda image: saved(_cropped(image, 0, 0, 0.8, 0.8)),
    "cropped side": lambda image: saved(_cropped(image, 0.2, 0, 1, 1)),
    "grey": lambda image: saved(image.convert("L").convert("RGB")),
    "brighter": lambda image: saved(ImageEnhance.Brightness(image).enhance(1.25)),
    "flatter": lambda image: saved(ImageEnhance.Contrast(image).enhance(0.75)),
    "written upon": lambda image: saved(written_upon(image)),
    "quarter turn": lambda image: saved(image.rotate(90, expand=True)),
    "upside down": lambda image: saved(image.rotate(180)),
    "mirrored": lambda image: saved(ImageOps.mirror(image)),
}
"""What leaves a picture the same picture."""


def written_upon(image: Image.Image) -> Image.Image:
    """Return the picture with a small text in a corner, as cameras and web sites put there."""
    image = image.copy()
    font = ImageFont.load_default(image.height // 20)
    draw = ImageDraw.Draw(image)
    draw.text(
        (image.height // 30, image.height * 0.92), "2024-05-31 18:30", fill="white", font=font
    )
    return image
