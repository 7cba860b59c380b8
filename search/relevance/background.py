"""A library in one embedding space, and the fixed texts that its photos are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search.relevance import evidence

Vector = NDArray[np.float32]
Vectors = NDArray[np.float32]

MIN_PHOTOS = 10
"""Smaller libraries have no background, and their hits no bands."""
SAMPLE_SIZE = 2000
"""Random photos that represent a library."""
SIZES = (MIN_PHOTOS, 25, 60, 200, 600, SAMPLE_SIZE)
"""Library sizes for which queries by picture are measured: among more, the best is better."""
TOP = 5
"""First hits that count as evidence for a query by picture."""

_RIVAL = 0.98  # quantile of the rivals to compare a photo with; closer ones are often synonyms
_PICTURES = 400  # photos of the sample that serve as queries by picture
_USUAL = 600  # photos of the sample that tell what is usual for a text


@cache
def background_texts() -> tuple[str, ...]:
    """Return the background texts, which are the same for every model."""
    return tuple(_lines("background.txt"))


@cache
def nouns() -> tuple[tuple[str, int], ...]:
    """Return nouns with the number of kinds of the thing that WordNet knows: dog, 190."""
    pairs = (line.rsplit(" ", 1) for line in _lines("nouns.txt"))
    return tuple((noun, int(kinds)) for noun, kinds in pairs)


def _lines(name: str) -> list[str]:
    return Path(__file__).with_name(name).read_text("utf-8").split("\n")[:-1]


@dataclass(frozen=True)
class Spread:
    """The distribution of a query's scores in a library: median and robust sigma."""

    middle: float
    sigma: float


class Pictures:
    """The evidence that photos of a library find in it, as queries by picture.

    `sample` (n, dim) are random photos as unit vectors. Raises ValueError for fewer than
    `MIN_PHOTOS`.
    """

    def __init__(self, sample: Vectors) -> None:
        if len(sample) < MIN_PHOTOS:
            raise ValueError(f"A background needs at least {MIN_PHOTOS} photos.")
        self.rivals = sample[:_PICTURES]
        scores = sample @ self.rivals.T
        # A photo is neither a rival of itself nor its own answer.
        scores[np.arange(len(self.rivals)), np.arange(len(self.rivals))] = scores.min()
        self._unit = float(scores.std(axis=1).mean())
        rival = np.quantile(scores, _RIVAL, axis=1)
        sizes = [size for size in SIZES if size < len(sample)] + [min(len(sample), SAMPLE_SIZE)]
        self._sizes = np.array(sizes)
        found = [_evidence(scores[:size], rival[:size], self._unit) for size in sizes]
        self._evidence = np.sort(np.array(found), axis=1)

    def evidence(self, own: Vector, photos: Vectors, spread: Spread) -> float:
        """Return the evidence that the library has what a query shows, in sigmas.

        `own` (k,) are the scores of the first hits, `photos` (k, dim) their vectors. One half is
        how much closer these photos are to the query than to other photos, the other half how far
        the first hit stands out from the library.
        """
        rival = np.quantile(photos @ self.rivals.T, _RIVAL, axis=1)
        margin = (own - rival)[:TOP] / self._unit
        out = (float(own[0]) - spread.middle) / spread.sigma
        return float((margin[0] + margin.mean()) / 2 + out) / 2

    def standing(self, found: float, total: int) -> float:
        """Return the share of the photos that find less evidence among `total` photos, 0..1."""
        at = _growth(total)
        # Half of the evidence is in sigmas of the library, which grows with the library.
        shift = max(at - _growth(int(self._sizes[-1])), 0.0) / 2
        places = np.array([_growth(int(size)) for size in self._sizes])
        shares = [np.searchsorted(row, found - shift) / len(row) for row in self._evidence]
        return float(np.interp(at, places, shares))


