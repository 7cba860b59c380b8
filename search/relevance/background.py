"""How well texts and pictures that nobody asked for do in a library, to compare queries with.

A cosine means little by itself: how high it gets depends on the query, the model and how many
photos there are to be like it. So the same is done with about a thousand everyday texts
(`background.txt`) as with the query, and what counts is how the query does among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
Vectors = NDArray[np.float32]

FEWEST = 10
"""Photos below which a library says nothing about a query."""
SAMPLE = 2000
"""Photos that stand for a library; more change the bands by less than a hundredth."""
SIZES = (FEWEST, 25, 60, 200, 600, SAMPLE)
"""Numbers of photos for which the background is measured: the best of more is better."""
TOP = 5
"""First hits that speak for a query: one alone is too often chance."""

_COMMON = 0.93
"""Share of the background texts that a query must beat with its best tenth of the library to
count as something that many photos show, such as "woman": nothing stands out of such a library."""
_HIGH = 0.9

_NORMAL = NormalDist()
_LOW = (0.3, 0.05)  # quantiles below which a library seldom has what was asked for

_RIVAL = 0.98  # of the rivals that a photo is compared with; those closer are often synonyms
_TYPICAL_MAD = 1.4826  # makes the median deviation of a normal distribution its sigma
_PICTURES = 400  # sample photos that stand for queries by picture


@cache
def texts() -> tuple[str, ...]:
    """Return the background texts, the same for every model."""
    return tuple(Path(__file__).with_name("background.txt").read_text("utf-8").split("\n")[:-1])


@dataclass(frozen=True)
class Spread:
    """Where the scores of one query lie in a library: median, robust sigma, best tenth."""

    middle: float
    sigma: float
    high: float


class Reference:
    """The evidence that each of many background queries finds in a library.

    `rivals` (m, dim) are what photos are compared with: texts for queries with words, photos
    for queries by picture alone. `sample` (n, dim) are random photos of the library. All rows
    are unit vectors. Raises ValueError for fewer than `FEWEST` photos.
    """

    def __init__(self, rivals: Vectors, sample: Vectors, *, same: bool = False) -> None:
        if len(sample) < FEWEST:
            raise ValueError(f"At least {FEWEST} photos are needed.")
        self.rivals = rivals
        scores = sample @ rivals.T
        if same:
            # A photo is no rival of itself, nor its own answer.
            scores[np.arange(len(rivals)), np.arange(len(rivals))] = scores.min()
        self._unit = float(scores.std(axis=1).mean())
        rival = np.quantile(scores, _RIVAL, axis=1)
        sizes = [size for size in SIZES if size < len(sample)] + [min(len(sample), SAMPLE)]
        self._sizes = np.array(sizes)
        found = [_evidence(scores[:size], rival[:size], self._unit) for size in sizes]
        self._found = np.sort(np.array(found), axis=1) if same else None
        low, lower = np.quantile(np.array(found), _LOW, axis=1)
        self._sigmas = (low - lower) / (_NORMAL.inv_cdf(_LOW[0]) - _NORMAL.inv_cdf(_LOW[1])) + 1e-6
        self._middles = low - _NORMAL.inv_cdf(_LOW[0]) * self._sigmas
        self._high = np.sort(np.quantile(scores, _HIGH, axis=0))

    def evidence(self, own: Vector, photos: Vectors, spread: Spread) -> float:
        """Return how much speaks for a query, in sigmas.

        `own` (k,) are its scores of its first hits, `photos` (k, dim) their vectors. Half of it
        is how much more these photos are like the query than like other things, half how far
        the first hit stands out of the library.
        """
        rival = np.quantile(photos @ self.rivals.T, _RIVAL, axis=1)
        margin = (own - rival)[:TOP] / self._unit
        out = (float(own[0]) - spread.middle) / spread.sigma
        return float((margin[0] + margin.mean()) / 2 + out) / 2

    def is_common(self, spread: Spread) -> bool:
        """Tell whether many photos of the library show what was asked for."""
        return bool(np.searchsorted(self._high, spread.high) >= _COMMON * len(self._high))

    def standing(self, evidence: float, total: int) -> float:
        """Return how seldom what a library of `total` photos lacks finds so much, 0..1.

        A library has some of the background's things and nobody knows which, so the normal
        distribution of what it lacks is read off the queries that find the least. Where photos
        are the queries, it is the share of them that find less.
        """
        at = _growth(total)
        # Half of the evidence is in sigmas of the library, where a larger one reaches further.
        shift = max(at - _growth(int(self._sizes[-1])), 0.0) / 2
        places = np.array([_growth(int(size)) for size in self._sizes])
        if self._found is not None:
            shares = [np.searchsorted(row, evidence - shift) / len(row) for row in self._found]
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
    sigma = _TYPICAL_MAD * np.median(np.abs(scores - middle), axis=0) + 1e-6
    out = (own[first, columns] - middle) / sigma
    return np.asarray((margin[first, columns] + margin.mean(axis=0)) / 4 + out / 2, np.float64)


def _growth(total: int) -> float:
    """Return how many sigmas the best of `total` normal values is expected above their mean."""
    return float(np.sqrt(2 * np.log(max(total, 2))))


class Background:
    """A library in one embedding space, as queries are compared with it.

    `texts` (m, dim) are the embedded background texts, `sample` (n, dim) random photos of the
    library. About 0.2 s of work and 10 MB are needed for each; threads may share it.
    """

    def __init__(self, texts: Vectors, sample: Vectors) -> None:
        # Kept as float32: turning them into it for each query took longer than the query.
        self._sample = np.ascontiguousarray(sample[:SAMPLE], np.float32)
        self.words = Reference(texts, self._sample)
        self.pictures = Reference(self._sample[:_PICTURES], self._sample, same=True)
        self._mean_text = texts.mean(axis=0)
        self._mean_picture = self._sample.mean(axis=0)

    def spread(self, query: Vector) -> Spread:
        """Return where the scores of a unit query lie in the library."""
        scores = self._sample @ query
        middle = float(np.median(scores))
        sigma = _TYPICAL_MAD * float(np.median(np.abs(scores - middle))) + 1e-6
        return Spread(middle, sigma, float(np.quantile(scores, _HIGH)))

    def centred(self, vector: Vector, *, by_picture: bool) -> Vector:
        """Return what sets a picture or a text apart from others of its kind, shape (dim,).

        Embeddings of pictures lie in one cone and those of texts in another, so the direction
        to the own cone is common to all and says nothing.
        """
        mean: Vector = self._mean_picture if by_picture else self._mean_text
        return vector - mean

    def scaled(self, direction: Vector) -> Vector:
        """Return the direction with the length that spreads its scores in the library by 1."""
        return direction / max(float((self._sample @ direction).std()), 1e-6)
