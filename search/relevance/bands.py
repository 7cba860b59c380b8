"""The bands Strong, Likely and Weak: how good a query's hits are, compared with other queries.

A cosine similarity means little by itself. How high it gets depends on the query, the model, and
the number of photos. So about a thousand everyday texts (`background.txt`) are searched for in the
same library, and what counts is how the query ranks among them: its *standing*.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
Vectors = NDArray[np.float32]

MIN_PHOTOS = 10
"""Smaller libraries have no background, and their hits no bands."""
SAMPLE_SIZE = 2000
"""Random photos that represent a library; more change the bands by less than a hundredth."""
SIZES = (MIN_PHOTOS, 25, 60, 200, 600, SAMPLE_SIZE)
"""Library sizes for which the background is measured: among more photos, the best is better."""
TOP = 5
"""First hits that count as evidence for a query; a single one is too often chance."""

_COMMON = 0.93
"""A query counts as something that many photos show, such as "woman", when the best tenth of the
library scores higher for it than for this share of the background texts."""
_HIGH = 0.9

_NORMAL = NormalDist()
_LOW = (0.3, 0.05)  # quantiles of the evidence below which a library seldom has the thing

_RIVAL = 0.98  # quantile of the rivals to compare a photo with; closer ones are often synonyms
_SIGMA_PER_MAD = 1.4826  # for a normal distribution
_PICTURES = 400  # photos of the sample that serve as queries by picture

LIKELY_STANDING = ((20, 0.94), (500, 0.87))
"""The minimum standing of a query with words to match anything, for two library sizes.

Between the two it follows the logarithm of the size, because a few photos tell little. About 85 %
of the concepts that a library lacks stay below it (`python -m benchmarks.relevance`)."""
STRONG_STANDING = 0.97
"""The minimum standing of a query for its first hits to be Strong."""
COMMON_STANDING = 0.94
"""The standing that a query for what many photos show has at least."""
PICTURE_STANDING = (0.4, 0.8)
"""The minimum for Likely and for Strong in queries by picture: shares of the library's photos."""
SEVERAL_ROOT = 3
"""With several wanted texts, this root of their lowest standing counts, because the lowest of
several is low by chance. Two thirds then count as 0.87 does for one text."""

# Where the bands begin between the score of a typical photo (0) and that of the first hit (1).
_LIKELY_AT = 0.45
_STRONG_AT = 0.75


@cache
def background_texts() -> tuple[str, ...]:
    """Return the background texts, which are the same for every model."""
    return tuple(Path(__file__).with_name("background.txt").read_text("utf-8").split("\n")[:-1])


@dataclass(frozen=True)
class Spread:
    """The distribution of a query's scores in a library: median, robust sigma, 0.9 quantile."""

    middle: float
    sigma: float
    high: float


class Reference:
    """The evidence that many background queries find in a library.

    `rivals` (m, dim) are the background queries: texts for queries with words, photos for queries
    by picture alone. `sample` (n, dim) are random photos of the library; with `same`, the rivals
    are its first rows. All rows are unit vectors. Raises ValueError for fewer than `MIN_PHOTOS`
    photos.
    """

    def __init__(self, rivals: Vectors, sample: Vectors, *, same: bool = False) -> None:
        if len(sample) < MIN_PHOTOS:
            raise ValueError(f"A background needs at least {MIN_PHOTOS} photos.")
        self.rivals = rivals
        scores = sample @ rivals.T
        if same:
            # A photo is neither a rival of itself nor its own answer.
            scores[np.arange(len(rivals)), np.arange(len(rivals))] = scores.min()
        self._unit = float(scores.std(axis=1).mean())
        rival = np.quantile(scores, _RIVAL, axis=1)
        sizes = [size for size in SIZES if size < len(sample)] + [min(len(sample), SAMPLE_SIZE)]
        self._sizes = np.array(sizes)
        evidence = [_evidence(scores[:size], rival[:size], self._unit) for size in sizes]
        self._evidence = np.sort(np.array(evidence), axis=1) if same else None
        low, lower = np.quantile(np.array(evidence), _LOW, axis=1)
        self._sigmas = (low - lower) / (_NORMAL.inv_cdf(_LOW[0]) - _NORMAL.inv_cdf(_LOW[1])) + 1e-6
        self._middles = low - _NORMAL.inv_cdf(_LOW[0]) * self._sigmas
        self._high = np.sort(np.quantile(scores, _HIGH, axis=0))

    def evidence(self, own: Vector, photos: Vectors, spread: Spread) -> float:
        """Return the evidence that the library has what a query asks for, in sigmas.

        `own` (k,) are the scores of the first hits, `photos` (k, dim) their vectors. One half is
        how much closer these photos are to the query than to other things, the other half how far
        the first hit stands out from the library.
        """
        rival = np.quantile(photos @ self.rivals.T, _RIVAL, axis=1)
        margin = (own - rival)[:TOP] / self._unit
        out = (float(own[0]) - spread.middle) / spread.sigma
        return float((margin[0] + margin.mean()) / 2 + out) / 2

    def is_common(self, spread: Spread) -> bool:
        """Tell whether many photos of the library show what the query asks for."""
        return bool(np.searchsorted(self._high, spread.high) >= _COMMON * len(self._high))

    def standing(self, evidence: float, total: int) -> float:
        """Return the share of things absent from `total` photos that find less evidence, 0..1.

        Nobody knows which of the background texts a library shows. So the distribution for absent
        things, taken as normal, is fitted to the texts that find the least. Where photos are the
        queries, it is the share of them that find less.
        """
        at = _growth(total)
        # Half of the evidence is in sigmas of the library, which grows with the library.
        shift = max(at - _growth(int(self._sizes[-1])), 0.0) / 2
        places = np.array([_growth(int(size)) for size in self._sizes])
        if self._evidence is not None:
            shares = [np.searchsorted(row, evidence - shift) / len(row) for row in self._evidence]
            return float(np.interp(at, places, shares))
        above = (evidence - shift - self._middles) / self._sigmas
        return _NORMAL.cdf(float(np.interp(at, places, above)))


