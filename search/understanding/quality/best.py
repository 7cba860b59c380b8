"""The best photos of some: one of each burst, liked before others, and as varied as they are.

What a person said (favourite, stars) counts most, then what they tend to like, then how sharp a
photo is beside the others of its burst. Photos are then chosen one by one, and each that is like
a chosen one loses (maximal marginal relevance; J. Carbonell, J. Goldstein, 1998). Nothing is ever
hidden or suggested for deletion by this order.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from gallery.decoding.quality import Measured
from gallery.models import EmbeddingModel, PhotoQuerySet, User
from gallery.models.quality import quality_of
from gallery.quality_words import SHARP, is_soft
from gallery.slices import slices
from search.duplicates.models import GroupMember
from search.understanding.library_vectors import LibraryVectors, Vectors, library_vectors
from search.understanding.quality import prompts
from search.understanding.quality.personal import Taste, taste_of
from search.vectors.embedders.base import ModelUnavailable

MOST_PHOTOS = 20_000
"""The newest so many are looked at."""
MOST_CANDIDATES = 2_000
"""So many are chosen from, those with the best values."""

_FAVOURITE, _STAR, _MIDDLE_STARS = 1.5, 0.75, 3
_SHARPNESS = 2.0  # for half the sharpness of the best of the burst
_SOFT = 1.0
_LIKED = 1.0  # deviations from which a photo is told to be like those that a person likes
_TEXTS = 0.3  # a deviation by texts, against one by the taste of a person
_RELEVANCE = 0.6  # against the likeness to what was chosen before
_TYPICAL = 0.1  # of a photo in the middle of the others, which only decides between equals

Numbers = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class BestPhoto:
    """A photo, what speaks for it in words, and the others of its burst, which it stands for."""

    id: uuid.UUID
    value: float
    reasons: tuple[str, ...] = ()
    others: tuple[uuid.UUID, ...] = ()


@dataclass(frozen=True)
class Best:
    """Photos, the best first, of how many (`looked_at`), and the taste that was asked."""

    photos: Sequence[BestPhoto]
    looked_at: int
    taste: Taste = field(default_factory=lambda: Taste(0, 0))


@dataclass(frozen=True)
class _Row:
    id: uuid.UUID
    favourite: bool
    rating: int
    stack: uuid.UUID | None


def best_of(user: User, photos: PhotoQuerySet, limit: int) -> Best:
    """Return the best of some photos of a person, up to `limit`.

    Without a model that can be asked, variety and taste are left out.
    """
    columns = photos.newest_first().values_list("pk", "favourite", "rating", "stack_id")
    rows = [_Row(pk, loved, stars or 0, stack) for pk, loved, stars, stack in columns[:MOST_PHOTOS]]
    model = EmbeddingModel.objects.active()
    library = library_vectors(user, model) if model is not None and rows else None
    taste = taste_of(user, model, library) if model and library is not None else Taste(0, 0)
    measured = _measured(rows)
    by_text = _by_text(model, library) if model and library is not None else None
    liking = _liking(rows, library, taste, by_text)
    chosen = [_best_of_burst(burst, measured, liking) for burst in _bursts(rows)]
    chosen.sort(key=lambda one: -one.value)
    candidates = chosen[:MOST_CANDIDATES]
    order = spread([one.value for one in candidates], _vectors(candidates, library), limit)
    return Best([candidates[place] for place in order], len(rows), taste)


def _measured(rows: Sequence[_Row]) -> dict[uuid.UUID, Measured]:
    found: dict[uuid.UUID, Measured] = {}
    for some in slices([row.id for row in rows]):
        found |= quality_of(some)
    return found


def _liking(
    rows: Sequence[_Row], library: LibraryVectors | None, taste: Taste, by_text: Numbers | None
) -> dict[uuid.UUID, float]:
    if library is None or (taste.scores is None and by_text is None):
        return {}
    total = np.zeros(len(library))
    if taste.scores is not None:
        total += taste.weight * taste.scores
    if by_text is not None:
        total += _TEXTS * by_text
    places = {row.id: library.place(row.id) for row in rows}
    return {pk: float(total[place]) for pk, place in places.items() if place is not None}


def _by_text(model: EmbeddingModel, library: LibraryVectors) -> Numbers | None:
    try:
        return prompts.scores(model, library)
    except ModelUnavailable:
        return None  # The other figures do without the model.


# --- one of a burst -------------------------------------------------------------------------------


def _bursts(rows: Sequence[_Row]) -> list[list[_Row]]:
    """Return photos that share a stack or a group of duplicates together, and others alone."""
    parent: dict[object, object] = {}

    def root(one: object) -> object:
        while (above := parent.setdefault(one, one)) != one:
            parent[one] = parent[above]
            one = above
        return one

    for row in rows:
        if row.stack is not None:
            parent[root(row.id)] = root(("stack", row.stack))
    for some in slices([row.id for row in rows]):
        members = GroupMember.objects.filter(photo__in=some).values_list("photo_id", "group_id")
        for photo_id, group_id in members:
            parent[root(photo_id)] = root(("group", group_id))
    bursts: dict[object, list[_Row]] = defaultdict(list)
    for row in rows:
        bursts[root(row.id)].append(row)
    return list(bursts.values())


def _best_of_burst(
    burst: Sequence[_Row],
    measured: Mapping[uuid.UUID, Measured],
    liking: Mapping[uuid.UUID, float],
) -> BestPhoto:
    ranks = {row.id: measured[row.id].rank for row in burst if row.id in measured}
    sharpest = max(ranks.values(), default=0.0)
    valued = []
    for row in burst:
        value = _marks(row) + liking.get(row.id, 0.0)
        if len(burst) > 1 and sharpest > 0 and row.id in ranks:
            value += _SHARPNESS * max(float(np.log2(max(ranks[row.id], 1e-3) / sharpest)), -2.0)
        if row.id in measured and is_soft(measured[row.id]):
            value -= _SOFT
        valued.append((value, row))
    value, best = max(valued, key=lambda pair: (pair[0], pair[1].id.int))
    is_sharpest = len(ranks) > 1 and ranks.get(best.id) == sharpest
    return BestPhoto(
        best.id,
        value,
        tuple(
            _reasons(
                best,
                len(burst),
                liking.get(best.id, 0.0),
                is_sharpest=is_sharpest,
                is_sharp=best.id in measured and measured[best.id].reach >= SHARP,
            )
        ),
        tuple(row.id for row in burst if row.id != best.id),
    )


def _marks(row: _Row) -> float:
    stars = _STAR * (row.rating - _MIDDLE_STARS) if row.rating else 0.0
    return _FAVOURITE * row.favourite + stars


def _reasons(row: _Row, size: int, liked: float, *, is_sharpest: bool, is_sharp: bool) -> list[str]:
    reasons = []
    if row.favourite:
        reasons.append(_("favourite"))
    if row.rating > _MIDDLE_STARS:
        reasons.append(_("%(stars)d stars") % {"stars": row.rating})
    if is_sharpest:
        reasons.append(_("sharpest of %(count)d") % {"count": size})
    elif size > 1:
        reasons.append(_("one of %(count)d alike") % {"count": size})
    if liked >= _LIKED / 2:
        reasons.append(_("like photos that you like"))
    elif not reasons and is_sharp:
        reasons.append(_("sharp"))
    return reasons


# --- variety --------------------------------------------------------------------------------------


def _vectors(chosen: Sequence[BestPhoto], library: LibraryVectors | None) -> Vectors | None:
    """Return the unit vectors of photos, zeros where there is none; None without any."""
    if library is None or not chosen:
        return None
    places = [library.place(one.id) for one in chosen]
    known = [number for number, place in enumerate(places) if place is not None]
    if not known:
        return None
    found = np.zeros((len(chosen), library.dim), np.float32)
    found[known] = library.vectors([place for place in places if place is not None])
    return found


def spread(values: Sequence[float], vectors: Vectors | None, limit: int) -> list[int]:
    """Return the positions of up to `limit` photos, the best first and each unlike the others.

    Likenesses count in standard deviations of those of pairs, so that they mean the same to every
    model; values are about that large as they are.
    """
    value = np.asarray(values, np.float64)
    if vectors is None or len(values) < 2:
        return [int(place) for place in np.argsort(-value, kind="stable")[:limit]]
    middle = vectors.mean(axis=0)
    likeness = vectors @ middle
    gain = _RELEVANCE * value + _TYPICAL * _in_deviations(likeness)
    # Likenesses of pairs, whose mean is that of the photos to their middle.
    sample = vectors[:: max(1, len(vectors) // 200)]
    pairs = (sample @ sample.T)[np.triu_indices(len(sample), 1)]
    typical, deviation = float(pairs.mean()), max(float(pairs.std()), 1e-6)
    closest = np.full(len(values), -np.inf)
    left = np.ones(len(values), bool)
    order: list[int] = []
    for _round in range(min(limit, len(values))):
        alike = np.maximum((closest - typical) / deviation, -3.0) if order else 0.0
        score = np.where(left, gain - (1 - _RELEVANCE) * alike, -np.inf)
        place = int(score.argmax())
        order.append(place)
        left[place] = False
        closest = np.maximum(closest, vectors @ vectors[place])
    return order


def _in_deviations(values: Numbers) -> Numbers:
    deviation = float(values.std()) if len(values) else 0.0
    if deviation < 1e-9:
        return np.zeros(len(values))
    return np.asarray((values - values.mean()) / deviation)
