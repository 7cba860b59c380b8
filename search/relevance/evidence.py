"""How likely it is that a photo shows what a text says, judged by this photo alone.

Three things count. The *lead* of the text: how much closer it is to the photo than a thousand
other texts are. The *generality* of the text: many photos show an animal, few a night snake. And
the *rank* of the hit, which matters less the more general the text is.

A lead is measured in two steps. A *margin* is how far a score of a photo lies above 98 % of its
scores for the other texts, in deviations of these. But some texts are never far from any photo,
and others vary much. So margins are compared by their *distance* from what is usual for the text
in photos that do not show it.

The library has these photos, but what it is full of must not count. So only photos with a negative
margin are used, they move what is usual within bounds only, and the margin is a lead as well.

The numbers below are fitted by `python -m benchmarks.relevance --fit`, which prints them.
"""

from __future__ import annotations

from dataclasses import dataclass

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

LEAD, GENERALITY, RANK, BOTH, OFFSET = 1.18, 0.4111, -0.8068, 0.09515, -3.658
"""Weights of lead, generality, logarithm of the rank, generality times that, and a constant."""
STRONG, LIKELY, FURTHER, ABSENT = 0.144, -1.36, -1.36, -3.27
"""The evidence that a hit needs to be Strong, that the best hit needs for anything to be Likely,
that further hits then need for it, and below which the library has nothing of the kind."""

FOREIGN = 0.65
"""What texts in other languages than English gain: they lie farther from their photos. With it as
many absent things are denied as in English (`python -m benchmarks.foreign_words`)."""

LEADING = 0.99
"""Quantile of the other texts' distances that a distance is compared with."""
MARGIN_ALONE = 0.5
"""A margin is a lead without any comparison, less this."""

USUAL = (-2.4, 0.9)
"""Median and robust sigma of the negative margins of most texts."""
_MEDIANS, _SIGMAS = (-2.7, -2.0), (0.7, 1.1)
_USUAL_PHOTOS = 10
"""How many photos these values count for."""
SIGMA_PER_MAD = 1.4826
"""The deviation of normal values over the median distance from their median."""

SLOPE = LEAD / USUAL[1]
"""By how much evidence rises with a margin."""
SIZE = 0.3
"""What evidence loses when the library grows by a factor of e: chance finds more among more."""
SIZES = (20, 20_000)
"""Library sizes between which this holds."""
_FITTED_SIZE = 500


@dataclass(frozen=True)
class Rivals:
    """What photos score for the other texts: the quantile `RIVAL` and the deviation, (k, 1)."""

    score: Vectors
    unit: Vectors

    @classmethod
    def of(cls, others: Vectors) -> Rivals:
        """Return the rivals of photos with these scores for the other texts, (k, texts)."""
        at = int(RIVAL * others.shape[1])
        score = np.partition(others, at, axis=1)[:, at]
        return cls(score[:, None], others.std(axis=1, keepdims=True) + 1e-6)

    def margins(self, scores: Vectors) -> Vectors:
        """Return the margins of the photos from their scores for any texts, (k, any)."""
        margins: Vectors = (scores - self.score) / self.unit
        return margins


@dataclass(frozen=True)
class Usual:
    """Medians and robust sigmas of the margins of photos that do not show a text, (texts,)."""

    median: Vector
    sigma: Vector

    @classmethod
    def of(cls, library: Vectors) -> Usual:
        """Return what is usual from the margins of random photos, (n, texts)."""
        rows = np.where(library < 0, library, np.inf).T
        counts = np.isfinite(rows).sum(axis=1)
        median = _middle(rows, counts)
        away = np.abs(rows - np.where(counts, median, 0)[:, None])
        sigma = SIGMA_PER_MAD * _middle(away, counts)
        return cls(
            _mixed(median, counts, USUAL[0], _MEDIANS), _mixed(sigma, counts, USUAL[1], _SIGMAS)
        )

    def distances(self, margins: Vectors) -> Vectors:
        """Return how far margins (k, texts) lie from what is usual, in sigmas."""
        distances: Vectors = (margins - self.median) / self.sigma
        return distances


def _middle(rows: Vectors, counts: NDArray[np.intp]) -> Vector:
    """Return the median of the finite values of each row, of which there are `counts`."""
    middle: Vector = np.sort(rows, axis=1)[
        np.arange(len(rows)), np.minimum(counts, rows.shape[1] - 1) // 2
    ]
    return middle


def _mixed(
    found: Vector, counts: NDArray[np.intp], usual: float, bounds: tuple[float, float]
) -> Vector:
    """Return values found in few photos mixed with the usual one, within bounds."""
    share = counts / (counts + _USUAL_PHOTOS)
    mixed = share * np.where(counts, found, 0) + (1 - share) * usual
    return np.clip(mixed, *bounds).astype(np.float32)


def leading(others: Vectors) -> Vector:
    """Return which of the other texts' distances (k, texts) to be ahead of in each photo, (k,)."""
    at = int(LEADING * others.shape[1])
    ahead: Vector = np.partition(others, at, axis=1)[:, at]
    return ahead


def leads(margins: Vector, distances: Vector, ahead: Vector) -> Vector:
    """Return the lead of a text in each photo, (k,).

    `margins` (k,) and `distances` (k,) are those of the text, `ahead` (k,) is `leading`.
    """
    # Where most photos show the text, no distance is large, but margins are.
    lead: Vector = np.maximum(distances - ahead, margins - MARGIN_ALONE)
    return lead


def generality(similar: Vector, log_kinds: Vector) -> float:
    """Return the mean of the nouns' logarithms of kinds, weighted by how similar each is."""
    weights = np.exp((similar - similar.max()) / TEMPERATURE)
    return float(weights @ log_kinds / weights.sum())


def features(lead: Vector, general: float) -> NDArray[np.float64]:
    """Return what is known of each hit, best first, shape (k, 4)."""
    rank = np.log(np.arange(1, len(lead) + 1) - 0.5)
    return np.stack([lead, np.full(len(lead), general), rank, general * rank], axis=1)


def of_features(known: NDArray[np.float64], total: int) -> NDArray[np.float64]:
    """Return the evidence of hits from their features (k, 4), as logarithms of odds, (k,)."""
    weights = np.array([LEAD, GENERALITY, RANK, BOTH])
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