def _evidence(scores: Vectors, rival: Vector, unit: float) -> NDArray[np.float64]:
    """Return the evidence of each column's query; `scores` (n photos, m queries)."""
    few = min(TOP, len(scores))
    top = np.argpartition(-scores, few - 1, axis=0)[:few]
    own = np.take_along_axis(scores, top, axis=0)
    margin = (own - rival[top]) / unit
    columns = np.arange(scores.shape[1])
    first = own.argmax(axis=0)
    middle = np.median(scores, axis=0)
    sigma = _SIGMA_PER_MAD * np.median(np.abs(scores - middle), axis=0) + 1e-6
    out = (own[first, columns] - middle) / sigma
    return np.asarray((margin[first, columns] + margin.mean(axis=0)) / 4 + out / 2, np.float64)


def _growth(total: int) -> float:
    """Return how many sigmas above the mean the best of `total` normal values is expected."""
    return float(np.sqrt(2 * np.log(max(total, 2))))


class Background:
    """A library in one embedding space, for comparing queries.

    `texts` (m, dim) are the embedded background texts, `sample` (n, dim) random photos of the
    library. Making one takes about 0.2 s and 10 MB. Threads may share it.
    """

    def __init__(self, texts: Vectors, sample: Vectors) -> None:
        # As float32, because converting the sample for each query took longer than the query.
        self._sample = np.ascontiguousarray(sample[:SAMPLE_SIZE], np.float32)
        self.words = Reference(texts, self._sample)
        self.pictures = Reference(self._sample[:_PICTURES], self._sample, same=True)
        self._mean_text = texts.mean(axis=0)
        self._mean_picture = self._sample.mean(axis=0)

    def spread(self, query: Vector) -> Spread:
        """Return the distribution of the scores of a unit query in the library."""
        scores = self._sample @ query
        middle = float(np.median(scores))
        sigma = _SIGMA_PER_MAD * float(np.median(np.abs(scores - middle))) + 1e-6
        return Spread(middle, sigma, float(np.quantile(scores, _HIGH)))

    def centre(self, vector: Vector, *, by_picture: bool) -> Vector:
        """Return the difference of a picture or text from the mean of its kind, shape (dim,).

        Embeddings of pictures lie in one cone and those of texts in another. The direction to the
        cone is common to all of a kind and carries no meaning.
        """
        mean: Vector = self._mean_picture if by_picture else self._mean_text
        return vector - mean

    def scale(self, direction: Vector) -> Vector:
        """Return the direction, scaled so that its scores in the library have a deviation of 1."""
        return direction / max(float((self._sample @ direction).std()), 1e-6)


# --- bands ----------------------------------------------------------------------------------------


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
    (0..1) the rank of the query among the background.
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

    @property
    def is_absent(self) -> bool:
        """Whether it is nearly certain that the library has nothing of the kind."""
        return self.is_empty

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
) -> Bands:
    """Return the bands of a query.

    `query` (dim,) is the unit vector of the search; `photos` (k, dim) are the vectors of the first
    hits, best first, at most `TOP`; `total` is the number of photos searched, after filters.
    `wanted` is the direction of the wanted terms alone where others were subtracted, because
    whether the library has a thing does not depend on what is left out. `each` are the wanted
    texts where there are several; the first hits must show all of them. `by_picture` says that
    the query has no words.
    """
    if not len(photos):
        return Bands(math.inf, math.inf, 0.0, 0.0, 0.0)
    photos = photos[:TOP]
    spread = background.spread(query)
    directions = each or (query if wanted is None else wanted,)
    root = SEVERAL_ROOT if len(directions) > 1 else 1
    standing = min(
        _standing(background, direction, photos, total, root, by_picture=by_picture)
        for direction in directions
    )
    best, typical = float((photos @ query).max()), spread.middle
    for_likely, for_strong = PICTURE_STANDING
    if not by_picture:
        for_likely, for_strong = likely_standing(total), STRONG_STANDING
    strong = likely = math.inf
    if standing >= for_likely and best > typical:
        likely = typical + _LIKELY_AT * (best - typical)
        if standing >= for_strong:
            strong = typical + _STRONG_AT * (best - typical)
    return Bands(strong, likely, typical, best, standing)


def _standing(
    background: Background,
    wanted: Vector,
    photos: Vectors,
    total: int,
    root: int,
    *,
    by_picture: bool,
) -> float:
    """Return the standing of one wanted thing among the background, 0..1."""
    spread = background.spread(wanted)
    own = photos @ wanted
    order = np.argsort(-own, kind="stable")
    reference = background.pictures if by_picture else background.words
    evidence = reference.evidence(own[order], photos[order], spread)
    standing = float(reference.standing(evidence, total) ** (1 / root))
    if not by_picture and reference.is_common(spread):
        standing = max(standing, COMMON_STANDING)
    return standing


def likely_standing(total: int) -> float:
    """Return the minimum standing for a query to match anything among `total` photos."""
    sizes, shares = zip(*LIKELY_STANDING, strict=True)
    return float(np.interp(math.log(max(total, 1)), np.log(sizes), shares))
