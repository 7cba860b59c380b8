"""What photos look like in a few bytes, by which duplicates are found."""

from __future__ import annotations

import math

import numpy as np
from django.db import models
from numpy.typing import NDArray

from gallery.models.photo_library import Photo


class Fingerprint(models.Model):
    """The photo as a square of grey pixels, upright, in row order (`gallery.decoding.fingerprint`).

    It comes from the pixels that the worker decodes to embed the photo.
    """

    photo = models.OneToOneField(
        Photo, models.CASCADE, primary_key=True, related_name="fingerprint"
    )
    grey = models.BinaryField()

    def __str__(self) -> str:
        return str(self.pk)

    def pixels(self) -> NDArray[np.uint8]:
        """Return the pixels: uint8, shape (SIDE, SIDE)."""
        side = math.isqrt(len(self.grey))
        return np.frombuffer(bytes(self.grey), np.uint8).reshape(side, side)
