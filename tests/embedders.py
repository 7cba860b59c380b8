"""A fake model that understands colours: fast, deterministic and without torch."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from search.vectors.embedders import weights as weight_files
from search.vectors.embedders.base import ModelUnavailable, Pixels, Tower, Vectors
from search.vectors.embedders.self_test import Probes

# Colour names in the order of the dimensions. What a pixel counts as is decided by nearness
# in RGB, which is crude and enough for squares of plain colour.
PALETTE: dict[str, tuple[int, int, int]] = {
    "red": (220, 30, 30),
    "green": (30, 160, 40),
    "blue": (30, 60, 220),
    "yellow": (240, 220, 40),
    "orange": (245, 140, 20),
    "purple": (130, 30, 160),
    "pink": (250, 150, 190),
    "brown": (120, 70, 30),
    "cyan": (40, 210, 220),
    "white": (250, 250, 250),
    "grey": (128, 128, 128),
    "black": (8, 8, 8),
}
OTHER_WORDS = {"gray": "grey", "violet": "purple", "snow": "white", "grass": "green"}
# What short queries are worded with (see search.vectors.embedders.phrasing): it says nothing.
FRAME = frozenset(["a", "an", "photo", "of", "there", "is", "in", "the", "picture"])
LAYOUT_DIMS = 4
LAYOUT_WEIGHT = 0.2


class ColourEmbedder:
    """An `Embedder` whose first dimensions count colours and whose last four say where it is light.

    "red" finds a red square, a re-encoded picture stays within a few thousandths of its
    original, and words that name no colour give a direction of their own.
    """

    key = "colours"
    dim = len(PALETTE) + LAYOUT_DIMS
    device = "cpu"
    device_reason = "The fake model of the tests needs no device."
    batch = 16

    def embed_images(self, images: Sequence[Pixels]) -> Vectors:
        rows = [self._embed_image(image) for image in images]
        return np.stack(rows) if rows else np.empty((0, self.dim), np.float32)

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        rows = [_embed_text(text, self.dim) for text in texts]
        return np.stack(rows) if rows else np.empty((0, self.dim), np.float32)

    def _embed_image(self, image: Pixels) -> Vectors:
        picked = _grid(image, 32).reshape(-1, 3).astype(np.float32)
        palette = np.array(list(PALETTE.values()), np.float32)
        distances = np.linalg.norm(picked[:, None, :] - palette[None], axis=2)
        # Soft votes: a small change of the pixels is a small change of the embedding.
        votes = np.exp(-distances / 24.0)
        colours = (votes / votes.sum(axis=1, keepdims=True)).mean(axis=0)
        # A picture of one row or column is as light everywhere.
        square = image.repeat(2 if image.shape[0] == 1 else 1, axis=0)
        square = square.repeat(2 if image.shape[1] == 1 else 1, axis=1)
        light = _grid(square, 2).astype(np.float32).mean(axis=2).reshape(-1) / 255.0
        return _unit(np.concatenate([colours, LAYOUT_WEIGHT * light]))


def checkpoint(name: str, weights: Path | None) -> Path | None:
    """Stand in for `search.vectors.embedders.open_clip.checkpoint`: no model but its file's."""
    return weight_files.locate(weights, name) if weights else None


def probes() -> Probes:
    """Return squares of plain colours and their names, which the fake model can tell."""
    squares = [np.full((32, 32, 3), rgb, np.uint8) for rgb in PALETTE.values()]
    return Probes(squares, list(PALETTE))


def load(key: str, *, towers: frozenset[Tower] = frozenset(), **_: object) -> ColourEmbedder:
    """Stand in for `search.vectors.embedders.open_clip.load`; other keys are other spaces."""
    if key.startswith("missing"):
        raise ModelUnavailable(f"The model {key} is not there; choose another one.")
    embedder = ColourEmbedder()
    embedder.key = key
    return embedder


def _grid(image: Pixels, cells: int) -> np.ndarray:
    """Return the mean colours of a grid of about `cells` x `cells` patches, float."""
    height, width = image.shape[:2]
    ys = np.linspace(0, height, min(cells, height), endpoint=False).astype(int)
    xs = np.linspace(0, width, min(cells, width), endpoint=False).astype(int)
    sums = np.add.reduceat(np.add.reduceat(image.astype(np.float32), ys, axis=0), xs, axis=1)
    tall = np.diff(np.append(ys, height))[:, None, None]
    wide = np.diff(np.append(xs, width))[None, :, None]
    return sums / (tall * wide)


@lru_cache(maxsize=20_000)
def _embed_text(text: str, dim: int) -> Vectors:
    """Return what a text shows.

    It is kept, because every test that searches has thousands of background texts embedded.
    """
    row = np.zeros(dim, np.float32)
    words = text.casefold().split()
    for word in [word for word in words if word not in FRAME] or words:
        word = OTHER_WORDS.get(word, word)
        if word in PALETTE:
            row[list(PALETTE).index(word)] += 1.0
        else:
            row += 0.2 * _direction(word, dim)
    shown = _unit(row) if row.any() else _unit(_direction(text, dim))
    shown.flags.writeable = False
    return shown


def _direction(word: str, dim: int) -> np.ndarray:
    seed = zlib.crc32(word.encode())
    return np.random.default_rng(seed).standard_normal(dim).astype(np.float32)


def _unit(row: np.ndarray) -> Vectors:
    return (row / np.linalg.norm(row)).astype(np.float32)
