"""From the terms of a query to the one vector that the index is asked with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from numpy.typing import NDArray

from gallery.models import Embedding, EmbeddingModel, Photo
from search import embedders, regions, sent_pictures
from search.language import Query, Term
from search.query import QueryError

AVOIDED = 0.6
"""How much of an excluded term is subtracted; see docs/explanation/excluding.md."""
_CANCELLED = 1e-3  # a direction shorter than this is noise

User = AbstractBaseUser | AnonymousUser
Vector = NDArray[np.float32]


@dataclass(frozen=True)
class Target:
    """What a query looks for. All vectors are of unit length, shape (dim,), float32.

    `vector` is what is searched with. `asked` is the direction of the wanted terms alone where
    others were subtracted, else None. `by_picture` tells that no wanted term has words. `photos`
    are those of the gallery that the query names, which are left out of the answer.
    """

    vector: Vector
    asked: Vector | None
    by_picture: bool
    photos: frozenset[UUID]


def of(user: User, model: EmbeddingModel, query: Query) -> Target:
    """Return what the terms of a query come to; without wanted terms, what the avoided come to.

    Raises `QueryError` for photos and pictures that are not there and for terms that cancel each
    other out, `ModelUnavailable`, and `retrieval.SearchUnavailable` while the model is loaded.
    """
    terms = query.wanted or query.avoided
    wanted = _sum(user, model, terms)
    avoided = _sum(user, model, query.avoided) if query.wanted and query.avoided else None
    named = frozenset(UUID(term.photo_id) for term in query.terms if term.photo_id)
    by_picture = all(term.kind != "text" for term in terms)
    if avoided is None:
        return Target(wanted, None, by_picture, named)
    return Target(_unit(wanted - AVOIDED * avoided), wanted, by_picture, named)


def _sum(user: User, model: EmbeddingModel, terms: Sequence[Term]) -> Vector:
    rows = [abs(term.weight) * vector_of(user, model, term) for term in terms]
    return _unit(np.sum(rows, axis=0))


def vector_of(user: User, model: EmbeddingModel, term: Term) -> Vector:
    """Return the unit vector of one term without its weight; raises what `of` does."""
    match term.kind:
        case "text":
            return embedders.embed_query_text(model.key, term.value)
        case "photo":
            return _stored(model, photo_of(user, term))
        case "region":
            return regions.crop_vector(model, photo_of(user, term), term.box or (0, 0, 1, 1))
        case "picture":
            return sent_pictures.vector_of(user, model, term.value)


def photo_of(user: User, term: Term) -> Photo:
    """Return the photo that a term names; raise `QueryError` if this person has none such."""
    photo = Photo.objects.visible_to(user).filter(pk=term.photo_id).first()
    if photo is None:
        raise QueryError(
            "unknown_photo", "The photo that this search speaks of is not here.", status=404
        )
    return photo


def _stored(model: EmbeddingModel, photo: Photo) -> Vector:
    row = Embedding.objects.filter(photo=photo, model=model).first()
    vector = row.get_vector() if row else None
    if vector is None:
        raise QueryError(
            "not_searchable_yet",
            "This photo has no embedding yet, so nothing can be compared with it.",
            status=409,
        )
    return vector


def _unit(vector: NDArray[np.floating]) -> Vector:
    norm = float(np.linalg.norm(vector))
    if not norm > _CANCELLED:
        raise QueryError("terms_cancel", "The terms of this search cancel each other out.")
    return np.asarray(vector / norm, np.float32)
