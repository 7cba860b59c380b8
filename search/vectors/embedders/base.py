"""The `Embedder` port: pictures and words into one vector space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""One upright RGB picture, shape (height, width, 3), dtype uint8."""

Vectors = NDArray[np.float32]
"""Embeddings, shape (n, dim), dtype float32, each row of unit length."""

Tower = Literal["image", "text"]


class ModelUnavailable(Exception):
    """A model cannot be loaded. The message is one sentence that says why and what to do."""


class DeviceOutOfMemory(Exception):
    """A batch did not fit on the device; a smaller one may."""


@runtime_checkable
class Embedder(Protocol):
    """Turns pictures and texts into unit vectors of one space.

    `key` names the space: vectors of different keys are never compared. `device` and
    `device_reason` say where the model runs and why there.
    """

    key: str
    dim: int
    device: str
    device_reason: str

    def embed_images(self, images: Sequence[Pixels]) -> Vectors:
        """Return one unit row per picture, shape (len(images), dim).

        Raises `DeviceOutOfMemory` when the batch does not fit. A picture without a usable
        embedding gives a row with NaN; the caller fails that photo alone.
        """
        ...

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Return one unit row per text, shape (len(texts), dim)."""
        ...
