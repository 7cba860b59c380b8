"""A tiny grey copy of every photo, from which pictures are compared pixel by pixel."""

from __future__ import annotations

import numpy as np
from django.db import models
from numpy.typing import NDArray

from gallery.models.photos import Photo

SIDE = 32


class Fingerprint(models.Model):
    """The photo as `SIDE` x `SIDE` grey pixels, squeezed to a square, upright, in row order.

    Made from the one decode at upload (`gallery.fingerprint.of_pixels`); a photo without one gets
    it from its thumbnail when it is compared.
    """

    photo = models.OneToOneField(
        Photo, models.CASCADE, primary_key=True, related_name="fingerprint"
    )
    grey = models.BinaryField()

    def __str__(self) -> str:
        return str(self.pk)

    def pixels(self) -> NDArray[np.uint8]:
        """Return the pixels: uint8, shape (SIDE, SIDE)."""
        return np.frombuffer(bytes(self.grey), np.uint8).reshape(SIDE, SIDE)
