"""Makes small, upright RGB renditions of opened pictures, and hashes of them.

The order of the steps keeps the memory low: shrink first, then convert colours, then turn. In the
opposite order, a picture of 49 megapixels takes three times as much.
"""

from __future__ import annotations

import math
from statistics import median

from PIL import Image

from gallery.decoding.answers import DecodeError
from gallery.decoding.colour import lab_to_srgb, to_srgb

_Transpose = Image.Transpose
# EXIF 2.32, tag 0x0112: how to turn the picture upright.
_TURNS = {
    2: _Transpose.FLIP_LEFT_RIGHT,
    3: _Transpose.ROTATE_180,
    4: _Transpose.FLIP_TOP_BOTTOM,
    5: _Transpose.TRANSPOSE,
    6: _Transpose.ROTATE_270,
    7: _Transpose.TRANSVERSE,
    8: _Transpose.ROTATE_90,
}

_HASH_SIDE = 32
_HASH_LOW = 8  # frequencies each way
_COSINES = [
    [math.cos(math.pi * u * (2 * x + 1) / (2 * _HASH_SIDE)) for x in range(_HASH_SIDE)]
    for u in range(_HASH_LOW)
]

Box = tuple[float, ...]
"""Left, top, width and height as fractions of an upright picture's sides."""
WHOLE = (0.0, 0.0, 1.0, 1.0)


def make(
    image: Image.Image,
    side: int,
    box: Box = WHOLE,
    *,
    orientation: int = 1,
    profile: bytes | None = None,
    bits: int = 16,
) -> Image.Image:
    """Return a new upright sRGB picture of at most `side` px, without any metadata.

    It shows what is inside `box`, at least one pixel. `image` is loaded; `orientation` and
    `profile` say how to turn it and what its colours are, `bits` how deep its greys are.
    """
    if box != WHOLE:
        image = image.crop(cut(image.size, box, orientation))
    small = _shrink(_to_resizable(image, bits), side)
    small = to_srgb(_flatten(small), profile)
    if orientation in _TURNS:
        small = small.transpose(_TURNS[orientation])
    clean = Image.new("RGB", small.size)
    clean.paste(small)
    return clean


def cut(size: tuple[int, int], box: Box, orientation: int) -> tuple[int, int, int, int]:
    """Return the edges of the box in the pixels of an image of `size` that is not turned yet."""
    left, top, wide, high = box
    right, low = 1 - left - wide, 1 - top - high
    edges = {
        2: (right, top, left, low),
        3: (right, low, left, top),
        4: (left, low, right, top),
        5: (top, left, low, right),
        6: (top, right, low, left),
        7: (low, right, top, left),
        8: (low, left, top, right),
    }
    # Fractions to cut off at the left, the top, the right and the bottom.
    ways = edges.get(orientation, (left, top, right, low))
    width, height = size
    x = min(int(ways[0] * width), width - 1)
    y = min(int(ways[1] * height), height - 1)
    end = max(width - int(ways[2] * width), x + 1)
    bottom = max(height - int(ways[3] * height), y + 1)
    return max(x, 0), max(y, 0), min(end, width), min(bottom, height)


def _to_resizable(image: Image.Image, bits: int) -> Image.Image:
    """Return the picture in a mode that can be resized smoothly and turned into RGB later."""
    if image.mode == "F":
        raise DecodeError("unsupported_pixels", "floating point")
    if image.mode == "I" or image.mode.startswith("I;"):
        return eight_bits(image, bits)
    if image.has_transparency_data:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    if image.mode == "LAB":
        return lab_to_srgb(image)
    return image.convert("RGB") if image.mode in {"P", "1", "PA", "HSV"} else image


def eight_bits(image: Image.Image, bits: int) -> Image.Image:
    """Return greys of `bits` bits as mode L. The darkest and the brightest possible stay so."""
    scale = 255 / ((1 << bits) - 1)
    levels = [min(int(value * scale + 0.5), 255) for value in range(1 << 16)]
    return image.convert("I").point(levels, "L")


def _shrink(image: Image.Image, side: int) -> Image.Image:
    """Return the picture at most `side` px wide and high; small ones keep their size."""
    scale = side / max(image.size)
    if scale >= 1:
        return image
    width, height = (max(1, round(length * scale)) for length in image.size)
    # Averaging whole steps first is as good, several times faster, and needs little memory.
    step = max(1, int(0.5 / scale))
    if step > 1:
        image = image.reduce((min(step, image.width), min(step, image.height)))
    return image.resize((width, height), Image.Resampling.BICUBIC)


def _flatten(image: Image.Image) -> Image.Image:
    """Return the picture, over white if it is transparent."""
    if image.mode != "RGBA":
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def perceptual_hash(image: Image.Image) -> int:
    """Return the 64-bit DCT hash of an RGB picture, the lowest frequency in the highest bit.

    Similar pictures differ in few bits, whatever their size or compression.

    The classic "pHash" (C. Zauner, Implementation and Benchmarking of Perceptual Image Hash
    Functions, 2010): 32 x 32 grey, DCT-II, the 8 x 8 lowest frequencies, each compared with
    their median without the constant term. Plain Python, because children do without NumPy.
    """
    grey = image.convert("L").resize((_HASH_SIDE, _HASH_SIDE), Image.Resampling.BOX).tobytes()
    rows = [grey[y * _HASH_SIDE : (y + 1) * _HASH_SIDE] for y in range(_HASH_SIDE)]
    partial = [[_dot(cosines, row) for row in rows] for cosines in _COSINES]
    low = [_dot(cosines, column) for cosines in _COSINES for column in partial]
    middle = median(low[1:])
    bits = 0
    for value in low:
        bits = bits << 1 | (value > middle)
    return bits


def _dot(left: list[float], right: bytes | list[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))
