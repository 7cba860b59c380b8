"""What czkawka would call similar images, computed here: its gradient hash and its levels.

czkawka reduces a picture to a grey grid, notes for each cell whether its right neighbour is
brighter, and calls two pictures similar by how many bits differ. The levels are those of
`SIMILAR_VALUES` in its `similar_images` module; its command line uses 16 x 16 and
"high" by default.
The table says "czkawka-like", because the program has more settings than its Python package
(czkawka 0.1.2). For 8 x 8, which that knows, these distances are off by 0.6 bits on average.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.transforms import opened

LEVELS = {8: {"high": 2, "medium": 5}, 16: {"high": 5, "medium": 15}}
"""Bits that may differ, for each side of the hash."""

_LUMA = np.array([2126, 7152, 722], np.uint32)  # BT.709, as its image library has it

Names = frozenset[str]


def gradient_hash(image: Image.Image, side: int) -> np.ndarray:
    """Return the hash of a picture, bool (side * side,)."""
    grey = np.asarray(image.convert("RGB"), np.uint32) @ _LUMA // _LUMA.sum()
    small = Image.fromarray(grey.astype(np.uint8))
    cells = np.asarray(small.resize((side + 1, side), Image.Resampling.LANCZOS), np.int16)
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
