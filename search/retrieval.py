"""From a query to ranked photos: the one place where vectors and visibility meet."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from numpy.typing import NDArray

from gallery.models import Embedding, EmbeddingModel, Photo
from gallery.paging import NOT_GIVEN
from search import embedders, folding
from search.embedders.base import ModelUnavailable, Tower
from search.index import And, Eq, Filter, HasIds, Hit, Not, VectorIndexError, open_index
from search.query import QueryError, parse

MAX_LIMIT = 100
MAX_OFFSET = 10_000
_TOP_UPS = 6
_PATIENCE = 8.0  # seconds that a request waits for a model that is being loaded

User = AbstractBaseUser | AnonymousUser
Vector = NDArray[np.float32]


class SearchUnavailable(Exception):
    """Search cannot answer now, though the rest of the gallery can; try again later."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Found:
    """A photo, its cosine similarity to the query, and the ids of the look-alikes it stands for."""

    photo: Photo
    score: float
    similar: tuple[uuid.UUID, ...] = ()


@dataclass(frozen=True)
class Answer:
    """Ranked photos, all of one model; `next` continues the list, None at its end.

    `without` is the photo that was left out, since the others are compared with it.
    """

    model: str
    took_ms: float
    hits: list[Found]
    next: str | None
    without: uuid.UUID | None = None


def by_text(
    user: User, text: str, *, limit: int = 60, cursor: str = "", fold: bool = False
) -> Answer:
    """Return the photos that look most like the description; `fold` shows look-alikes as one.

    Raises `QueryError` for a bad query and `SearchUnavailable` when model or index are away.
    """
    query = parse(text)
    return _answer(user, lambda model: _text_vector(model, query), limit, cursor, fold=fold)


def similar_to(
    user: User, photo: Photo, *, limit: int = 60, cursor: str = "", fold: bool = False
) -> Answer:
    """Return the photos most like one of the gallery, which itself is left out."""
    return _answer(
        user,
        lambda model: _stored_vector(model, photo),
        limit,
        cursor,
        fold=fold,
        without=photo.pk,
    )


def by_pixels(
    user: User,
    pixels: NDArray[np.uint8],
    *,
    limit: int = 60,
    cursor: str = "",
    fold: bool = False,
) -> Answer:
    """Return the photos most like a picture, shape (height, width, 3), uint8 RGB."""
    return _answer(user, lambda model: _pixels_vector(model, pixels), limit, cursor, fold=fold)


def _answer(
    user: User,
    vector_of: Callable[[EmbeddingModel], Vector],
    limit: int,
    cursor: str,
    *,
    fold: bool,
    without: uuid.UUID | None = None,
) -> Answer:
    """Embed and search with one model throughout, so that an answer never mixes spaces."""
    started = time.perf_counter()
    limit = max(1, min(limit, MAX_LIMIT))
    offset = read_cursor(cursor)
    model = _active_model()
    try:
        ranking = _Ranking(user, model, vector_of(model), without, fold=fold)
        hits, end = ranking.page(limit, offset)
    except ModelUnavailable as error:
        raise SearchUnavailable("model_unavailable", str(error)) from error
    except VectorIndexError as error:
        raise SearchUnavailable("index_unavailable", str(error)) from error
    took = (time.perf_counter() - started) * 1000
    following = str(end) if end is not None else None
    return Answer(model.key, round(took, 1), hits, following, without)


def _active_model() -> EmbeddingModel:
    model = EmbeddingModel.objects.active()
    if model is None:
        raise _still_loading()
    return model


