"""In which direction of the embedding space a tag lies, by its words and by photos that show it.

Photos point there by their mean, less that of the library. Photos that do not show it never turn
the direction: those that a person is asked about look like the others, and a classifier then
learns what happens to tell them apart. They place the cut instead.

How much the words say is learnt from the photos. They may mean nothing, as the name of a dog does,
or be worth as much as a few photos, or as many. Each of these is believed
by how likely it makes each photo to be the one that was chosen from the library, judged by the
other photos, and what results is their mean.

Measured by `python -m benchmarks.lessons`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.relevance.background import Vector, Vectors

WORTH = (8.0, 32.0)
"""Photos that words which mean something may be worth."""
MEANING = 0.7
"""How likely the words are taken to mean something, before any photo is seen."""
JUDGED = 200
"""Photos at most that are judged by the others."""
_FLAT = 1e-6  # deviation of scores that do not differ


@dataclass(frozen=True, eq=False)
class Line:
    """A score in deviations from the library's mean: `vector` (dim,) times a photo, + `offset`."""

    vector: Vector
    offset: float

    def of(self, photos: Vectors) -> Vector:
        """Return the scores of photos (n, dim), shape (n,)."""
        scores: Vector = photos @ self.vector + np.float32(self.offset)
        return scores

    def plus(self, other: Line, own: float, others: float) -> Line:
        """Return the weighted sum of two lines."""
        vector = np.asarray(own * self.vector + others * other.vector, np.float32)
        return Line(vector, own * self.offset + others * other.offset)


@dataclass(frozen=True, eq=False)
class Direction:
    """How photos are scored for a tag: `line`, with the words' share in `meaning` from 0 to 1.

    `judged` are the places of examples, and `scores` what each gets from the other ones. `words`
    is the words' own line.
    """

    line: Line
    meaning: float
    judged: Sequence[int]
    scores: Vector
    words: Line | None


def direction(sample: Vectors, yes: Vectors, words: Vector | None) -> Direction | None:
    """Return the direction of a tag, or None if there are neither photos nor words.

    `sample` (m, dim) are random photos of the library, `yes` (n, dim) photos that show the tag and
    `words` (dim,) the embedding of its text, all unit vectors.
    """
    spoken = None if words is None or not len(sample) else _standard(words, sample)
    if not len(sample) or not len(yes):
        nobody = np.empty(0, np.float32)
        return Direction(spoken, 1.0, (), nobody, spoken) if spoken else None
    shown = _standard(yes.mean(axis=0) - sample.mean(axis=0), sample)
    judged = _chosen(len(yes))
    alone = _by_the_others(sample, yes, judged)
    if spoken is None:
        return Direction(shown, 0.0, judged, alone.own, None)
    heard = _Scores(spoken.of(sample)[:, None], spoken.of(yes[judged]))
    beliefs = [(shown, alone, 1 - MEANING)]
    for worth in WORTH:
        photos = len(yes) / (len(yes) + worth)
        line = _standard(shown.plus(spoken, photos, 1 - photos).vector, sample)
        others = (len(yes) - 1) / (len(yes) - 1 + worth)
        beliefs.append((line, alone.plus(heard, others, 1 - others), MEANING / len(WORTH)))
    weights = _weights(np.array([_odds(prior, scores) for _line, scores, prior in beliefs]))
    line = Line(np.zeros_like(shown.vector), 0.0)
    own = np.zeros(len(judged), np.float32)
    for weight, (one, scores, _prior) in zip(weights.tolist(), beliefs, strict=True):
        line = line.plus(one, 1.0, weight)
        own += np.float32(weight) * scores.own
    return Direction(line, float(weights[1:].sum()), judged, own, spoken)


def _odds(prior: float, scores: _Scores) -> float:
    return float(np.log(prior) + scores.evidence.sum())


def _weights(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how likely each belief is, from logarithms up to a constant."""
    likely = np.exp(odds - odds.max())
    weights: NDArray[np.float64] = likely / likely.sum()
    return weights


def _standard(vector: Vector, sample: Vectors) -> Line:
    """Return the line along a vector, in which the sample has mean 0 and deviation 1."""
    scores = sample @ vector
    sigma = max(float(scores.std()), _FLAT)
    return Line(np.asarray(vector / sigma, np.float32), -float(scores.mean()) / sigma)


def _chosen(count: int) -> list[int]:
    """Return the places of the examples to judge, spread evenly."""
    few = np.linspace(0, count - 1, min(count, JUDGED)).astype(int)
    return [int(place) for place in np.unique(few)]


@dataclass(frozen=True, eq=False)
class _Scores:
    """What judges say: `sample` (m, k) about the library, `own` (k,) about one example each."""

    sample: Vectors
    own: Vector

    @property
    def evidence(self) -> Vector:
        """How much likelier than others each judge makes the example, as a logarithm."""
        likely: Vector = self.own - np.log(np.exp(self.sample).mean(axis=0))
        return likely

    def plus(self, other: _Scores, own: float, others: float) -> _Scores:
        """Return the judges who hear both, with these weights."""
        return _Scores.standard(
            own * self.sample + others * other.sample, own * self.own + others * other.own
        )

    @classmethod
    def standard(cls, sample: Vectors, own: Vector) -> _Scores:
        """Return scores in deviations of each judge's scores of the sample."""
        mean, sigma = sample.mean(axis=0), np.maximum(sample.std(axis=0), _FLAT)
        return cls((sample - mean) / sigma, np.asarray((own - mean) / sigma, np.float32))


def _by_the_others(sample: Vectors, yes: Vectors, judged: Sequence[int]) -> _Scores:
    """Return what the other examples say about each; a single one has nobody to judge it."""
    if len(yes) == 1:
        return _Scores(np.zeros((len(sample), 1), np.float32), np.zeros(1, np.float32))
    mean = sample.mean(axis=0)
    others = (yes.sum(axis=0) - yes[judged]) / (len(yes) - 1) - mean
    return _Scores.standard(sample @ others.T, (others * yes[judged]).sum(axis=1))
