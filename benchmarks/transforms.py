"""The changes that turn a photo into a duplicate: edits, turns, and several at once."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

Family = Literal["edit", "turned", "combined"]
"""Edits are counted as one; turned pictures and edits one after the other are counted apart."""

Change = Callable[[Image.Image, random.Random], Image.Image]

QUALITY = 90
"""JPEG quality of a changed picture, typical of editors and phones, unless quality is tested."""

ORIENTATION = 0x0112  # EXIF tag; 6 says: turn by 90 degrees clockwise to see it upright
TURN_RIGHT = 6


@dataclass(frozen=True)
class Transform:
    """A change of the pixels and the way in which the result is saved."""

    name: str
    family: Family
    change: Change
    extension: str = "jpg"
    quality: int = QUALITY
    orientation: int = 0

    def write(self, source: Path, folder: Path, stem: str, rng: random.Random) -> Path:
        """Write the changed copy of `source` into `folder` and return its path."""
        path = folder / f"{stem}.{self.extension}"
        changed = self.change(opened(source), rng)
        if self.orientation:
            exif = Image.Exif()
            exif[ORIENTATION] = self.orientation
            changed.save(path, quality=self.quality, exif=exif)
        else:
            changed.save(path, quality=self.quality)
        return path


def opened(path: Path) -> Image.Image:
    """Return the picture as it is seen, upright, RGB."""
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def same(image: Image.Image, rng: random.Random) -> Image.Image:
    return image


def resized(factor: float) -> Change:
    def change(image: Image.Image, rng: random.Random) -> Image.Image:
        size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        return image.resize(size, Image.Resampling.LANCZOS)

    return change


def cropped(across: float, down: float, *, centred: bool) -> Change:
    """Return a crop that keeps these shares of width and height: the middle, or any other part."""

    def change(image: Image.Image, rng: random.Random) -> Image.Image:
        width, height = round(image.width * across), round(image.height * down)
        spare = (image.width - width, image.height - height)
        left, top = spare[0] // 2, spare[1] // 2
        if not centred:
            left, top = rng.randint(0, spare[0]), rng.randint(0, spare[1])
        return image.crop((left, top, left + width, top + height))

    return change


def grey(image: Image.Image, rng: random.Random) -> Image.Image:
    return ImageOps.grayscale(image)


def brighter(factor: float) -> Change:
    return lambda image, rng: ImageEnhance.Brightness(image).enhance(factor)


def contrasted(factor: float) -> Change:
    return lambda image, rng: ImageEnhance.Contrast(image).enhance(factor)


def turned(way: Image.Transpose) -> Change:
    return lambda image, rng: image.transpose(way)


def watermarked(image: Image.Image, rng: random.Random) -> Image.Image:
    """Write half-transparent words across the middle."""
    layer = Image.new("RGBA", image.size)
    ImageDraw.Draw(layer).text(
        (image.width / 2, image.height / 2),
        "SAMPLE PHOTO",
        (255, 255, 255, 128),
        _font(image, 0.08),
        anchor="mm",
    )
    return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")


def signed(image: Image.Image, rng: random.Random) -> Image.Image:
    """Write white words with a black outline into a corner."""
    changed, font = image.copy(), _font(image, 0.05)
    margin = image.height // 40
    ImageDraw.Draw(changed).text(
        (margin, image.height - margin),
        "\N{COPYRIGHT SIGN} my holidays",
        "white",
        font,
        anchor="lb",
        stroke_width=1,
        stroke_fill="black",
    )
    return changed


def dated(image: Image.Image, rng: random.Random) -> Image.Image:
    """Write orange digits into the lower right corner, as cameras do."""
    changed, margin = image.copy(), image.height // 25
    ImageDraw.Draw(changed).text(
        (image.width - margin, image.height - margin),
        f"{rng.randint(1, 28):02} {rng.randint(1, 12):02} '{rng.randint(0, 25):02}",
        (255, 140, 0),
        _font(image, 0.06),
        anchor="rb",
    )
    return changed


def after(*changes: Change) -> Change:
    """Return the changes one after the other."""

    def change(image: Image.Image, rng: random.Random) -> Image.Image:
        for step in changes:
            image = step(image, rng)
        return image

    return change


def _font(image: Image.Image, share: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return a font whose height is this share of the picture's."""
    return ImageFont.load_default(max(8, round(image.height * share)))


_AREA = 0.8**0.5

EDITS = [
    *(Transform(f"JPEG quality {q}", "edit", same, quality=q) for q in (30, 50, 75, 95)),
    *(Transform(f"resized x {f:g}", "edit", resized(f)) for f in (0.25, 0.5, 1.5, 2.0)),
    Transform("crop to 80 % of the area, middle", "edit", cropped(_AREA, _AREA, centred=True)),
    Transform("crop to 80 % of the area, anywhere", "edit", cropped(_AREA, _AREA, centred=False)),
    Transform("crop to 80 % of the width, anywhere", "edit", cropped(0.8, 1, centred=False)),
    Transform("crop to 80 % of both sides, middle", "edit", cropped(0.8, 0.8, centred=True)),
    Transform("crop to 80 % of both sides, anywhere", "edit", cropped(0.8, 0.8, centred=False)),
    Transform("WebP", "edit", same, extension="webp", quality=80),
    Transform("AVIF", "edit", same, extension="avif", quality=70),
    Transform("grayscale", "edit", grey),
    *(Transform(f"brightness {f - 1:+.0%}", "edit", brighter(f)) for f in (0.75, 1.25)),
    *(Transform(f"contrast {f - 1:+.0%}", "edit", contrasted(f)) for f in (0.75, 1.25)),
    Transform("text across the middle", "edit", watermarked),
    Transform("text in a corner", "edit", signed),
    Transform("date stamp", "edit", dated),
]

TURNED = [
    Transform(
        "turned by EXIF", "turned", turned(Image.Transpose.ROTATE_90), orientation=TURN_RIGHT
    ),
    Transform("turned by 90", "turned", turned(Image.Transpose.ROTATE_90)),
    Transform("turned by 180", "turned", turned(Image.Transpose.ROTATE_180)),
    Transform("turned by 270", "turned", turned(Image.Transpose.ROTATE_270)),
    Transform("mirrored", "turned", turned(Image.Transpose.FLIP_LEFT_RIGHT)),
]

COMBINED = [
    Transform("half size, text, JPEG 50", "combined", after(resized(0.5), signed), quality=50),
    Transform(
        "crop 90 %, brightness +15 %, WebP",
        "combined",
        after(cropped(0.95, 0.95, centred=False), brighter(1.15)),
        extension="webp",
        quality=75,
    ),
    Transform(
        "turned by 90, half size, JPEG 50",
        "combined",
        after(turned(Image.Transpose.ROTATE_90), resized(0.5)),
        quality=50,
    ),
]

TRANSFORMS = [*EDITS, *TURNED, *COMBINED]
