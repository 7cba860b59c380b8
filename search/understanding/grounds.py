"""What the photos of a library score for other texts, which a label is measured against.

It is what `search.relevance.Background` knows of single photos, but it exists for a library of
any size, and before the background texts of a new model are embedded.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import cache
from threading import Lock

from search.relevance import evidence, library as relevance_library
from search.relevance.background import Vector, Vectors, background_texts, log_kinds
from search.understanding import directions
from search.understanding.library_vectors import LibraryVectors

SAMPLE = 600
"""Photos that tell what is usual for a text, as `search.relevance` has it."""
_KEPT = 4
_EACH = 16  # of the background texts every so-manieth serves while they are being embedded
_USUAL_UNIT = 0.09  # of the starter model; for libraries without photos

_guard = Lock()
_kept: OrderedDict[tuple[str, str, bool], Grounds] = OrderedDict()


class Grounds:
    """Photos (n, dim) of a library beside other texts (m, dim), both unit vectors.

    `unit` is the deviation of a photo's scores for these texts. `names` (k, dim) are the embedded
    nouns of `search.relevance`, if they are known.
    """

    def __init__(self, sample: Vectors, texts: Vectors, names: Vectors | None = None) -> None:
        self._sample, self._names = sample, names
        self.unit = _USUAL_UNIT
        if len(sample):
            scores = sample @ texts.T
            self.unit = float(scores.std(axis=1).mean()) + 1e-6
            self._rivals = evidence.Rivals.of(scores)
            margins = self._rivals.margins(scores)
            self._ahead = evidence.leading(evidence.Usual.of(margins).distances(margins))

    def leads(self, label: Vector) -> tuple[Vector, Vector]:
        """Return what the photos score for a text and how far it leads in them, (n,)."""
        scores: Vector = self._sample @ label
        if not len(scores):
            return scores, scores
        margins = self._rivals.margins(scores[:, None])
        distances = evidence.Usual.of(margins).distances(margins)[:, 0]
        return scores, evidence.leads(margins[:, 0], distances, self._ahead)

    def generality(self, label: Vector) -> float:
        """Return the logarithm of the number of kinds that a text names: much for "animal"."""
        if self._names is None:
            return evidence.USUAL_GENERALITY
        return evidence.generality(self._names @ label, log_kinds())


def grounds_of(key: str, library: LibraryVectors) -> Grounds:
    """Return the grounds of a library in the space of the model `key`.

    Raises `ModelUnavailable` if texts must be embedded and cannot be.
    """
    texts, names = texts_of(key)
    known = (key, library.stamp, names is not None)
    with _guard:
        if known in _kept:
            _kept.move_to_end(known)
            return _kept[known]
    made = Grounds(library.sample(SAMPLE), texts, names)
    with _guard:
        _kept[known] = made
        while len(_kept) > _KEPT:
            _kept.popitem(last=False)
    return made


def texts_of(key: str) -> tuple[Vectors, Vectors | None]:
    """Return the embedded background texts and nouns; some of the texts while they are not stored.

    Raises `ModelUnavailable` if texts must be embedded and cannot be.
    """
    stored, count = relevance_library.stored_texts(key), len(background_texts())
    return (_few_texts(key), None) if stored is None else (stored[:count], stored[count:])


@cache
def _few_texts(key: str) -> Vectors:
    return directions.directions(key, [[text] for text in background_texts()[::_EACH]])
