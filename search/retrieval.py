"""From a query to ranked photos: the one place where vectors and visibility meet."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from numpy.typing import NDArray

from gallery.models import Embedding, EmbeddingModel, Photo
from search import embedders
from search.embedders.base import ModelUnavailable, Tower
from search.index import And, Eq, Filter, HasIds, Hit, Not, VectorIndexError, open_index
from search.query import QueryError, parse

MAX_LIMIT = 100
MAX_OFFSET = 10_000
_TOP_UPS = 3
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
    """A photo and its cosine similarity to the query."""

    photo: Photo
    score: float


@dataclass(frozen=True)
class Answer:
    """Ranked photos, all of one model; `next` continues the list, None at its end."""

    model: str
    took_ms: float
    hits: list[Found]
    next: str | None


def by_text(user: User, text: str, *, limit: int = 60, cursor: str = "") -> Answer:
    """Return the photos that look most like the description.

    Raises `QueryError` for a bad query and `SearchUnavailable` when model or index are away.
    """
    query = parse(text)
    return _answer(
        user, lambda model: _text_vector(model, query), limit=limit, cursor=cursor, without=None
    )


def similar_to(user: User, photo: Photo, *, limit: int = 60, cursor: str = "") -> Answer:
    """Return the photos most like one of the gallery, which itself is left out."""
    return _answer(
        user,
        lambda model: _stored_vector(model, photo),
        limit=limit,
        cursor=cursor,
        without=photo.pk,
    )


def by_pixels(
    user: User, pixels: NDArray[np.uint8], *, limit: int = 60, cursor: str = ""
) -> Answer:
    """Return the photos most like a picture, shape (height, width, 3), uint8 RGB."""
    return _answer(
        user, lambda model: _pixels_vector(model, pixels), limit=limit, cursor=cursor, without=None
    )


def _answer(
    user: User,
    vector_of: Callable[[EmbeddingModel], Vector],
    *,
    limit: int,
    cursor: str,
    without: uuid.UUID | None,
) -> Answer:
    """Embed and search with one model throughout, so that an answer never mixes spaces."""
    started = time.perf_counter()
    limit = max(1, min(limit, MAX_LIMIT))
    offset = read_cursor(cursor)
    model = _active_model()
    try:
        vector = vector_of(model)
        hits, end = _visible_hits(user, model, vector, limit, offset, without)
    except ModelUnavailable as error:
        raise SearchUnavailable("model_unavailable", str(error)) from error
    except VectorIndexError as error:
        raise SearchUnavailable("index_unavailable", str(error)) from error
    took = (time.perf_counter() - started) * 1000
    return Answer(model.key, round(took, 1), hits, str(end) if end is not None else None)


def _active_model() -> EmbeddingModel:
    model = EmbeddingModel.objects.active()
    if model is None:
        raise _still_loading()
    return model


def _visible_hits(
    user: User,
    model: EmbeddingModel,
    vector: Vector,
    limit: int,
    offset: int,
    without: uuid.UUID | None,
) -> tuple[list[Found], int | None]:
    """Return visible hits from `offset` on and where the next page starts (None: the end).

    Points of photos that were deleted a moment ago may still be in the index; SQL drops them,
    and the page is filled up from further down the ranking.
    """
    index = open_index(model.key, model.dim)
    flt: Filter = Eq("owner", str(user.pk))
    if without is not None:
        flt = And((flt, Not(HasIds(frozenset({without})))))
    found: list[Found] = []
    for _ in range(_TOP_UPS):
        asked = limit - len(found)
        hits = index.query(vector, limit=asked + 1, offset=offset, flt=flt)
        found += _visible(user, hits[:asked])
        offset += asked
        if len(hits) <= asked or offset >= MAX_OFFSET:
            return found, None
        if len(found) >= limit:
            break
    return found, offset


def _visible(user: User, hits: list[Hit]) -> list[Found]:
    photos = Photo.objects.visible_to(user).in_bulk([hit.id for hit in hits])
    return [Found(photos[hit.id], hit.score) for hit in hits if hit.id in photos]


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
        raise QueryError("bad_cursor", "The cursor is not one that this gallery gave.")
    return min(int(cursor), MAX_OFFSET)
