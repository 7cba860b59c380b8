"""All photos by how well they match: by vector, by their parts, and by their words.

The first `WINDOW` hits are fetched at once and put in order. Later hits are weak, and follow by
vector alone. Positions count from 0 and are the same for every page of one query.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

from search.fulltext import photos_in
from search.parts.boxes import Box
from search.parts.nearest import PartHit, closest
from search.relevance import TOP, Band, Bands, find_bands
from search.vectors.index import (
    And,
    HasIds,
    Hit,
    Not,
    VectorIndex,
    open_index,
    reciprocal_rank_fusion,
    scores_of,
)

if TYPE_CHECKING:
    from search.engine.plan import VectorQuery
    from search.fulltext import TextHit


WINDOW = 1000
"""Hits that are put in order, counted, and sorted in other ways than by relevance."""
PART_LIMIT = 200
"""Photos at most that their parts bring into the window, or further up."""
EXCLUDED_EACH = 10_000
"""Photos at most that are left out for showing one excluded thing."""
EXCLUDED_LIMIT = 20_000
"""Photos at most that one query leaves out: SQLite takes 32,766 values in one statement."""

_PLACES = {None: 0, Band.STRONG: 0, Band.LIKELY: 1, Band.WEAK: 2}


@dataclass(frozen=True)
class RankedPhoto:
    """A photo in a ranking, with its cosine similarity.

    `box` is the part that matches better than the whole photo. `words` says which words of the
    photo are those of the query, and is empty without a text match.
    """

    id: UUID
    score: float
    box: Box | None = None
    words: str = ""


@dataclass(frozen=True, eq=False)
class Ranking:
    """The best photos for one vector query, as they were fetched.

    `window` has the photos of each band together, best first, the Strong ones first. `bands`
    is None while the library has no background to compare with. `total` photos pass the filters
    and are searchable, an estimate where more than `WINDOW` pass a filter. `hits` is how many hits
    the index gave, and `lowest` the score of the last of them.
    """

    query: VectorQuery
    window: tuple[RankedPhoto, ...]
    bands: Bands | None
    total: int
    hits: int
    lowest: float

    @property
    def is_longer(self) -> bool:
        """Whether hits follow behind the window."""
        return self.hits == WINDOW

    @property
    def is_absent(self) -> bool:
        """Whether it is nearly certain that the library has nothing of the kind."""
        absent = self.bands is not None and self.bands.is_absent and not self.query.unread
        return absent and not self.matches()

    @property
    def is_estimated(self) -> bool:
        """Whether `total` is an estimate; all photos of a library are counted exactly."""
        return self.is_longer and self.query.is_filtered

    def matches(self, least: float | None = None) -> list[RankedPhoto]:
        """Return the Strong and Likely photos, or those with confidence `least` (0 to 1)."""
        if least is None:
            return [photo for photo in self.window if self.band(photo) != Band.WEAK]
        return [photo for photo in self.window if self.confidence(photo) >= least]

    def band(self, photo: RankedPhoto) -> Band | None:
        """Return the band of a photo. A text match is certain, so it is always Strong."""
        return _band(self.bands, photo)

    def confidence(self, photo: RankedPhoto) -> float:
        """Return the confidence in a photo, 0 to 1. A text match is certain."""
        if photo.words or self.bands is None:
            return 1.0
        return self.bands.confidence(photo.score)


def rank(query: VectorQuery) -> Ranking:
    """Return the ranking of a vector query; raise `VectorIndexError` when the index is away."""
    query = _without_excluded(query)
    target, condition = query.target, query.condition
    index = open_index(query.model.collection, query.model.dim)
    hits = index.query(target.vector, limit=WINDOW, flt=condition)
    total = len(hits)
    if total == WINDOW:
        # Counting exactly takes as long as finding them.
        total = max(index.count(condition, exact=False), WINDOW)
    by_part = _closest_parts(query)
    named = target.photos
    reasons = {hit.photo_id: hit.reason for hit in query.text_hits if hit.photo_id not in named}
    further = ({hit.photo_id for hit in by_part} | reasons.keys()) - {hit.id for hit in hits}
    found = hits + scores_of(index, target.vector, condition, further)
    limits = _library_bands(query, index, hits, total)
    photos = _ordered(query, index, _with_parts(found, len(hits), by_part))
    fused = _fused(photos, reasons | _there(query, limits, photos, reasons))
    fused = _named_first(fused, query.text_hits)
    window = tuple(sorted(fused, key=lambda photo: _PLACES[_band(limits, photo)]))
    return Ranking(query, window, limits, total, len(hits), hits[-1].score if hits else 0.0)


def _closest_parts(query: VectorQuery) -> list[PartHit]:
    """Return the closest parts; none where no part can count for its photo."""
    if query.scale is None:
        return []
    vector, condition = query.target.vector, query.condition
    return closest(query.model, vector, limit=PART_LIMIT, flt=condition, scale=query.scale)


def _without_excluded(query: VectorQuery) -> VectorQuery:
    """Return the query with a condition that leaves out what matches an excluded term."""
    excluded = excluded_photos(query)
    if not excluded:
        return query
    condition = And((query.condition, Not(HasIds.of(excluded))))
    return replace(query, condition=condition, is_filtered=True)


def _library_bands(
    query: VectorQuery, index: VectorIndex, hits: list[Hit], total: int
) -> Bands | None:
    """Return where the bands begin among all photos, whatever filters and exclusions leave.

    So a photo is as good a match with a filter as without.
    """
    if query.background and query.is_filtered:
        hits = index.query(query.target.vector, limit=TOP, flt=query.library)
        total = index.count(query.library, exact=False)
        # A few photos more or less matter in small libraries, where counting is quick.
        total = total if total > WINDOW else index.count(query.library)
    return bands_of(query, _top_vectors(index, hits), total)


def _there(
    query: VectorQuery, limits: Bands | None, photos: list[RankedPhoto], known: Collection[UUID]
) -> dict[UUID, str]:
    """Return the photos that match and were taken where the words say, with the reason.

    Those that are `known` to have the words are left out.
    """
    if limits is None or not query.towns:
        return {}
    matches = [photo.id for photo in photos if limits.band(photo.score) != Band.WEAK]
    matches = [pk for pk in matches if pk not in known]
    return {hit.photo_id: hit.reason for hit in photos_in(query.towns, matches)}


def _ordered(
    query: VectorQuery, index: VectorIndex, photos: list[RankedPhoto]
) -> list[RankedPhoto]:
    """Return the photos in the order of the index, or with exclusions away from these."""
    if query.target.order is None:
        return photos
    ids = {photo.id for photo in photos}
    hits = scores_of(index, query.target.order, query.condition, ids)
    places = {hit.id: place for place, hit in enumerate(hits)}
    return sorted(photos, key=lambda photo: places.get(photo.id, len(places)))


def bands_of(query: VectorQuery, vectors: np.ndarray, total: int) -> Bands | None:
    """Return where the bands begin; None while the library has no background to compare with.

    `vectors` are those of the first hits, float32, shape (n, dim).
    """
    if query.background is None:
        return None
    return find_bands(
        query.background,
        query.target.vector,
        vectors.reshape(-1, query.model.dim),
        total=total,
        wanted=query.target.asked,
        each=query.target.each,
        by_picture=query.target.by_picture,
        foreign=query.target.foreign,
    )


def scores(query: VectorQuery, ids: Iterable[UUID]) -> dict[UUID, float]:
    """Return the scores of those photos that pass the filters, wherever they rank."""
    index = open_index(query.model.collection, query.model.dim)
    hits = scores_of(index, query.target.vector, query.condition, set(ids))
    return {hit.id: hit.score for hit in hits}


def further_hits(query: VectorQuery, but: Iterable[UUID]) -> tuple[list[RankedPhoto], bool]:
    """Return the next `WINDOW` hits without the photos that came before, and whether more follow.

    They are found by vector alone.
    """
    query = _without_excluded(query)
    index = open_index(query.model.collection, query.model.dim)
    condition = And((query.condition, Not(HasIds.of(but))))
    hits = index.query(query.target.vector, limit=WINDOW, flt=condition)
    return [RankedPhoto(hit.id, hit.score) for hit in hits], len(hits) == WINDOW


def excluded_photos(query: VectorQuery, least: float | None = None) -> set[UUID]:
    """Return the photos that a query leaves out: all that match any of its excluded terms.

    Photos match as wholes here: neither their parts nor their words count. Where there are any
    such terms, the photos that the query names are among them. Empty while the library has no
    background to compare with.
    """
    avoided = query.target.avoided
    if query.background is None or not avoided:
        return set()
    limit = min(EXCLUDED_EACH, EXCLUDED_LIMIT // len(avoided))
    bare = replace(query, scale=None, text_hits=(), towns=frozenset())
    each = (replace(bare, target=target) for target in avoided)
    return set(query.target.photos).union(*(_all_matches(part, least, limit) for part in each))


def _all_matches(query: VectorQuery, least: float | None, limit: int) -> set[UUID]:
    """Return the matches in the window and among the first `limit` hits."""
    ranking = rank(query)
    found = {photo.id for photo in ranking.matches(least)}
    if ranking.bands is None or not ranking.is_longer:
        return found
    needed = ranking.bands.likely if least is None else ranking.bands.score_at(least)
    if ranking.lowest < needed:
        return found
    index = open_index(query.model.collection, query.model.dim)
    deep = index.query(query.target.vector, limit=limit, flt=query.condition)
    return found | {hit.id for hit in deep if hit.score >= needed}


def _band(limits: Bands | None, photo: RankedPhoto) -> Band | None:
    if limits is None:
        return None
    return Band.STRONG if photo.words else limits.band(photo.score)


def _top_vectors(index: VectorIndex, hits: list[Hit]) -> np.ndarray:
    """Return the vectors of the first hits, best first, float32."""
    first = [hit.id for hit in hits[:TOP]]
    stored = {point.id: point.vector for point in index.fetch(first, with_vectors=True)}
    return np.array([stored[pk] for pk in first if stored.get(pk) is not None], np.float32)


def _with_parts(hits: list[Hit], in_window: int, by_part: list[PartHit]) -> list[RankedPhoto]:
    """Return the photos of `hits`, best first, where a part may count for the whole photo.

    Hits after the first `in_window` were fetched for a part or a text match. Those of text
    matches stay at the end.
    """
    named = {hit.photo_id for hit in by_part}
    ranked = {hit.id: RankedPhoto(hit.id, hit.score) for hit in hits}
    for part in by_part:
        whole = ranked.get(part.photo_id)
        if whole and part.worth is not None and part.worth > whole.score:
            ranked[part.photo_id] = RankedPhoto(part.photo_id, part.worth, part.box)
    first = [ranked[hit.id] for at, hit in enumerate(hits) if at < in_window or hit.id in named]
    last = [ranked[hit.id] for hit in hits[in_window:] if hit.id not in named]
    return sorted(first, key=lambda photo: (-photo.score, photo.id)) + last


def _named_first(photos: list[RankedPhoto], text_hits: Sequence[TextHit]) -> list[RankedPhoto]:
    """Return the photos with those first whose whole name the query is."""
    exact = {hit.photo_id: place for place, hit in enumerate(text_hits) if hit.exact}
    return sorted(photos, key=lambda photo: exact.get(photo.id, len(exact)))


def _fused(photos: list[RankedPhoto], reasons: dict[UUID, str]) -> list[RankedPhoto]:
    """Return the photos fused with the text matches, whose reasons are in order, best first.

    Text matches from behind the window follow in their order: of a few photos that have the
    words, each ranks before whatever only looks like them.
    """
    if not reasons:
        return photos
    ranked = {photo.id: photo for photo in photos}
    by_vector = [Hit(photo.id, photo.score) for photo in photos]
    by_text = [Hit(pk, 0.0) for pk in reasons if pk in ranked]
    order = reciprocal_rank_fusion([by_vector, by_text])
    return [replace(ranked[hit.id], words=reasons.get(hit.id, "")) for hit in order]