class _Ranking:
    """All photos by their closeness to one vector, of which pages are shown."""

    def __init__(
        self,
        user: User,
        model: EmbeddingModel,
        vector: Vector,
        without: uuid.UUID | None,
        *,
        fold: bool,
    ) -> None:
        self.user = user
        self.vector = vector
        self.fold = fold
        self.index = open_index(model.key, model.dim)
        owner: Filter = Eq("owner", str(user.pk))
        self.flt = And((owner, Not(HasIds(frozenset({without}))))) if without else owner
        alike = folding.together(user, [without]) if without and fold else {}
        self.own = alike[without] - {without} if without in alike else frozenset()

    def page(self, limit: int, offset: int) -> tuple[list[Found], int | None]:
        """Return a page of the ranking; the look-alikes of the photo asked about lead it.

        They take the first place together, wherever they would rank, and all else moves down one.
        """
        if not self.own:
            return self._page(limit, offset)
        lead = self._lead() if offset == 0 else []
        if len(lead) == limit:
            return lead, 1
        found, end = self._page(limit - len(lead), max(offset - 1, 0))
        return lead + found, end + 1 if end is not None else None

    def _lead(self) -> list[Found]:
        scores = self._scores(self.own)
        first = folding.best(self.own, scores)
        visible = Photo.objects.visible_to(self.user)
        photo = visible.filter(pk=first).first() if first else None
        if photo is None:
            return []
        return [Found(photo, scores[photo.pk], tuple(sorted(self.own - {photo.pk})))]

    def _page(self, limit: int, offset: int) -> tuple[list[Found], int | None]:
        """Return visible hits from `offset` on and where the next page starts (None: the end).

        Points of photos that were deleted a moment ago may still be in the index; SQL drops them,
        look-alikes are folded away, and the page is filled up from further down the ranking.
        """
        found: list[Found] = []
        above: dict[uuid.UUID, float] | None = {} if offset == 0 else None
        asked = limit
        for _ in range(_TOP_UPS):
            hits = self.index.query(self.vector, limit=asked + 1, offset=offset, flt=self.flt)
            part = hits[:asked]
            if above is not None:
                above |= {hit.id: hit.score for hit in part}
            found += self._shown(part, above)
            if len(found) > limit:
                last = found[limit - 1].photo.pk
                return found[:limit], offset + 1 + [hit.id for hit in part].index(last)
            offset += asked
            if len(hits) <= asked or offset >= MAX_OFFSET:
                return found, None
            if len(found) == limit:
                break
            asked = max(limit - len(found), asked) if self.fold else limit - len(found)
        return found, offset

    def _shown(self, hits: list[Hit], above: Mapping[uuid.UUID, float] | None) -> list[Found]:
        """Return those hits that are visible and, folding, the best of what they stand for."""
        photos = Photo.objects.visible_to(self.user).in_bulk([hit.id for hit in hits])
        found = [
            Found(photos[hit.id], hit.score)
            for hit in hits
            if hit.id in photos and hit.id not in self.own
        ]
        if not self.fold:
            return found
        sets = folding.together(self.user, photos.keys() - self.own)
        alone: folding.Ids = frozenset()
        scores = above if above is not None else self._scores(alone.union(*sets.values()))
        return [
            replace(one, similar=tuple(sorted(sets.get(one.photo.pk, alone) - {one.photo.pk})))
            for one in found
            if folding.best(sets.get(one.photo.pk, alone), scores) in {None, one.photo.pk}
        ]

    def _scores(self, ids: folding.Ids) -> dict[uuid.UUID, float]:
        """Return what the index scores these photos, wherever in the ranking they are."""
        if not ids:
            return {}
        flt = And((self.flt, HasIds(ids)))
        return {hit.id: hit.score for hit in self.index.query(self.vector, limit=len(ids), flt=flt)}


def _require(model: EmbeddingModel, tower: Tower) -> None:
    """Have the tower in memory, or say that it is still being loaded."""
    if not embedders.wait_until_loaded(model.key, tower, _PATIENCE):
        raise _still_loading()


def _still_loading() -> SearchUnavailable:
    return SearchUnavailable(
        "model_loading", "The search model is still being loaded. Try again in a moment."
    )


def _text_vector(model: EmbeddingModel, text: str) -> Vector:
    _require(model, "text")
    return embedders.embed_query_text(model.key, text)


def _stored_vector(model: EmbeddingModel, photo: Photo) -> Vector:
    row = Embedding.objects.filter(photo=photo, model=model).first()
    vector = row.get_vector() if row else None
    if vector is None:
        raise QueryError(
            "not_searchable_yet",
            "This photo has no embedding yet, so nothing can be compared with it.",
            status=409,
        )
    return vector


def _pixels_vector(model: EmbeddingModel, pixels: NDArray[np.uint8]) -> Vector:
    _require(model, "image")
    vector: Vector = embedders.image_embedder(model.key).embed_images([pixels])[0]
    if not np.isfinite(vector).all():
        raise QueryError("bad_vector", "The model found nothing to compare in this picture.")
    return vector


def read_cursor(cursor: str) -> int:
    """Return the offset that a cursor stands for; raise `QueryError` for a made-up one."""
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 5):
        raise QueryError("bad_cursor", NOT_GIVEN)
    return min(int(cursor), MAX_OFFSET)
