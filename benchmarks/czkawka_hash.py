"""What czkawka would call similar images, computed here: its gradient hash and its levels.

czkawka (4.0 and later) reduces a picture to a grey grid, notes for each cell whether its right
neighbour is brighter, and calls two pictures similar by how many bits differ. The levels are those
of its settings for hashes of 8 x 8 and 16 x 16. Written after its documentation, since the program
itself is no Python package: so the table says "czkawka-like".
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.transforms import opened

LEVELS = {8: {"high": 2, "medium": 5}, 16: {"high": 5, "medium": 15}}
"""Bits that may differ, for each side of the hash."""

Names = frozenset[str]


def gradient_hash(image: Image.Image, side: int) -> np.ndarray:
    """Return the hash of a picture, bool (side * side,)."""
    small = image.convert("L").resize((side + 1, side), Image.Resampling.LANCZOS)
    cells = np.asarray(small, np.int16)
    return (cells[:, 1:] > cells[:, :-1]).ravel()


def pairs(folder: Path, names: Sequence[str], side: int, most: int) -> set[Names]:
    """Return the pairs of files in a folder whose hashes differ in `most` bits at most."""
    hashes = np.stack([gradient_hash(opened(folder / name), side) for name in names])
    differing = (hashes[:, None, :] != hashes[None, :, :]).sum(axis=2)
    first, second = np.nonzero(np.triu(differing <= most, k=1))
    return {
        frozenset((names[a], names[b]))
        for a, b in zip(first.tolist(), second.tolist(), strict=True)
    }
