"""Cutting a ranked list into Strong, Likely and Weak."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from search.relevance.background import TOP, Background, Vector, Vectors

LIKELY_STANDING = ((20, 0.94), (500, 0.87))
"""Photos in a library, and the standing from which on a query with words matches something.
Between the two it follows the logarithm of the size, for a few photos tell little. Measured by
`python -m benchmarks.relevance`: about 85 % of the concepts that a library lacks stay below."""
STRONG_STANDING = 0.97
"""From here on the first hits are Strong."""
COMMON_STANDING = 0.94
"""The least standing of what many photos show."""
PICTURE_STANDING = (0.4, 0.8)
"""The same two for queries by picture alone: shares of the library's own photos."""
SEVERAL = 3
"""The root that is taken of the least standing of several wanted texts, for the least of several
is low by chance: two thirds count as 0.87 does for one."""

_LIKELY_AT = 0.45  # of the way from a typical photo to the first hit
_STRONG_AT = 0.75


class Band(StrEnum):
    """How far a hit can be trusted."""

    STRONG = "strong"
    LIKELY = "likely"
    WEAK = "weak"


@dataclass(frozen=True)
class Cut:
    """Where the bands of one query begin, on the scale of its scores.

    Hits from `strong` on are Strong, from `likely` on Likely, the others Weak; infinite where a
    band is empty. Below `typical`, the score of the library's median photo, a hit is no match
    at all. `best` is the first hit's score, `standing` (0..1) how the query does among the
    background.
    """

    strong: float
    likely: float
    typical: float
    best: float
    standing: float

    @property
    def is_empty(self) -> bool:
        """Whether nothing matches well."""
        return math.isinf(self.likely)

    def band(self, score: float) -> Band:
        """Return the band of a hit."""
        if score >= self.strong:
            return Band.STRONG
        return Band.LIKELY if score >= self.likely else Band.WEAK

    def trust(self, score: float) -> float:
        """Return 0..1, falling with the score: for ordering and a slider, no probability."""
        way = (score - self.typical) / max(self.best - self.typical, 1e-6)
        return self.standing * min(max(way, 0.0), 1.0)

    def score_at(self, trust: float) -> float:
        """Return the score from which on hits have this trust, infinite where none has."""
        if trust > self.standing or self.standing == 0:
            return math.inf if trust > 0 else -math.inf
        return self.typical + trust / self.standing * (self.best - self.typical)


def bands(
    background: Background,
    query: Vector,
    photos: Vectors,
    *,
    total: int,
    asked: Vector | None = None,
    each: Sequence[Vector] = (),
    by_picture: bool = False,
) -> Cut:
    """Return where the bands of a query begin.

    `query` (dim,) is the unit vector that was searched with; `photos` (k, dim) the vectors of
    the first hits, best first, `TOP` of them or what there is; `total` the number of photos that
    were searched, after filters. `asked` is the direction of the wanted terms alone where others
    were subtracted: whether the library has the thing does not depend on what is left out.
    `each` are the wanted texts where there are several: the first hits must show all of them.
    `by_picture` tells that the query has no words.
    """
    if not len(photos):
        return Cut(math.inf, math.inf, 0.0, 0.0, 0.0)
    photos = photos[:TOP]
    spread = background.spread(query)
    wanted = each or (query if asked is None else asked,)
    root = SEVERAL if len(wanted) > 1 else 1
    standing = min(
        _standing(background, one, photos, total, root, by_picture=by_picture) for one in wanted
    )
    best = float((photos @ query).max())
    needed = PICTURE_STANDING if by_picture else (bar(total), STRONG_STANDING)
    return _cut(best, spread.middle, standing, needed)


def _standing(
    background: Background,
    wanted: Vector,
    photos: Vectors,
    total: int,
    root: int,
    *,
    by_picture: bool,
) -> float:
    """Return how the photos do for one wanted thing among the background, 0..1."""
    about = background.spread(wanted)
    own = photos @ wanted
    order = np.argsort(-own, kind="stable")
    reference = background.pictures if by_picture else background.words
    found = reference.standing(reference.evidence(own[order], photos[order], about), total)
    standing = float(found ** (1 / root))
    if not by_picture and reference.is_common(about):
        standing = max(standing, COMMON_STANDING)
    return standing


def bar(total: int) -> float:
    """Return the standing from which on a query matches something, among `total` photos."""
    sizes, shares = zip(*LIKELY_STANDING, strict=True)
    return float(np.interp(math.log(max(total, 1)), np.log(sizes), shares))


def _cut(best: float, typical: float, standing: float, needed: tuple[float, float]) -> Cut:
    strong = likely = math.inf
    if standing >= needed[0] and best > typical:
        likely = typical + _LIKELY_AT * (best - typical)
        if standing >= needed[1]:
            strong = typical + _STRONG_AT * (best - typical)
    return Cut(strong, likely, typical, best, standing)
