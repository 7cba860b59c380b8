"""From the terms of a query to the one vector that the index is asked with."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from gallery.models import Embedding, EmbeddingModel, Photo, User
from search import parts
from search.engine import sent_pictures
from search.engine.combination import Part, direction, unit
from search.language import ErrorCode, Query, QueryError, Term
from search.relevance import library
from search.vectors import embedders

Vector = NDArray[np.float32]


@dataclass(frozen=True)
class Target:
    """What a query looks for. All vectors are of unit length, shape (dim,), float32.

    `vector` is what is searched with. `asked` is what the library must have for hits to be
    trusted, where that is something else: the wanted terms without what is excluded, and the
    words alone where pictures are wanted too, else None. `each` are the wanted words one by one
    where there are several, for hits must have all of them. `by_picture` tells that no wanted
    term has words. `photos` are those of the gallery that the query names, which are left out of
    the answer. `avoids` tells that something was subtracted. `apart` are the terms of a query
    that only excludes, where there are several: whatever shows any of them is left out.
    """

    vector: Vector
    asked: Vector | None
    by_picture: bool
    photos: frozenset[UUID]
    each: tuple[Vector, ...] = ()
    avoids: bool = False
    apart: tuple[Target, ...] = ()


def of(user: User, model: EmbeddingModel, query: Query) -> Target:
    """Return what the terms of a query come to; without wanted terms, what the avoided come to.

    Raises `QueryError` for photos and pictures that are not there and for terms that cancel each
    other out, `ModelUnavailable`, and `PoolBusy`.
    """
    _embed_texts(model, query)
    named = frozenset(UUID(term.photo_id) for term in query.terms if term.photo_id)
    wanted = [_part(user, model, term) for term in query.wanted or query.avoided]
    avoided = [_part(user, model, term) for term in query.avoided] if query.wanted else []
    alone = [Target(part.vector, None, part.by_picture, named) for part in wanted]
    if len(wanted) + len(avoided) == 1:
        return alone[0]
    words = [part.vector for part in wanted if not part.by_picture]
    together = _together(model, query)
    return Target(
        vector=direction(library.background_of(user, model), [*wanted, *together], avoided),
        asked=unit(np.sum(words or [part.vector for part in wanted], axis=0)),
        by_picture=not words,
        photos=named,
        each=tuple(words) if len(words) > 1 else (),
        avoids=bool(avoided),
        apart=() if query.wanted else tuple(alone),
    )


def _embed_texts(model: EmbeddingModel, query: Query) -> None:
    """Have all texts embedded by one call; they are remembered for a while."""
    said = [term.value for term in query.terms if term.kind == "text"]
    if said:
        embedders.embed_query_texts(model.key, [*said, *_joined(query)])


def _joined(query: Query) -> list[str]:
    """Return the wanted words as one text, if several are wanted and nothing else."""
    texts = [term.value for term in query.wanted if term.kind == "text"]
    return [" ".join(texts)] if 1 < len(texts) == len(query.wanted) else []


def _together(model: EmbeddingModel, query: Query) -> list[Part]:
    """Return the wanted words as one part: what they mean together counts as much as each."""
    weight = min((term.weight for term in query.wanted), default=1.0)
    return [Part(embedders.embed_query_text(model.key, text), weight) for text in _joined(query)]


def _part(user: User, model: EmbeddingModel, term: Term) -> Part:
    return Part(vector_of(user, model, term), abs(term.weight), term.kind != "text")


def vector_of(user: User, model: EmbeddingModel, term: Term) -> Vector:
    """Return the unit vector of one term without its weight; raises what `of` does."""
    match term.kind:
        case "text":
            return embedders.embed_query_text(model.key, term.value)
        case "photo":
            return _stored(model, photo_of(user, term))
        case "part":
            return parts.crop_vector(model, photo_of(user, term), term.box or (0, 0, 1, 1))
        case "picture":
            return sent_pictures.vector_of(user, model, term.value)


def photo_of(user: User, term: Term) -> Photo:
    """Return the photo that a term names; raise `QueryError` if this person has none such."""
    photo = Photo.objects.visible_to(user).filter(pk=term.photo_id).first()
    if photo is None:
        raise QueryError(
            ErrorCode.UNKNOWN_PHOTO, "The photo that this search speaks of is not here.", status=404
        )
    return photo


def _stored(model: EmbeddingModel, photo: Photo) -> Vector:
    row = Embedding.objects.filter(photo=photo, model=model).first()
    vector = row.get_vector() if row else None
    if vector is None:
        raise QueryError(
            ErrorCode.NOT_SEARCHABLE_YET,
            "This photo has no embedding yet, so nothing can be compared with it.",
            status=409,
        )
    return vector
