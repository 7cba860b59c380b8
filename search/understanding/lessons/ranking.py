"""Which photos a tag belongs on, as far as a lesson taught.

All photos are ranked by the `direction`. The answers place the cut (`labels.cuts`): each yes by
what the other examples say about it, and no more of them than there are noes, the latest, because
photos that were chosen for being right tell nothing about where wrong ones begin. On concepts of
500 captioned photos, 91 % of the sure photos are right after 5 yes alone, and 97 and 98 % after 8
and 24 more answers; if the words mean something else, 82 % and 85 % (`python -m
benchmarks.lessons`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from gallery.models import EmbeddingModel
from search.relevance import Background
from search.relevance.background import Vector
from search.relevance.library import background_of
from search.understanding.labels import cuts
from search.understanding.lessons.answers import Answers, answers_of
from search.understanding.lessons.direction import Direction, Line, direction
from search.understanding.lessons.vectors import example_vectors, words_vector
from search.understanding.library_vectors import LibraryVectors, library_vectors
from search.understanding.models import Lesson

SURE, UNSURE = 0.85, 0.3
"""From which probability on a photo surely shows what is taught, and lies at the border."""
SAMPLE = 2000
"""Random photos that represent the library."""
_FAR = 2.0  # where the cut lies for words that mean nothing: in deviations from the library's mean
_UNIT = 0.82
"""What `Background.unit` is in deviations of the scores of a word, where it is not known."""
_ENOUGH = 20_000
"""Photos that tell where the cut is best."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """All photos of a library (n,) by how well they show what is taught.

    `scores` are in deviations from the library's mean, `probabilities` from 0 to 1. `known` tells
    which photos have the tag or were answered no. `cut` is the score from which a photo is taken to
    show it. `agreed` counts the answers that the others would have expected, of `asked`;
    `meaning` is how much the words count, None where there are none.
    """

    library: LibraryVectors
    scores: Vector
    probabilities: NDArray[np.float64]
    known: NDArray[np.bool_]
    cut: float
    agreed: int
    asked: int
    meaning: float | None

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """The places of the photos that are not known, the best first."""
        free = np.flatnonzero(~self.known)
        return free[np.argsort(-self.scores[free])]

    @cached_property
    def is_sure(self) -> NDArray[np.bool_]:
        """Which photos surely show it, (n,)."""
        return ~self.known & (self.probabilities >= SURE)

    @property
    def sure(self) -> int:
        """How many photos surely show it."""
        return int(self.is_sure.sum())

    @property
    def border(self) -> int:
        """How many photos lie around the cut."""
        around = ~self.known & ~self.is_sure & (self.probabilities >= UNSURE)
        return int(around.sum())

    def sure_ids(self) -> list[UUID]:
        """Return the photos that surely show it, the best first."""
        return self.library.photo_ids(self.order[self.is_sure[self.order]])


def ranking_of(lesson: Lesson, model: EmbeddingModel, *, fresh: bool = False) -> Ranking | None:
    """Return the ranking of an owner's photos; None while nothing can be learnt.

    That is so without photos that have vectors, and without examples if the words cannot be read.
    Photos of the last seconds may be missing, but not with `fresh`.
    """
    library = library_vectors(lesson.owner, model, fresh=fresh)
    if not len(library):
        return None
    answers = answers_of(lesson)
    _yes, rows = example_vectors(answers, library, model)
    words = words_vector(lesson, model)
    sample = library.sample(SAMPLE)
    learnt = direction(sample, rows, words)
    if learnt is None:
        return None
    background = background_of(lesson.owner, model)
    return rank(library, learnt, words, answers, background)


def rank(
    library: LibraryVectors,
    learnt: Direction,
    words: Vector | None,
    answers: Answers,
    background: Background | None,
) -> Ranking:
    """Return the ranking in a direction that was learnt."""
    scores = library.scores(learnt.line.vector[None])[:, 0] + np.float32(learnt.line.offset)
    refused = scores[_places(library, answers.no)]
    unit, default = _beginning(learnt, words, background)
    count = min(len(refused), len(learnt.scores))
    shown = learnt.scores[len(learnt.scores) - count :]
    heard = np.concatenate([shown, refused])
    said = [True] * count + [False] * len(refused)
    curve = cuts.fit(unit, default, heard.tolist(), said, at_default=cuts.LIKELY)
    probabilities = curve.probabilities(scores)
    every = slice(None, None, max(1, len(scores) // _ENOUGH))
    cut = cuts.best_cut(probabilities[every], scores[every]) if len(refused) else default
    known = np.zeros(len(library), bool)
    known[_places(library, answers.known)] = True
    return Ranking(
        library, scores, probabilities, known, cut,
        agreed=_right(curve, learnt.scores, yes=True) + _right(curve, refused, yes=False),
        asked=len(learnt.scores) + len(refused),
        meaning=None if learnt.words is None else learnt.meaning,
    )  # fmt: skip


def _right(curve: cuts.Curve, scores: Vector, *, yes: bool) -> int:
    """Return how many of the answers with these scores are what the curve expects."""
    if not len(scores):
        return 0
    return int(((curve.probabilities(scores) >= cuts.LIKELY) == yes).sum())


def _places(library: LibraryVectors, photo_ids: Iterable[UUID]) -> list[int]:
    found = (library.place(photo_id) for photo_id in photo_ids)
    return [place for place in found if place is not None]


def _beginning(
    learnt: Direction, words: Vector | None, background: Background | None
) -> tuple[float, float]:
    """Return the unit of scores and the cut before any answer, both in deviations."""
    if words is None or learnt.words is None or background is None:
        return _UNIT, _FAR
    per_score = _slope(learnt.words, words)
    cut = cuts.default_cut(background, words) * per_score + learnt.words.offset
    return background.unit * per_score, learnt.meaning * cut + (1 - learnt.meaning) * _FAR


def _slope(line: Line, words: Vector) -> float:
    """Return by how many deviations a cosine similarity of 1 with the words raises the score."""
    return float(line.vector @ words) / max(float(words @ words), 1e-6)
