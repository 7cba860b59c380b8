"""Whether a photo looks like a private paper: a payment card, a passport, a bank letter.

The starter model hardly knows which paper a text means: it puts a receipt as close to "a passport"
as a passport. But it does see that two papers look alike. So photos are compared with the mean
vectors of papers that a program drew (`python -m benchmarks.embed_papers`), private ones and
others. Larger models, for which no papers were drawn, know the texts better.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search.relevance.background import Background, Vectors

PUBLISHED = Path(__file__).with_name("papers.npz")
"""Mean vectors of the starter model, `private` (p, dim) and `other` (o, dim), and its `key`."""
LIKE = 0.52
"""From which cosine a photo is paper at all, measured from the mean of the library. With
`BEHIND`, at most 0.8 % of ordinary photos are suspected (`benchmarks/sensitive.py`)."""
BEHIND = 0.035
"""By how much another paper may be more alike than the private ones."""


@dataclass(frozen=True)
class Papers:
    """The mean vectors of kinds of papers: `private` (p, dim) and `other` ones (o, dim)."""

    private: Vectors
    other: Vectors


@cache
def papers_of(key: str) -> Papers | None:
    """Return the papers that the model `key` was shown, or None."""
    with np.load(PUBLISHED, allow_pickle=False) as kept:
        if str(kept["key"]) != key:
            return None
        return Papers(kept["private"].astype(np.float32), kept["other"].astype(np.float32))


@cache
def digest_of(key: str) -> str:
    """Return what changes with the papers of the model `key` and with what counts as like them."""
    papers = papers_of(key)
    if papers is None:
        return ""
    shown = papers.private.tobytes() + papers.other.tobytes()
    return hashlib.sha256(shown + repr((LIKE, BEHIND)).encode()).hexdigest()


def likeness(vectors: Vectors, papers: Papers, background: Background) -> NDArray[np.float32]:
    """Return how much photos (n, dim) look like private papers, 1 at the cut, shape (n,)."""
    photos = _from_mean(vectors, background)
    private = (photos @ _from_mean(papers.private, background).T).max(axis=1)
    other = (photos @ _from_mean(papers.other, background).T).max(axis=1)
    found = np.where(private - other >= -BEHIND, private / LIKE, 0)
    return np.asarray(found, np.float32)


def _from_mean(vectors: Vectors, background: Background) -> Vectors:
    """Return the directions in which vectors lie, seen from the mean of the library."""
    rows = background.centre(vectors, by_picture=True)
    directions: Vectors = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    return directions
