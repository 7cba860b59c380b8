"""Figures of a ranking of labels: how often the right one is first, and taken for what else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.relevance.background import Vectors

TOPS = (1, 3, 5)
DRAWS = 2_000
"""Of the bootstrap."""
_CENTRE = (2.5, 97.5)  # percentiles that enclose 95 % of the draws

Places = NDArray[np.intp]


@dataclass(frozen=True)
class Figures:
    """The shares of photos whose label is among the first k, by k, and 95 % intervals of them.

    `predicted` (n,) is the first label of each photo, as its place in the set.
    """

    tops: dict[int, float]
    intervals: dict[int, tuple[float, float]]
    predicted: Places
    places: Places


def figures(scores: Vectors, truth: Places) -> Figures:
    """Return the figures of scores (n, labels) where `truth` (n,) are the right labels."""
    found = places(scores, truth)
    hits = {top: found < top for top in TOPS}
    return Figures(
        {top: float(hit.mean()) for top, hit in hits.items()},
        {top: interval(int(hit.sum()), len(hit)) for top, hit in hits.items()},
        scores.argmax(axis=1),
        found,
    )


def places(scores: Vectors, truth: Places) -> Places:
    """Return at which place the right label of each photo stands, from 0, (n,).

    Of equal scores the first label comes first, as in `argmax`.
    """
    own = scores[np.arange(len(truth)), truth][:, None]
    before = np.arange(scores.shape[1]) < truth[:, None]
    found: Places = ((scores > own) | ((scores == own) & before)).sum(axis=1)
    return found


def interval(hits: int, count: int, seed: int = 0) -> tuple[float, float]:
    """Return the interval of a share that encloses 95 % of bootstrap samples.

    To draw `count` photos with replacement and count the hits is to draw from a binomial
    distribution, so no photo needs to be drawn.
    """
    if not count:
        return 0.0, 0.0
    draws = np.random.default_rng(seed).binomial(count, hits / count, DRAWS) / count
    low, high = np.percentile(draws, _CENTRE)
    return float(low), float(high)


def by_label(found: Figures, truth: Places, labels: int) -> list[dict[str, float | int | None]]:
    """Return for each label how many photos have it, its top-k shares, and its precision.

    A label without photos has shares of None, and one that is never first a precision of None.
    """
    counts = np.bincount(truth, minlength=labels)
    chosen = np.bincount(found.predicted, minlength=labels)
    right = np.bincount(truth[found.predicted == truth], minlength=labels)
    among = {top: np.bincount(truth[found.places < top], minlength=labels) for top in TOPS}
    return [
        {"count": int(counts[label])}
        | {f"top{top}": _share(among[top][label], counts[label]) for top in TOPS}
        | {"precision": _share(right[label], chosen[label])}
        for label in range(labels)
    ]


def confusion(predicted: Places, truth: Places) -> list[tuple[int, int, int]]:
    """Return the cells of the confusion matrix that are not 0: truth, prediction, photos."""
    pairs, counts = np.unique(np.stack([truth, predicted]), axis=1, return_counts=True)
    return [
        (int(right), int(said), int(count))
        for right, said, count in zip(pairs[0], pairs[1], counts, strict=True)
    ]


def _share(part: int, whole: int) -> float | None:
    return round(float(part / whole), 4) if whole else None
