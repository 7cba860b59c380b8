"""A linear probe: what the vectors could tell of the labels if they were trained on them.

Multinomial logistic regression on unit vectors, as in the papers on CLIP, in numpy. It is trained
on a part of the photos and judged on the rest. How much it is held back (L2) is chosen within the
training part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.relevance.background import Vectors
from search.understanding.evaluation.scoring import Places

TEST_SHARE = 0.3
LEAST = 4
"""Photos a label needs, so that training, choice and test have one each."""
STRENGTHS = (1e-5, 1e-4, 1e-3, 1e-2)
"""Weights of the squared L2 norm per photo, among which one is chosen."""
MOST = 10_000
"""Photos that are learnt from; more of them take long and change little."""
_CHOICE_SHARE = 0.25  # of the training part, on which the strength is chosen
_STEPS, _MEMORY = 100, 10  # of L-BFGS
_ENOUGH = 1e-5  # largest gradient at which it stops

Matrix = NDArray[np.float64]
Slope = Callable[[Matrix], tuple[float, Matrix]]


@dataclass(frozen=True)
class Probe:
    """Shares of photos whose label the probe says first, in training and test.

    `labels` is how many took part; `left_out` how many had fewer than `LEAST` photos.
    """

    train: float
    test: float
    train_count: int
    test_count: int
    labels: int
    left_out: int
    strength: float


def probe(vectors: Vectors, truth: Places, seed: int = 0) -> Probe | None:
    """Train on most photos and judge on the rest; None for fewer than two labels with photos."""
    names, counts = np.unique(truth, return_counts=True)
    used = names[counts >= LEAST]
    if len(used) < 2:
        return None
    chosen = np.flatnonzero(np.isin(truth, used))
    random = np.random.default_rng(seed)
    chosen = random.permutation(chosen)[:MOST]
    rows = np.asarray(vectors[chosen], np.float64)
    labels = np.searchsorted(used, truth[chosen])
    test = split(labels, TEST_SHARE, random)
    strength = _choose(rows[~test], labels[~test], len(used), random)
    weights = train(rows[~test], labels[~test], len(used), strength)
    return Probe(
        _right(weights, rows[~test], labels[~test]),
        _right(weights, rows[test], labels[test]),
        int((~test).sum()),
        int(test.sum()),
        len(used),
        len(names) - len(used),
        strength,
    )


def split(labels: Places, share: float, random: np.random.Generator) -> NDArray[np.bool_]:
    """Return which photos (n,) are set apart: of each label about `share`, and at least one."""
    apart = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        own = random.permutation(np.flatnonzero(labels == label))
        apart[own[: max(1, round(share * len(own)))]] = True
    return apart


def train(rows: Matrix, labels: Places, count: int, strength: float) -> Matrix:
    """Return the weights (dim + 1, count) that fit best; the last row is the offset."""
    wide = np.hstack([rows, np.ones((len(rows), 1))])
    wanted = np.zeros((len(rows), count))
    wanted[np.arange(len(rows)), labels] = 1

    def slope(flat: Matrix) -> tuple[float, Matrix]:
        weights = flat.reshape(wide.shape[1], count)
        scores = wide @ weights
        scores -= scores.max(axis=1, keepdims=True)
        powers = np.exp(scores)
        sums = powers.sum(axis=1, keepdims=True)
        held = weights.copy()
        held[-1] = 0  # The offset is free.
        loss = float((np.log(sums[:, 0]) - (scores * wanted).sum(axis=1)).mean())
        gradient = wide.T @ (powers / sums - wanted) / len(rows) + strength * held
        return loss + strength * float((held**2).sum()) / 2, gradient.ravel()

    return _lowest(slope, np.zeros(wide.shape[1] * count)).reshape(wide.shape[1], count)


def _choose(rows: Matrix, labels: Places, count: int, random: np.random.Generator) -> float:
    """Return the strength that is best on a part of the training photos; of equals the largest."""
    apart = split(labels, _CHOICE_SHARE, random)
    right = []
    for strength in STRENGTHS:
        weights = train(rows[~apart], labels[~apart], count, strength)
        right.append(_right(weights, rows[apart], labels[apart]))
    return max(zip(right, STRENGTHS, strict=True))[1]


def _right(weights: Matrix, rows: Matrix, labels: Places) -> float:
    return float(((rows @ weights[:-1] + weights[-1]).argmax(axis=1) == labels).mean())


def _lowest(slope: Slope, start: Matrix) -> Matrix:
    """Return where a convex function is lowest, by L-BFGS with a search that halves its step."""
    at, (value, gradient) = start, slope(start)
    pairs: list[tuple[Matrix, Matrix]] = []
    for _step in range(_STEPS):
        if np.abs(gradient).max() < _ENOUGH:
            break
        direction = -_newton(gradient, pairs)
        size, fall = 1.0, float(gradient @ direction)
        following, (then, steeper) = at + direction, slope(at + direction)
        while then > value + 1e-4 * size * fall and size > 1e-6:
            size /= 2
            following = at + size * direction
            then, steeper = slope(following)
        moved, bent = following - at, steeper - gradient
        if float(moved @ bent) > 1e-12:
            pairs = [*pairs[1 - _MEMORY :], (moved, bent)]
        at, value, gradient = following, then, steeper
    return at


def _newton(gradient: Matrix, pairs: list[tuple[Matrix, Matrix]]) -> Matrix:
    """Return the gradient times the inverse curvature that the last steps tell (two loops)."""
    found, shares = gradient.copy(), []
    for moved, bent in reversed(pairs):
        share = float(moved @ found) / float(moved @ bent)
        shares.append(share)
        found -= share * bent
    if pairs:
        moved, bent = pairs[-1]
        found *= float(moved @ bent) / float(bent @ bent)
    for (moved, bent), share in zip(pairs, reversed(shares), strict=True):
        found += moved * (share - float(bent @ found) / float(moved @ bent))
    return found
