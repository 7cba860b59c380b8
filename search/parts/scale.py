"""Converting the score of a part into the score of a whole photo.

The best of many parts scores higher than the whole by chance alone, and the more so the smaller
the parts are. By how much depends on query and model. So a score is compared with those of a
sample of the library: a part must stand as many sigmas above the mean of parts as a whole above
the mean of wholes, and `HANDICAP` more.
"""

from __future__ import annotations

import random
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from gallery.models import Audience, Embedding, EmbeddingModel, PhotoParts, User
from search.parts.boxes import GROUPS, numbers_of
from search.vectors.embedders import Vector
from search.vectors.embedders.base import Vectors

SAMPLE = 200
"""Photos in the sample of a library: up to 9 MB with 21 parts of 512 numbers each."""
HANDICAP = 0.3
"""Sigmas that a part must stand higher. Measured by `python -m benchmarks.part_search`: ordinary
queries find as much as without parts, and small things nearly as much as without it."""
FEWEST = 10
"""Photos with parts of one size below which nothing is known of that size."""
KEPT = 4
"""Libraries that are kept in memory."""
FRESH_S = 900.0
"""Seconds after which a library is measured again."""
SOON_S = 20.0
"""The same for libraries with parts of fewer than `SAMPLE` photos, where a few change much."""


@dataclass(frozen=True)
class Line:
    """Turns the scores of parts of one size into scores of wholes."""

    factor: float
    offset: float

    def __call__(self, score: float) -> float:
        """Return what a part's score is worth, at most 1."""
        return min(self.factor * score + self.offset, 1.0)


@dataclass(frozen=True)
class _Size:
    """Parts of one size of some photos: rows (m, dim), where each photo's begin, the wholes."""

    rows: Vectors
    starts: NDArray[np.intp]
    wholes: Vectors


class Scale:
    """A library's sample. Threads may share it."""

    def __init__(self, sample: Sequence[tuple[Vector, tuple[int, ...], Vectors]]) -> None:
        """`sample` has the whole's vector (dim,), the numbers and the vectors (n, dim) of parts."""
        self._sizes = {place: _size(sample, group) for place, group in enumerate(GROUPS)}
        self.is_full = len(sample) >= SAMPLE
        """Whether more photos would change little."""

    def lines(self, query: Vector) -> dict[int, Line]:
        """Return the line of each group (its place in `boxes.GROUPS`) of which enough is known."""
        return {place: _line(size, query) for place, size in self._sizes.items() if size}


def _size(sample: Sequence[tuple[Vector, tuple[int, ...], Vectors]], group: range) -> _Size | None:
    rows, wholes = [], []
    for whole, numbers, vectors in sample:
        chosen = [at for at, number in enumerate(numbers) if number in group]
        if chosen:
            rows.append(vectors[chosen])
            wholes.append(whole)
    if len(rows) < FEWEST:
        return None
    ends = np.cumsum([len(part) for part in rows])
    return _Size(np.concatenate(rows), np.concatenate([[0], ends[:-1]]), np.array(wholes))


def _line(size: _Size, query: Vector) -> Line:
    wholes = size.wholes @ query
    parts = np.maximum.reduceat(size.rows @ query, size.starts)
    factor = float(wholes.std()) / (float(parts.std()) + 1e-6)
    level = float(wholes.mean()) - HANDICAP * float(wholes.std())
    return Line(factor, level - factor * float(parts.mean()))


_guard = threading.Lock()
_kept: OrderedDict[tuple[str, str], tuple[Scale, float]] = OrderedDict()


def scale_of(user: User, model: EmbeddingModel) -> Scale:
    """Return the scale of a person's library; without parts it has no lines."""
    key = (model.key, str(user.pk))
    with _guard:
        kept = _kept.get(key)
        if kept and kept[1] > time.monotonic():
            _kept.move_to_end(key)
            return kept[0]
    scale = Scale(_sample(user, model) if settings.PART_SEARCH else [])
    with _guard:
        _kept[key] = (scale, time.monotonic() + (FRESH_S if scale.is_full else SOON_S))
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return scale


def forget() -> None:
    """Forget all libraries in memory, as after photos or models changed."""
    with _guard:
        _kept.clear()


def _sample(user: User, model: EmbeddingModel) -> list[tuple[Vector, tuple[int, ...], Vectors]]:
    """Return up to `SAMPLE` random photos: the vector, and the numbers and vectors of the parts.

    What is in the index now does not matter, nor what once was: a restored gallery has the same
    scale before its index is complete.
    """
    rows = Embedding.objects.live().filter(model=model)
    is_shared = isinstance(user, Audience)
    mine = rows.visible_to(user) if is_shared else rows.filter(photo__owner_id=user.pk)
    keys = list(mine.exclude(parts=None).exclude(parts__boxes=b"").values_list("pk", flat=True))
    chosen = random.sample(keys, min(SAMPLE, len(keys)))
    found = []
    for row in PhotoParts.objects.filter(pk__in=chosen).select_related("embedding"):
        parts, whole = row.get_parts(), row.embedding.get_vector()
        numbers = numbers_of(parts[0]) if parts else None
        if parts and whole is not None and numbers:
            found.append((whole, numbers, parts[1]))
    return found
