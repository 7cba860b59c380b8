"""From the terms of a query to the one vector that the index is asked with.

How several terms are combined was chosen by `benchmarks.excluding` and `benchmarks.combining`;
docs/explanation/excluding.md explains it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from gallery.models import Embedding, EmbeddingModel, Photo, User
from search.engine import sent_pictures
from search.language.query_errors import ErrorCode, QueryError
from search.language.terms import Query, Term
from search.parts.crops import crop_vector
from search.relevance import Background
from search.vectors import embedders
from search.vectors.embedders.languages import is_foreign

Vector = NDArray[np.float32]

AVOIDED = 0.6
"""Sigmas that a photo loses for each sigma by which it shows what is excluded, beside those it
gets for what is wanted; see docs/explanation/excluding.md."""
TEXT_BESIDE_PICTURES = 1.4
"""The weight of text beside a picture, which says much more; see the same page."""
TEXT_UNMEASURED = 2.0
"""The same while nothing is known of the library to measure both by."""
_CANCELLED = 1e-3  # A shorter vector is noise.


@dataclass(frozen=True)
class Target:
    """What a query looks for. All vectors are of unit length, shape (dim,), float32.

    `vector` is what the index is asked with: the wanted terms alone. `asked` is what the library
    must have for hits to be trusted, where that is something else, else None: of text beside
    pictures the text alone. `each` holds the wanted texts one by one where there are several, for
    hits must have all of them. `by_picture` says that no wanted term is text. `photos` are the
    photos that the query names, which the answer leaves out. `avoided` holds the excluded terms:
    what matches any of them is left out. `order` then points away from them, and puts the photos
    of each band in order. `foreign` says that a wanted text is in another language than English.
    """

    vector: Vector
    asked: Vector | None
    by_picture: bool
    photos: frozenset[UUID]
    each: tuple[Vector, ...] = ()
    avoided: tuple[Target, ...] = ()
    order: Vector | None = None
    foreign: bool = False


@dataclass(frozen=True, eq=False)
class WeightedVector:
    """A term as a unit vector, shape (dim,), and its weight (above zero)."""

    vector: Vector
    weight: float = 1.0
    by_picture: bool = False
    foreign: bool = False


def target_of(
    user: User, model: EmbeddingModel, query: Query, background: Background | None
) -> Target:
    """Return the target of a query's terms; of the first avoided one where none is wanted.

    Raises `QueryError` for photos and pictures that do not exist and for terms that cancel each
    other out, `ModelUnavailable`, and `PoolBusy`.
    """
    _embed_texts(model, query)
    named = frozenset(UUID(term.photo_id) for term in query.terms if term.photo_id)
    wanted = [_weighted(user, model, term) for term in query.wanted]
    avoided = [_weighted(user, model, term) for term in query.avoided]
    apart = tuple(
        Target(part.vector, None, part.by_picture, named, foreign=part.foreign) for part in avoided
    )
    if not wanted:
        return replace(apart[0], avoided=apart)
    parts = [*wanted, *_joined_vector(model, query)]
    texts = [part.vector for part in wanted if not part.by_picture]
    several = len(wanted) > 1
    return Target(
        vector=direction(background, parts) if several else wanted[0].vector,
        asked=unit(np.sum(texts or [part.vector for part in wanted], axis=0)) if several else None,
        by_picture=not texts,
        photos=named,
        each=tuple(texts) if len(texts) > 1 else (),
        avoided=apart,
        order=direction(background, parts, avoided) if avoided else None,
        foreign=any(part.foreign for part in wanted),
    )


def _embed_texts(model: EmbeddingModel, query: Query) -> None:
    """Embed all texts in one call; they are remembered for a while."""
    texts = [term.value for term in query.terms if term.kind == "text"]
    if texts:
        embedders.embed_query_texts(model.key, [*texts, *_joined_text(query)])


def _joined_text(query: Query) -> list[str]:
    """Return the wanted texts as one text, if several are wanted and nothing else."""
    texts = [term.value for term in query.wanted if term.kind == "text"]
    return [" ".join(texts)] if 1 < len(texts) == len(query.wanted) else []


def _joined_vector(model: EmbeddingModel, query: Query) -> list[WeightedVector]:
    """Return the wanted texts as one vector: their joint meaning counts as much as each."""
    weight = min((term.weight for term in query.wanted), default=1.0)
    return [
        WeightedVector(embedders.embed_query_text(model.key, text), weight)
        for text in _joined_text(query)
    ]


def _weighted(user: User, model: EmbeddingModel, term: Term) -> WeightedVector:
    is_text = term.kind == "text"
    foreign = is_text and is_foreign(term.value)
    return WeightedVector(_vector_of(user, model, term), abs(term.weight), not is_text, foreign)


def _vector_of(user: User, model: EmbeddingModel, term: Term) -> Vector:
    """Return the unit vector of one term without its weight."""
    match term.kind:
        case "text":
            return embedders.embed_query_text(model.key, term.value)
        case "photo":
            return _stored(model, _photo_of(user, term))
        case "part":
            return crop_vector(model, _photo_of(user, term), term.box or (0, 0, 1, 1))
        case "picture":
            return sent_pictures.vector_of(user, model, term.value)


def _photo_of(user: User, term: Term) -> Photo:
    """Return the photo that a term names; raise `QueryError` if this person has no such photo."""
    photo = Photo.objects.visible_to(user, hidden=True).filter(pk=term.photo_id).first()
    if photo is None:
        raise QueryError(
            ErrorCode.UNKNOWN_PHOTO,
            _("The photo in this search is not in the gallery."),
            status=404,
        )
    return photo


def _stored(model: EmbeddingModel, photo: Photo) -> Vector:
    row = Embedding.objects.filter(photo=photo, model=model).first()
    vector = row.get_vector() if row else None
    if vector is None:
        raise QueryError(
            ErrorCode.NOT_SEARCHABLE_YET,
            _("This photo is not searchable yet, so nothing can be compared with it."),
            status=409,
        )
    return vector


def direction(
    background: Background | None,
    wanted: Sequence[WeightedVector],
    avoided: Sequence[WeightedVector] = (),
) -> Vector:
    """Return the unit vector of photos that show all of `wanted` and none of `avoided`.

    Each vector is measured by how far it spreads the photos of the library, for embeddings of
    pictures and of texts lie in cones of their own and on scales of their own. Several avoided
    vectors count for more than one, but less than each would alone, or nothing would be left of
    what is wanted. Raises `QueryError` where all cancel each other out.
    """
    mixed = len({part.by_picture for part in wanted}) == 2
    beside = TEXT_BESIDE_PICTURES if background else TEXT_UNMEASURED
    weights = [part.weight * (beside if mixed and not part.by_picture else 1) for part in wanted]
    total = _weighted_sum(background, wanted, weights)
    if not avoided:
        return unit(total)
    usual = sum(part.weight for part in wanted) / len(wanted)
    against = [AVOIDED * part.weight / usual / len(avoided) ** 0.5 for part in avoided]
    kept = background.scale(total) if background else unit(total)
    return unit(kept - _weighted_sum(background, avoided, against))


def _weighted_sum(
    background: Background | None, parts: Sequence[WeightedVector], weights: Sequence[float]
) -> Vector:
    """Return the weighted sum of what sets each vector apart, each spreading the library by 1."""
    rows = [part.vector for part in parts]
    if background:
        centred = [background.centre(part.vector, by_picture=part.by_picture) for part in parts]
        rows = [background.scale(row) for row in centred]
    return np.asarray(np.asarray(weights, np.float32) @ np.stack(rows), np.float32)


def unit(vector: NDArray[np.floating]) -> Vector:
    """Return the vector with length 1; raise `QueryError` where nothing is left of it."""
    norm = float(np.linalg.norm(vector))
    if not norm > _CANCELLED:
        raise QueryError(
            ErrorCode.TERMS_CANCEL, _("The terms of this search cancel each other out.")
        )
    return np.asarray(vector / norm, np.float32)
