"""A tiny grey copy of every photo, by which pictures are compared pixel by pixel."""

from __future__ import annotations

import numpy as np
from django.db import models
from numpy.typing import NDArray

SIDE = 32

# ITU-R BT.601 luma, as in most picture formats.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


class Fingerprint(models.Model):
    """The photo as `SIDE` x `SIDE` grey pixels, squeezed to a square, upright, in row order.

    It comes from the pixels that the worker decodes to embed the photo.
    """

    photo = models.OneToOneField(
        "gallery.Photo", models.CASCADE, primary_key=True, related_name="fingerprint"
    )
    grey = models.BinaryField()

    def __str__(self) -> str:
        return str(self.pk)

    def pixels(self) -> NDArray[np.uint8]:
        """Return the pixels: uint8, shape (SIDE, SIDE)."""
        return np.frombuffer(bytes(self.grey), np.uint8).reshape(SIDE, SIDE)


def fingerprint_of(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return `pixels` (uint8, height x width x 3, RGB) as SIDE x SIDE grey (uint8).

    Every cell is the mean of its part of the picture; the aspect is given up.
    """
    return np.rint(shrink(grey(pixels), SIDE, SIDE)).astype(np.uint8)


def grey(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the luma of RGB pixels: float32, height x width, 0 to 255."""
    return np.asarray(pixels.astype(np.float32) @ _LUMA, np.float32)


def shrink(image: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Return a grey picture (float32) at `height` x `width` by averaging areas exactly.

    Cell borders that fall within a pixel share it out, so the same picture at two sizes gives
    nearly the same cells. Works for enlarging as well.
    """
    down, across = _shares(image.shape[0], height), _shares(image.shape[1], width)
    return np.asarray(down @ image @ across.T, np.float32)


def _shares(length: int, cells: int) -> NDArray[np.float32]:
    """Return the (cells, length) matrix that averages `length` pixels into `cells`."""
    borders = np.arange(cells + 1, dtype=np.float64) * (length / cells)
    starts = np.arange(length, dtype=np.float64)
    low = np.maximum(borders[:-1, None], starts)
    high = np.minimum(borders[1:, None], starts + 1)
    overlap = np.clip(high - low, 0, None)
    return np.asarray(overlap / overlap.sum(axis=1, keepdims=True), np.float32)
