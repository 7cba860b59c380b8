"""Which label of a one-of set a photo has.

The highest cosine similarity is a fair choice but not the best: some labels are near to every
photo, and take photos from others. So each label is measured by what its own best photos score,
and labels that win many photos get something back, because they may be common. Measured with the
starter model (`python -m benchmarks.labels`): of 500 kinds 81.8 % right instead of 75.8, with half
of the kinds absent 78.2 instead of 75.8, of ten labels of which one has half of the photos 98.9
instead of 95.5. Subtracting each label's mean and dividing by its deviation, as is often done,
gives 76.6, 76.0 and 82.9.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from search.relevance.background import Vector, Vectors

BEST = 3
"""Photos that tell what a label can reach in this library."""
SAMPLE = 5_000
"""Photos that tell how common each label is."""
_AGAINST = 0.7  # how much of what a label reaches is taken from its scores
_COMMON = 0.5  # how much of its commonness it gets back
_ROUNDS = 5
_SHARPNESS = 7.2
"""Of the choice while commonness is estimated, per deviation of a photo's scores for many texts."""
PROBABILITY_SHARPNESS = 3.0
"""That of the probabilities: calibrated within 0.04 for 10 to 500 kinds with the starter model."""


@dataclass(frozen=True)
class Choice:
    """How the labels of a set (k,) are compared: what is added to the score of each.

    `unit` is the deviation of a photo's scores for many texts (`Background.unit`).
    """

    offsets: Vector
    unit: float

    def scores(self, cosines: Vectors) -> Vectors:
        """Return comparable scores from cosine similarities, both (n, k)."""
        scores: Vectors = cosines + self.offsets
        return scores

    def probabilities(self, cosines: Vectors) -> Vectors:
        """Return the probability of each label, (n, k), if the photo has one of them."""
        return softmax(self.scores(cosines) * (PROBABILITY_SHARPNESS / self.unit))


def choice(cosines: Vectors, unit: float) -> Choice:
    """Return how to choose in a library whose photos have these cosine similarities, (n, k)."""
    sample = cosines[:: max(1, len(cosines) // SAMPLE)]
    return choice_of(largest(cosines, BEST), sample, unit)


def choice_of(best: Vectors, sample: Vectors, unit: float) -> Choice:
    """Return the same from the best scores of each label (`BEST`, k) and those of some photos."""
    if not len(sample):
        return Choice(np.zeros(sample.shape[1], np.float32), unit)
    sharpness = _SHARPNESS / unit
    offsets = against = -_AGAINST * best.mean(axis=0)
    for _round in range(_ROUNDS):
        won = softmax((sample + offsets) * sharpness).sum(axis=0)
        common = (won + 1) / (won.sum() + len(won))
        offsets = against + _COMMON * np.log(common) / sharpness
    return Choice(np.asarray(offsets, np.float32), unit)


def softmax(scores: Vectors) -> Vectors:
    """Return probabilities from scores, by row."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Vectors = powers / powers.sum(axis=1, keepdims=True)
    return shares


def largest(cosines: Vectors, count: int) -> Vectors:
    """Return the `count` largest scores of each label, or all where there are fewer."""
    few = min(count, len(cosines))
    return np.partition(cosines, len(cosines) - few, axis=0)[len(cosines) - few :]
