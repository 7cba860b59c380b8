"""All photos by how well they match a query: by vector, by their parts, and by words.

The first `WINDOW` hits are fetched at once and put in order; what comes after them is weak and
follows by vector alone. Positions count from 0 and are the same for every page of one query.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from uuid import UUID

import numpy as np

from gallery.models import EmbeddingModel
from search import fulltext, parts as regions
from search.engine.target import Target
from search.filters import FilteredPhotos
from search.parts.scale import Scale
from search.relevance import TOP, Background, Band, Bands, find_bands
from search.vectors.index import (
    And,
    Filter,
    HasIds,
    Hit,
    Not,
    open_index,
    reciprocal_rank_fusion,
)

WINDOW = 1000
"""Hits that are put in order, counted, and sorted in other ways than by relevance."""
BY_PARTS = 200
"""Photos at most that parts of them bring into the window, or further up."""
DEEPEST = 10_000
"""Photos that are left out at most for showing one thing that a query excludes."""
LEFT_OUT = 20_000
"""The same for all that it excludes: SQL is told each, and SQLite takes 32,766 values at once."""
BY_WORDS = 200
"""Hits by words at most."""


@dataclass(frozen=True)
class Ranked:
    """A photo in the ranking: its cosine similarity, and why it is there beyond that.

    `box` is the part that matched better than the whole. `words` says which of its words are
    those of the query; empty when none are.
    """

    id: UUID
    score: float
    box: regions.Box | None = None
    words: str = ""


class Ranking:
    """The photos that pass the filters, ordered for one target.

    Raises `VectorIndexError` when the index is away.
    """

    def __init__(
        self,
        model: EmbeddingModel,
        target: Target,
        narrowed: FilteredPhotos,
        said: fulltext.TextQuery,
        background: Background | None,
        scale: Scale | None = None,
    ) -> None:
        self.index = open_index(model.key, model.dim)
        self.model, self.target, self.narrowed = model, target, narrowed
        self.flt: Filter = narrowed.index_filter
        if target.photos:
            self.flt = And((narrowed.index_filter, Not(HasIds.of(target.photos))))
        self._said, self._background, self._scale = said, background, scale

    @cached_property
    def window(self) -> list[Ranked]:
        """The first hits: what matches, then what is weak, each best first."""
        fused = self._fused()
        matching = [one for one in fused if self.band(one) != Band.WEAK]
        return matching + [one for one in fused if self.band(one) == Band.WEAK]

    def matching(self, least: float | None = None) -> list[Ranked]:
        """Return what is Strong or Likely, or of trust `least`; all where there are no bands."""
        if least is None:
            return [one for one in self.window if self.band(one) != Band.WEAK]
        return [one for one in self.window if self.trust(one) >= least]

    def to_leave_out(self, least: float | None = None) -> set[UUID]:
        """Return the photos that match any term of a query that only excludes.

        Those that the query names are among them. Empty where there are no bands.
        """
        if self.cut is None:
            return set()
        apart = [
            Ranking(self.model, one, self.narrowed, self._said, self._background)
            for one in self.target.apart
        ]
        each = apart or [self]
        limit = min(DEEPEST, LEFT_OUT // len(each))
        return set(self.target.photos).union(*(one._all_matching(least, limit) for one in each))

    def _all_matching(self, least: float | None, limit: int) -> set[UUID]:
        """Return the photos that match, in the window and among the first `limit` hits."""
        found = {one.id for one in self.matching(least)}
        if self.cut is None or not self.is_longer:
            return found
        needed = self.cut.likely if least is None else self.cut.score_at(least)
        if self._by_vector[-1].score < needed:
            return found
        deep = self.index.query(self.target.vector, limit=limit, flt=self.flt)
        return found | {hit.id for hit in deep if hit.score >= needed}

    @property
    def is_longer(self) -> bool:
        """Whether hits follow behind the window."""
        return len(self._by_vector) == WINDOW

    @cached_property
    def cut(self) -> Bands | None:
        """Where the bands begin; None where nothing is known to compare with."""
        if self._background is None:
            return None
        first = [hit.id for hit in self._by_vector[:TOP]]
        found = {point.id: point.vector for point in self.index.fetch(first, with_vectors=True)}
        vectors = [found[one] for one in first if found.get(one) is not None]
        return find_bands(
            self._background,
            self.target.vector,
            np.array(vectors, np.float32).reshape(-1, self.model.dim),
            total=self.total,
            wanted=self.target.asked,
            each=self.target.each,
            by_picture=self.target.by_picture,
        )

    @cached_property
    def total(self) -> int:
        """How many photos pass the filters and are searchable; an estimate of more than `WINDOW`.

        Counting them takes as long as finding them.
        """
        few = len(self._by_vector) < WINDOW
        return len(self._by_vector) if few else max(self.index.count(self.flt, exact=False), WINDOW)

    @property
    def is_estimated(self) -> bool:
        """Whether `total` is not quite certain, as of all of a library it is."""
        return self.is_longer and bool(self.narrowed.conditions)

    def band(self, one: Ranked) -> Band | None:
        """Return how far a hit can be trusted; words that are there are there."""
        if self.cut is None:
            return None
        found = self.cut.band(one.score)
        return Band.STRONG if one.words and found != Band.STRONG else found

    def trust(self, one: Ranked) -> float:
        """Return how far a hit can be trusted, 0..1; words that are there are there."""
        if one.words or self.cut is None:
            return 1.0
        return self.cut.confidence(one.score)

    def after_window(self, position: int, limit: int) -> list[Ranked]:
        """Return hits from a position on that lies behind the window.

        Those that words or parts brought into the window come up again.
        """
        offset = WINDOW + position - len(self.window)
        hits = self.index.query(self.target.vector, limit=limit, offset=offset, flt=self.flt)
        return [Ranked(hit.id, hit.score) for hit in hits]

    def scores(self, ids: Iterable[UUID]) -> dict[UUID, float]:
        """Return the scores of these photos, wherever in the ranking they are."""
        wanted = set(ids)
        if not wanted:
            return {}
        flt = And((self.flt, HasIds.of(wanted)))
        hits = self.index.query(self.target.vector, limit=len(wanted), flt=flt)
        return {hit.id: hit.score for hit in hits}

    @cached_property
    def _by_vector(self) -> list[Hit]:
        return self.index.query(self.target.vector, limit=WINDOW, flt=self.flt)

    def _fused(self) -> list[Ranked]:
        ranked = self._with_parts()
        by_words = {
            hit.photo_id: hit.reason
            for hit in fulltext.search(self.narrowed.photos, self._said, limit=BY_WORDS)
            if hit.photo_id not in self.target.photos
        }
        if not by_words:
            return list(ranked.values())
        missing = self.scores(by_words.keys() - ranked.keys())
        ranked |= {one: Ranked(one, score) for one, score in missing.items()}
        said = [Hit(one, 0.0) for one in by_words if one in ranked]
        # Those from behind the window follow in their order: of a few photos that say it, each is
        # before whatever only looks like it.
        by_vector = [Hit(one.id, one.score) for one in ranked.values()]
        order = reciprocal_rank_fusion([by_vector, said])
        return [replace(ranked[hit.id], words=by_words.get(hit.id, "")) for hit in order]

    def _with_parts(self) -> dict[UUID, Ranked]:
        """Return the hits by vector, best first, where a part may count for the whole photo."""
        ranked = {hit.id: Ranked(hit.id, hit.score) for hit in self._by_vector}
        if self.target.avoids:
            # A part without what is excluded says nothing about the rest of its photo.
            return ranked
        parts = regions.closest(
            self.model, self.target.vector, limit=BY_PARTS, flt=self.flt, scale=self._scale
        )
        if not parts:
            return ranked
        whole = self.scores(hit.photo_id for hit in parts if hit.photo_id not in ranked)
        ranked |= {one: Ranked(one, score) for one, score in whole.items()}
        for hit in parts:
            known = ranked.get(hit.photo_id)
            if known and hit.worth is not None and hit.worth > known.score:
                ranked[hit.photo_id] = Ranked(hit.photo_id, hit.worth, hit.box)
        best = sorted(ranked.values(), key=lambda one: (-one.score, one.id))
        return {one.id: one for one in best}