def _evidence(scores: Vectors, rival: Vector, unit: float) -> NDArray[np.float64]:
    """Return the evidence of each column's query; `scores` (n photos, m queries)."""
    few = min(TOP, len(scores))
    top = np.argpartition(-scores, few - 1, axis=0)[:few]
    own = np.take_along_axis(scores, top, axis=0)
    margin = (own - rival[top]) / unit
    columns = np.arange(scores.shape[1])
    first = own.argmax(axis=0)
    middle = np.median(scores, axis=0)
    sigma = evidence.SIGMA_PER_MAD * np.median(np.abs(scores - middle), axis=0) + 1e-6
    out = (own[first, columns] - middle) / sigma
    return np.asarray((margin[first, columns] + margin.mean(axis=0)) / 4 + out / 2, np.float64)


def _growth(total: int) -> float:
    """Return how many sigmas above the mean the best of `total` normal values is expected."""
    return float(np.sqrt(2 * np.log(max(total, 2))))


class Background:
    """What the hits of a query in a library are compared with.

    `texts` (m, dim) are the embedded background texts, `sample` (n, dim) random photos of the
    library, and `nouns` (k, dim) the embedded nouns of `nouns`, if they are known. All rows are
    unit vectors. Making one takes about 0.3 s and 5 MB. Threads may share it.
    """

    def __init__(self, texts: Vectors, sample: Vectors, nouns: Vectors | None = None) -> None:
        # As float32, because converting the sample for each query took longer than the query.
        self._sample = np.ascontiguousarray(sample[:SAMPLE_SIZE], np.float32)
        self._texts, self._nouns = texts, nouns
        self.pictures = Pictures(self._sample)
        self._mean_text = texts.mean(axis=0)
        self._mean_picture = self._sample.mean(axis=0)
        self.unit = float((self._sample[:_PICTURES] @ texts.T).std(axis=1).mean())
        """How far apart the scores of a photo for different texts lie: their deviation."""
        scores = self._sample[:_USUAL] @ texts.T
        self._rivals = evidence.Rivals.of(scores)
        margins = self._rivals.margins(scores)
        self._usual = evidence.Usual.of(margins)
        self._ahead = evidence.leading(self._usual.distances(margins))

    def evidence(self, text: Vector, photos: Vectors, total: int) -> NDArray[np.float64]:
        """Return the evidence that each of the first hits shows a text, best first, shape (k,).

        It is the logarithm of the odds. `photos` (k, dim) are the hits; `total` is the number of
        photos in the library.
        """
        return evidence.of_features(self.features(text, photos), total)

    def leads(self, text: Vector) -> tuple[Vector, Vector]:
        """Return what photos of the library score for a text and how far it leads in them, (n,)."""
        scores = self._sample[:_USUAL] @ text
        margins = self._rivals.margins(scores[:, None])
        distances = evidence.Usual.of(margins).distances(margins)[:, 0]
        return scores, evidence.leads(margins[:, 0], distances, self._ahead)

    def features(self, text: Vector, photos: Vectors) -> NDArray[np.float64]:
        """Return what is known of each of the first hits of a text, best first, (k, 4)."""
        scores, own = photos @ self._texts.T, (photos @ text)[:, None]
        rivals = evidence.Rivals.of(scores)
        margins, others = rivals.margins(own), self._usual.distances(rivals.margins(scores))
        in_library = self._rivals.margins((self._sample[:_USUAL] @ text)[:, None])
        distances = evidence.Usual.of(in_library).distances(margins)
        lead = evidence.leads(margins[:, 0], distances[:, 0], evidence.leading(others))
        return evidence.features(lead, self.generality(text))

    def generality(self, text: Vector) -> float:
        """Return the logarithm of the number of kinds that a text names: much for "animal"."""
        if self._nouns is None:
            return evidence.USUAL_GENERALITY
        return evidence.generality(self._nouns @ text, log_kinds())

    def typical(self, query: Vector) -> float:
        """Return the median of the scores of a unit query in the library."""
        return float(np.median(self._sample @ query))

    def spread(self, query: Vector) -> Spread:
        """Return the distribution of the scores of a unit query in the library."""
        scores = self._sample @ query
        middle = float(np.median(scores))
        return Spread(
            middle, evidence.SIGMA_PER_MAD * float(np.median(np.abs(scores - middle))) + 1e-6
        )

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


@cache
def log_kinds() -> Vector:
    """Return the logarithms of the numbers of kinds of `nouns`, (k,)."""
    return np.log(np.array([kinds for _, kinds in nouns()], np.float32))
