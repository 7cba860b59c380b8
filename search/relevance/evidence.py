"""How likely it is that a photo shows what a text says, judged by this photo alone.

Three things count. The *margin*: how much closer the photo is to the text than to 98 % of a
thousand other texts, in deviations of its scores for these. The *generality* of the text: many
photos show an animal, few a night snake. And the *rank* of the hit, which matters less the more
general the text is. None of them depends on what else the library shows.

The numbers below are fitted by `python -m benchmarks.relevance --fit`, which prints them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
Vectors = NDArray[np.float32]

RIVAL = 0.98
"""Quantile of the other texts to compare a photo with; closer ones often mean the same."""
TEMPERATURE = 0.05
"""How fast the say of a noun falls with its distance to a text, as a cosine similarity."""
USUAL_GENERALITY = 2.2
"""The generality of most texts."""

MARGIN, GENERALITY, RANK, BOTH, OFFSET = 1.555, 0.4863, -1.503, 0.2511, -4.346
"""Weights of margin, generality, logarithm of the rank, generality times that, and a constant."""
STRONG, LIKELY, FURTHER, ABSENT = -0.346, -1.14, -1.14, -3.47
"""The evidence that a hit needs to be Strong, that the best hit needs for anything to be Likely,
that further hits then need for it, and below which the library has nothing of the kind."""

SLOPE = MARGIN
"""By how much evidence rises with a margin."""
SIZE = 0.3
"""What evidence loses when the library grows by a factor of e: chance finds more among more."""
SIZES = (20, 20_000)
"""Library sizes between which this holds."""
_FITTED_SIZE = 500


def margins(own: Vector, others: Vectors) -> Vector:
    """Return the margin of each photo: `own` (k,) scores, `others` (k, texts) for other texts."""
    at = int(RIVAL * others.shape[1])
    rival = np.partition(others, at, axis=1)[:, at]
    margin: Vector = (own - rival) / (others.std(axis=1) + 1e-6)
    return margin


def generality(similar: Vector, log_kinds: Vector) -> float:
    """Return the mean of the nouns' logarithms of kinds, weighted by how similar each is."""
    weights = np.exp((similar - similar.max()) / TEMPERATURE)
    return float(weights @ log_kinds / weights.sum())


def features(margin: Vector, general: float) -> NDArray[np.float64]:
    """Return what is known of each hit, best first, shape (k, 4)."""
    rank = np.log(np.arange(1, len(margin) + 1) - 0.5)
    return np.stack([margin, np.full(len(margin), general), rank, general * rank], axis=1)


def of_features(known: NDArray[np.float64], total: int) -> NDArray[np.float64]:
    """Return the evidence of hits from their features (k, 4), as logarithms of odds, (k,)."""
    weights = np.array([MARGIN, GENERALITY, RANK, BOTH])
    grown = np.log(min(max(total, SIZES[0]), SIZES[1]) / _FITTED_SIZE)
    return np.asarray(known @ weights + OFFSET - SIZE * grown, np.float64)


def smoothed(evidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the evidence as the closest row that never rises (pool adjacent violators).

    So a score can say where a band begins, though single hits are surer than better ones.
    """
    blocks: list[tuple[float, int]] = []
    for odds in evidence:
        share, size = 1 / (1 + np.exp(-float(odds))), 1
        while blocks and blocks[-1][0] <= share:
            before, count = blocks.pop()
            share = (before * count + share * size) / (count + size)
            size += count
        blocks.append((share, size))
    shares = np.concatenate([np.full(size, share) for share, size in blocks])
    shares = np.clip(shares, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(shares / (1 - shares)), np.float64)
