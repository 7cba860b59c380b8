"""The fake model of the tests, which takes its time when EMBEDDING_DELAY (seconds) says so."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from search.vectors.embedders.base import Pixels, Vectors
from tests.embedders import ColourEmbedder, checkpoint, probes

__all__ = ["SlowColourEmbedder", "checkpoint", "load", "probes"]


class SlowColourEmbedder(ColourEmbedder):
    """Knows colours, and gives a test the time to kill it in the middle of its work."""

    def embed_images(self, images: Sequence[Pixels]) -> Vectors:
        time.sleep(float(os.environ.get("EMBEDDING_DELAY", "0")))
        return super().embed_images(images)


def load(key: str, **_: object) -> SlowColourEmbedder:
    """Stand in for `search.vectors.embedders.open_clip.load`."""
    embedder = SlowColourEmbedder()
    embedder.key = key
    return embedder
