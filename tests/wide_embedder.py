"""The fake model with as many dimensions as the starter, whose place it takes in benchmarks.

What comes along for the starter, such as the directions of themes, then fits its vectors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search.vectors.embedders.base import Pixels, Vectors
from tests.embedders import ColourEmbedder, checkpoint, probes

__all__ = ["WideColourEmbedder", "checkpoint", "load", "probes"]


class WideColourEmbedder(ColourEmbedder):
    """Knows colours; the other dimensions of pictures are zero."""

    dim = 512

    def embed_images(self, images: Sequence[Pixels]) -> Vectors:
        rows = super().embed_images(images)
        return np.pad(rows, ((0, 0), (0, self.dim - rows.shape[1])))


def load(key: str, **_: object) -> WideColourEmbedder:
    """Stand in for `search.vectors.embedders.open_clip.load`."""
    embedder = WideColourEmbedder()
    embedder.key = key
    return embedder
