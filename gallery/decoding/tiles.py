"""Small squares of a picture at full size, spread evenly, by which its sharpness is measured.

A thumbnail hides a small blur, and a whole picture is much to measure. Many small squares see
about the same things in each frame of a burst, even where the camera moved. Runs in the children.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

SIDE = 64
"""Pixels of a square's side."""
LONG, SHORT = 12, 9
"""Squares along the longer and the shorter side at most: 442,368 pixels in all."""

MOST_PIXELS = 24_000_000
"""JPEGs of more pixels are measured at a half of their size, or a quarter. Their sensors join
pixels in groups of four, so there is nothing finer to see."""

_MODES = frozenset({"L", "LA", "P", "PA", "1", "RGB", "RGBA", "RGBX", "YCbCr", "CMYK"})


def grid(width: int, height: int) -> tuple[int, int]:
    """Return how many squares (columns, rows) a picture has; (0, 0) for one that is too small."""
    most = (LONG, SHORT) if width >= height else (SHORT, LONG)
    columns, rows = min(most[0], width // SIDE), min(most[1], height // SIDE)
    return (columns, rows) if columns and rows else (0, 0)


def cut(image: Image.Image) -> Image.Image | None:
    """Return the squares of a loaded picture side by side, in grey; None if it has none."""
    # Imported here, because the parent loads this module too and never the library.
    from PIL import Image

    columns, rows = grid(*image.size)
    if not columns or image.mode not in _MODES:
        return None
    sheet = Image.new("L", (columns * SIDE, rows * SIDE))
    for row in range(rows):
        top = _start(row, rows, image.height)
        for column in range(columns):
            left = _start(column, columns, image.width)
            square = image.crop((left, top, left + SIDE, top + SIDE))
            sheet.paste(square.convert("L"), (column * SIDE, row * SIDE))
    return sheet


def _start(number: int, count: int, length: int) -> int:
    """Return where a square begins: in the middle of its share of the side."""
    return (2 * number + 1) * length // (2 * count) - SIDE // 2


def reduction(width: int, height: int) -> int:
    """Return by how much the sides of a JPEG are divided before it is measured: 1, 2, 4 or 8."""
    return next((by for by in (1, 2, 4) if width * height <= MOST_PIXELS * by * by), 8)
