"""What a person likes, learnt from favourites, stars and the similar shots that they kept.

The direction is the mean of the liked photos less the mean of the library, because a classifier
learns little from a few likes (`search.understanding.directions` and the documentation say more).
Rejects only test it: whoever takes few bad photos has hardly any. It is used where photos that it
did not see come first often enough.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from django.db.models import Q
from numpy.typing import NDArray

from gallery.models import EmbeddingModel, Photo, User
from search.duplicates.models import Kind, Resolution
from search.understanding.library_vectors import LibraryVectors, Vectors

MIN_LIKES = 20
"""Fewer say more about one evening than about a taste."""
LEAST_AGREEMENT = 0.6
"""The share of pairs, one liked and one not, that must be ranked right; chance is a half."""
LIKED_STARS, REJECTED_STARS = 4, 2
"""So many stars and more are a like; so few, but one, are a reject."""
_MIN_REJECTS = 10
_FOLDS = 5
_OTHERS = 2000
_SHRINK = 20.0  # likes at which the taste counts half
_KEPT = 16

Numbers = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Taste:
    """What was learnt: `agreement` is None with too few likes, and `scores` unless it is used.

    `agreement` is the share of pairs that it ranks right, measured on likes that it did not see,
    against rejects where there are enough, else against the library. `scores` (n,) are in standard
    deviations, one for each photo of the library.
    """

    likes: int
    rejects: int
    agreement: float | None = None
    scores: Numbers | None = None

    @property
    def is_on(self) -> bool:
        """Whether it is used."""
        return self.scores is not None

    @property
    def weight(self) -> float:
        """How much it counts, from 0 to 1: more with more likes."""
        return self.likes / (self.likes + _SHRINK) if self.is_on else 0.0


_guard = Lock()
_kept: OrderedDict[tuple[str, ...], Taste] = OrderedDict()


def taste_of(user: User, model: EmbeddingModel, library: LibraryVectors) -> Taste:
    """Return what a person likes, learnt from the photos that are in the library."""
    likes, rejects = _likes(user), _rejects(user)
    key = (model.key, str(user.pk), library.stamp, _digest(likes, rejects))
    with _guard:
        if (kept := _kept.get(key)) is not None:
            _kept.move_to_end(key)
            return kept
    taste = _learn(library, _places(library, likes), _places(library, rejects))
    with _guard:
        _kept[key] = taste
        while len(_kept) > _KEPT:
            _kept.popitem(last=False)
    return taste


def _likes(user: User) -> list[uuid.UUID]:
    """Return the liked photos, in the order in which they were taken."""
    kept = Resolution.objects.visible_to(user).filter(
        action=Resolution.Action.KEEP, kind=Kind.SIMILAR_SHOTS, undone_at=None
    )
    liked = Q(favourite=True) | Q(rating__gte=LIKED_STARS) | Q(pk__in=kept.values("keeper"))
    photos = Photo.objects.visible_to(user).filter(liked).exclude(_rejected())
    return list(photos.order_by("shown_at", "pk").values_list("pk", flat=True))


def _rejects(user: User) -> list[uuid.UUID]:
    rows = Photo.objects.visible_to(user).filter(_rejected(), favourite=False)
    return list(rows.order_by("shown_at", "pk").values_list("pk", flat=True))


def _rejected() -> Q:
    return Q(rating__gte=1, rating__lte=REJECTED_STARS)


def _digest(likes: list[uuid.UUID], rejects: list[uuid.UUID]) -> str:
    content = b"".join(each.bytes for each in (*likes, *rejects)) + bytes([len(likes) % 256])
    return hashlib.sha256(content).hexdigest()


def _places(library: LibraryVectors, ids: list[uuid.UUID]) -> NDArray[np.intp]:
    found = [place for each in ids if (place := library.place(each)) is not None]
    return np.array(found, np.intp)


def _learn(library: LibraryVectors, likes: NDArray[np.intp], rejects: NDArray[np.intp]) -> Taste:
    if len(likes) < MIN_LIKES:
        return Taste(len(likes), len(rejects))
    middle = library.sample(_OTHERS).mean(axis=0)
    liked = library.vectors(likes)
    others = library.vectors(rejects if len(rejects) >= _MIN_REJECTS else _not(library, likes))
    agreement = agreement_of(liked, others, middle)
    if agreement < LEAST_AGREEMENT:
        return Taste(len(likes), len(rejects), agreement)
    scores = library.scores(_direction(liked, middle)[None])[:, 0]
    spread = max(float(scores.std()), 1e-6)
    return Taste(len(likes), len(rejects), agreement, (scores - scores.mean()) / spread)


def _not(library: LibraryVectors, likes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return up to some thousand positions of photos that are not liked, the same every time."""
    rest = np.setdiff1d(np.arange(len(library)), likes)
    if len(rest) <= _OTHERS:
        return rest
    return np.sort(np.random.default_rng(0).choice(rest, _OTHERS, replace=False))


def agreement_of(liked: Vectors, others: Vectors, middle: Vectors) -> float:
    """Return the share of pairs (a liked one that was left out, another) that are ranked right.

    `liked` (n, dim) are in the order in which they were taken, and photos of the same days are left
    out together: else a photo would be found by another of its burst. 0.5 without any pairs.
    """
    if not len(others):
        return 0.5
    right = []
    for part in np.array_split(np.arange(len(liked)), _FOLDS):
        direction = _direction(np.delete(liked, part, axis=0), middle)
        ranked = np.sort(others @ direction)
        below = np.searchsorted(ranked, liked[part] @ direction)
        right.append(below / len(ranked))
    return float(np.concatenate(right).mean())


def _direction(liked: Vectors, middle: Vectors) -> Vectors:
    found = liked.mean(axis=0) - middle
    return np.asarray(found / max(float(np.linalg.norm(found)), 1e-6), np.float32)
