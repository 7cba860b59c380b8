"""The bands Strong, Likely and Weak: how sure it is that a hit shows what a query asks for.

A cosine similarity means little by itself. How high it gets depends on the query, the model, and
the photo. So each photo is judged by itself (`search.relevance.evidence`): neither filters nor
what else the library shows change what is known of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from search.relevance.background import Background, Vector, Vectors
from search.relevance.evidence import ABSENT, FOREIGN, FURTHER, LIKELY, SLOPE, STRONG, smoothed

TOP = 60
"""First hits that are judged one by one. Of later ones, the score alone decides."""
_LAST = 20
"""The last of the judged hits, which stand for those that follow."""

PICTURE_STANDING = (0.4, 0.8)
"""The minimum for Likely and for Strong in queries by picture: shares of the library's photos."""
_PICTURE_TOP = 5

# Where the bands of a query by picture begin between the score of a typical photo (0) and that of
# the first hit (1).
_LIKELY_AT = 0.45
_STRONG_AT = 0.75
_STANDINGS = (0.5, 0.8)
"""The standing of a query whose best hit is just Likely, and just Strong."""


class Band(StrEnum):
    """How well a hit matches."""

    STRONG = "strong"
    LIKELY = "likely"
    WEAK = "weak"


@dataclass(frozen=True)
class Bands:
    """The scores at which the bands of one query begin.

    Hits that score at least `strong` are Strong, at least `likely` Likely, and others Weak; a
    bound is infinite where its band is empty. `typical` is the score of the library's median
    photo; a hit below it is no match at all. `best` is the score of the first hit, `standing`
    (0..1) how well it matches. `is_absent` says that it is nearly certain that the library has
    nothing of the kind; `is_empty` only that nothing matches well.
    """

    strong: float
    likely: float
    typical: float
    best: float
    standing: float
    is_absent: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing matches well."""
        return math.isinf(self.likely)

    def band(self, score: float) -> Band:
        """Return the band of a hit."""
        if score >= self.strong:
            return Band.STRONG
        return Band.LIKELY if score >= self.likely else Band.WEAK

    def confidence(self, score: float) -> float:
        """Return the confidence in a hit, 0..1. It orders hits and is no probability."""
        share = (score - self.typical) / max(self.best - self.typical, 1e-6)
        return self.standing * min(max(share, 0.0), 1.0)

    def score_at(self, confidence: float) -> float:
        """Return the lowest score that has this confidence; infinite where no hit has it."""
        if confidence > self.standing or self.standing == 0:
            return math.inf if confidence > 0 else -math.inf
        return self.typical + confidence / self.standing * (self.best - self.typical)


def find_bands(
    background: Background,
    query: Vector,
    photos: Vectors,
    *,
    total: int,
    wanted: Vector | None = None,
    each: Sequence[Vector] = (),
    by_picture: bool = False,
    foreign: bool = False,
) -> Bands:
    """Return the bands of a query.

    `query` (dim,) is the unit vector of the search; `photos` (k, dim) are the vectors of the first
    hits, at most `TOP`; `total` is the number of photos in the library. `wanted` is the direction
    of the wanted terms alone where the query is more than them. `each` are the wanted texts where
    there are several; a hit must show all of them. `by_picture` says that the query has no words,
    `foreign` that a text is in another language than English.
    """
    if not len(photos):
        return Bands(math.inf, math.inf, 0.0, 0.0, 0.0, is_absent=True)
    scores = photos @ query
    order = np.argsort(-scores, kind="stable")[:TOP]
    photos, scores = photos[order], scores[order]
    asked = query if wanted is None else wanted
    typical = background.typical(query)
    if by_picture:
        return _picture_bands(background, asked, photos, scores, typical, total)
    found = np.array([background.evidence(text, photos, total) for text in each or [asked]])
    # The least of several is low by chance, so the mean counts as well.
    evidence = smoothed((found.min(axis=0) + found.mean(axis=0)) / 2 + FOREIGN * foreign)
    best = float(evidence[0])
    slope = SLOPE / background.unit
    return Bands(
        _bound(scores, evidence, STRONG, slope),
        _bound(scores, evidence, FURTHER, slope) if best >= LIKELY else math.inf,
        typical,
        float(scores[0]),
        _standing(best),
        is_absent=best < ABSENT,
    )


def _bound(scores: Vector, evidence: NDArray[np.float64], least: float, slope: float) -> float:
    """Return the score at which hits begin to have the evidence `least`.

    `scores` (k,) and `evidence` (k,) fall from hit to hit. Where all judged hits have it and more
    follow, evidence is expected to fall by `slope` for each unit of score.
    """
    passed = int((evidence >= least).sum())
    if not passed:
        return math.inf
    if passed < len(scores):
        # Half-way to the next, since the index may round scores.
        return float(scores[passed - 1] + scores[passed]) / 2
    if len(scores) < TOP:
        return float(scores[-1]) - 1e-4
    spare = float(evidence[-_LAST:].mean()) - least
    return float(min(scores[-1] - 1e-4, scores[-_LAST:].mean() - spare / slope))


def _standing(evidence: float) -> float:
    """Return a standing of 0 to 1 that rises with the evidence."""
    low, high = (math.log(share / (1 - share)) for share in _STANDINGS)
    at = low + (evidence - LIKELY) / (STRONG - LIKELY) * (high - low)
    return 1 / (1 + math.exp(-max(min(at, 30.0), -30.0)))


def _picture_bands(
    background: Background,
    asked: Vector,
    photos: Vectors,
    scores: Vector,
    typical: float,
    total: int,
) -> Bands:
    """Return the bands of a query by picture, whose hits are compared with those of photos."""
    first = photos[:_PICTURE_TOP]
    own = first @ asked
    order = np.argsort(-own, kind="stable")
    spread = background.spread(asked)
    standing = background.pictures.standing(
        background.pictures.evidence(own[order], first[order], spread), total
    )
    best = float(scores[0])
    for_likely, for_strong = PICTURE_STANDING
    strong = likely = math.inf
    if standing >= for_likely and best > typical:
        likely = typical + _LIKELY_AT * (best - typical)
        if standing >= for_strong:
            strong = typical + _STRONG_AT * (best - typical)
    return Bands(strong, likely, typical, best, standing)
