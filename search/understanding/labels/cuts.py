"""From which score a photo has a label of an any-of set.

Without answers the cut lies where photos of the library lead over other texts by `LEAD`
(`search.relevance.evidence`), for a cosine similarity alone means nothing. With yes and no from a
person, a logistic curve is fitted whose prior is that cut, so that few answers move it little. The
cut is then where the expected F1 over the library is best.

Measured with the starter model on 28 concepts of 500 captioned photos
(`python -m benchmarks.labels`): macro-F1 0.465 without answers, as good as the best common cut in
hindsight (0.462); 0.501 after 8 and 0.516 after 24 answers that `to_ask` chose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from search.relevance import evidence
from search.relevance.background import MIN_PHOTOS, Vector

LEAD = -0.6
"""The lead over other texts at which a photo is taken to show a label of usual generality."""
GENERALITY = evidence.GENERALITY / evidence.LEAD
"""How much less lead is needed of a more general label, as `search.relevance` weighs the two."""
AT_CUT = 0.25
"""The probability at the default cut. A cut that makes F1 best lies where the probability is half
of that F1 (Lipton, Elkan and Naryanaswamy 2014), which is about 0.5."""
_PRIOR_SIGMA = 0.7  # of the cut, in deviations of a photo's scores for many texts
_SLOPE, _SLOPE_SIGMA = 2.2, 0.4  # of the curve, per such deviation; the sigma is of its logarithm
_CUTS = np.linspace(-4, 4, 81)
_SLOPES = np.exp(np.linspace(-1.5, 1.5, 13))
_CUT_GRID, _SLOPE_GRID = np.meshgrid(_CUTS, _SLOPE * _SLOPES, indexing="ij")
_REACH = np.linspace(-8, 8, 641)
_AROUND = (0.5, 0.8, 1.2, 1.7)
"""Ranks to ask about, as multiples of the number of photos above the cut."""
STRONG, LIKELY = 0.75, 0.5
_NEGLIGIBLE = 1e-4


class Measured(Protocol):
    """A library whose photos were compared with other texts (`Grounds`)."""

    def leads(self, label: Vector, /) -> tuple[Vector, Vector]: ...

    def generality(self, label: Vector, /) -> float: ...


def default_cut(library: Measured, label: Vector) -> float:
    """Return the score from which photos have a label that nobody gave an answer for."""
    scores, leads = library.leads(label)
    if not len(scores):
        return 0.0
    # Photos that show something general lie nearer to texts that say more: "person" never leads.
    least = LEAD - GENERALITY * (library.generality(label) - evidence.USUAL_GENERALITY)
    if len(scores) < MIN_PHOTOS:
        # Too few for a line through them, but each photo can speak for itself.
        return float(scores[leads >= least].min(initial=scores.max() + 1e-4))
    upper = scores >= np.median(scores)
    slope, offset = np.polyfit(scores[upper], leads[upper], 1)
    if not slope > 0:
        return float(scores.max())
    return float((least - offset) / slope)


@dataclass(frozen=True, eq=False)
class Curve:
    """What is believed of the odds that a photo with a score shows a label.

    `drawn` is the probability at each of `_REACH`, which are distances from the score `middle` in
    deviations of a photo's scores for many texts (`unit`).
    """

    middle: float
    unit: float
    drawn: NDArray[np.float64]

    def score_of(self, probability: float) -> float:
        """Return the score at which the probability is this, as far as the curve goes."""
        return self.middle + float(np.interp(probability, self.drawn, _REACH)) * self.unit

    def probabilities(self, scores: Vector) -> NDArray[np.float64]:
        """Return the probability that a photo with each score (n,) shows the label, (n,)."""
        found = np.interp((scores - self.middle) / self.unit, _REACH, self.drawn)
        return np.asarray(found, np.float64)


def fit(
    unit: float,
    default: float,
    scores: Sequence[float],
    answers: Sequence[bool],
    at_default: float = AT_CUT,
) -> Curve:
    """Return the curve after some answers on photos with these scores.

    Before any answer, a photo with the score `default` has the probability `at_default`.
    """
    middle = default + unit * float(np.log(1 / at_default - 1)) / _SLOPE
    if not len(scores):
        return Curve(middle, unit, _prior())
    belief = _prior_belief()
    for score, yes in zip(scores, answers, strict=True):
        odds = _SLOPE_GRID * ((score - middle) / unit - _CUT_GRID)
        belief = belief - np.logaddexp(0, -odds if yes else odds)
    return Curve(middle, unit, _drawn(belief))


def _prior_belief() -> NDArray[np.float64]:
    belief = -((_CUT_GRID / _PRIOR_SIGMA) ** 2) / 2
    return np.asarray(belief - (np.log(_SLOPE_GRID / _SLOPE) / _SLOPE_SIGMA) ** 2 / 2)


@cache
def _prior() -> NDArray[np.float64]:
    return _drawn(_prior_belief())


def _drawn(belief: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of all likely curves at each distance of `_REACH`."""
    weights = np.exp(belief - belief.max())
    kept = weights > _NEGLIGIBLE
    odds = _SLOPE_GRID[kept] * (_REACH[:, None] - _CUT_GRID[kept])
    share = weights[kept] / weights[kept].sum()
    return np.asarray((1 / (1 + np.exp(-np.clip(odds, -30, 30)))) @ share)


def best_cut(probabilities: NDArray[np.float64], scores: Vector) -> float:
    """Return the score above which the expected F1 over these photos is best."""
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(probabilities[order])
    expected = 2 * right / (np.arange(1, len(order) + 1) + right[-1])
    return float(scores[order][int(expected.argmax())])


def cut_after(
    unit: float, default: float, library: Vector, scores: Sequence[float], answers: Sequence[bool]
) -> float:
    """Return the cut for a library with the scores (n,), after answers on some photos."""
    if not len(scores) or not len(library):
        return default
    return best_cut(fit(unit, default, scores, answers).probabilities(library), library)


def to_ask(library: Vector, cut: float, known: NDArray[np.bool_], count: int) -> list[int]:
    """Return the positions of up to `count` photos whose answers tell most about the cut.

    `library` (n,) are the scores, `known` (n,) tells which photos have an answer.
    """
    order = np.argsort(-library, kind="stable")
    free = ~known[order]
    above = max(int((library >= cut).sum()), 4)
    asked: list[int] = []
    for turn in range(min(count, int(free.sum()))):
        rank = min(int(above * _AROUND[turn % len(_AROUND)]), len(order) - 1)
        later = np.flatnonzero(free[rank:])
        place = rank + int(later[0]) if len(later) else int(np.flatnonzero(free)[0])
        free[place] = False
        asked.append(int(order[place]))
    return asked
