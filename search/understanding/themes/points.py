"""The points of a map as one row of bytes in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.understanding.themes.clusters import LEVELS

_POINT = np.dtype([("id", "V16"), ("at", "<f4", 2), ("themes", "<u2", len(LEVELS))])


@dataclass(frozen=True, eq=False)
class Points:
    """Photos on a map: `ids` as hex, `at` (n, 2) from 0 to 1, `themes` (n, levels) uint16."""

    ids: Sequence[str]
    at: NDArray[np.float32]
    themes: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.ids)

    def only(self, kept: NDArray[np.intp]) -> Points:
        """Return the points at these positions."""
        ids = self.ids
        return Points([ids[place] for place in kept.tolist()], self.at[kept], self.themes[kept])

    def with_others(self, others: Points) -> Points:
        """Return these points and others after them."""
        return Points(
            [*self.ids, *others.ids],
            np.concatenate([self.at, others.at]),
            np.concatenate([self.themes, others.themes]),
        )


def packed(points: Points) -> bytes:
    """Return the points as bytes: 30 for each."""
    rows = np.zeros(len(points), _POINT)
    rows["id"] = np.frombuffer(id_bytes(points.ids), "V16")
    rows["at"] = points.at
    rows["themes"][:, : points.themes.shape[1]] = points.themes
    return rows.tobytes()


def unpacked(content: bytes | memoryview, levels: int) -> Points:
    """Return the points that `packed` wrote, with so many levels of themes."""
    rows = np.frombuffer(bytes(content), _POINT)
    text = rows["id"].tobytes().hex()
    ids = [text[start : start + 32] for start in range(0, len(text), 32)]
    at, themes = rows["at"].copy(), rows["themes"][:, :levels].copy()
    return Points(ids, at, themes)


def id_bytes(ids: Sequence[str]) -> bytes:
    """Return ids (hex) as 16 bytes each."""
    return bytes.fromhex("".join(ids))
