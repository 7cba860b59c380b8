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
from search.relevance import Background, library

AVOIDED = 0.6
"""Sigmas that a photo loses for each sigma by which it shows what is excluded, next to those it
gets for what is wanted; see docs/explanation/excluding.md."""
WORDS_BESIDE_PICTURES = 1.4
"""What words weigh next to a picture, for a picture says much more; see the same page."""
WORDS_UNMEASURED = 2.0
"""The same where no library is known to measure both by."""
_CANCELLED = 1e-3  # a direction shorter than this is noise

User = AbstractBaseUser | AnonymousUser
Vector = NDArray[np.float32]


@dataclass(frozen=True)
class Target:
    """What a query looks for. All vectors are of unit length, shape (dim,), float32.

    `vector` is what is searched with. `asked` is what the library must have for hits to be
    trusted, where that is something else: the wanted terms without what is excluded, and the
    words alone where pictures are wanted too, else None. `by_picture` tells that no wanted term
    has words. `photos` are those of the gallery that the query names, which are left out of the
    answer.
    """

    vector: Vector
    asked: Vector | None
    by_picture: bool
    photos: frozenset[UUID]


@dataclass(frozen=True, eq=False)
class _Part:
    """A term with its vector."""

    term: Term
    vector: Vector

    @property
    def by_picture(self) -> bool:
        return self.term.kind != "text"

    @property
    def weight(self) -> float:
        return abs(self.term.weight)


def of(user: User, model: EmbeddingModel, query: Query) -> Target:
    """Return what the terms of a query come to; without wanted terms, what the avoided come to.

    Raises `QueryError` for photos and pictures that are not there and for terms that cancel each
    other out, `ModelUnavailable`, and `retrieval.SearchUnavailable` while the model is loaded.
    """
    parts = _parts(user, model, query.terms)
    wanted = [part for part in parts if not part.term.excluded]
    avoided = [part for part in parts if part.term.excluded]
    if not wanted:
        wanted, avoided = avoided, []
    named = frozenset(UUID(term.photo_id) for term in query.terms if term.photo_id)
    by_picture = all(part.by_picture for part in wanted)
    if len(parts) == 1:
        return Target(parts[0].vector, None, by_picture, named)
    background = library.of(user, model)
    vector = combined(background, wanted)
    if avoided:
        vector = _scaled(background, vector) - _avoided(background, wanted, avoided)
    words = [part for part in wanted if not part.by_picture] or wanted
    asked = words[0].vector if len(words) == 1 else _unit(combined(background, words))
    return Target(_unit(vector), asked, by_picture, named)


def _parts(user: User, model: EmbeddingModel, terms: Sequence[Term]) -> list[_Part]:
    """Return the terms with their vectors; all texts cost one call of the model."""
    said = [term.value for term in terms if term.kind == "text"]
    if said:
        embedders.embed_query_texts(model.key, said)
    return [_Part(term, vector_of(user, model, term)) for term in terms]


def combined(background: Background | None, parts: Sequence[_Part]) -> Vector:
    """Return the direction in which photos show all of `parts`, each by its weight.

    Each is measured by how far it spreads the photos of the library, for embeddings of pictures
    and of texts lie in cones of their own and on scales of their own.
    """
    mixed = len({part.by_picture for part in parts}) == 2
    beside = WORDS_BESIDE_PICTURES if background else WORDS_UNMEASURED
    total: Vector = np.zeros_like(parts[0].vector)
    for part in parts:
        weight = part.weight * (beside if mixed and not part.by_picture else 1.0)
        total = total + weight * _direction(background, part)
    return total


def _avoided(
    background: Background | None, wanted: Sequence[_Part], avoided: Sequence[_Part]
) -> Vector:
    """Return what is subtracted from wanted terms that spread the library by 1.

    Several excluded terms count for more than one, but not each for as much as it would alone,
    or nothing would be left of what is wanted.
    """
    usual = sum(part.weight for part in wanted) / len(wanted)
    rows = [part.weight / usual * _direction(background, part) for part in avoided]
    return np.asarray(AVOIDED * np.sum(rows, axis=0) / np.sqrt(len(rows)), np.float32)


def _direction(background: Background | None, part: _Part) -> Vector:
    """Return what sets one term apart, spreading the library by 1."""
    if background is None:
        return part.vector
    centred = background.centred(part.vector, by_picture=part.by_picture)
    return background.scaled(centred)


def _scaled(background: Background | None, vector: Vector) -> Vector:
    return background.scaled(vector) if background else _unit(vector)


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
