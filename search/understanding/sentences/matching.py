"""How well sentences describe a photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from gallery.models import Embedding, EmbeddingModel, Photo
from gallery.models.photo_library import User
from gallery.user_errors import UserError
from search.relevance import Background, Band
from search.relevance.background import Vector, Vectors
from search.relevance.library import background_of
from search.understanding import directions
from search.understanding.sentences import lines
from search.understanding.sentences.certainty import band_of, probabilities
from search.understanding.sentences.readiness import answering_model, unit_of
from search.vectors.embedders.base import ModelUnavailable
from search.vectors.embedders.languages import is_foreign


@dataclass(frozen=True)
class Match:
    """A sentence: its share of the certainty from 0 to 1, its cosine similarity, and its band.

    `band` is None where the library is too small to tell. `reordered` says that another sentence
    has the same words in another order.
    """

    text: str
    probability: float
    score: float
    band: Band | None
    reordered: bool


@dataclass(frozen=True)
class Answer:
    """The sentences for a photo, the best first, and the key of the model that judged them."""

    model: str
    matches: list[Match]


def match(user: User, photo: Photo, texts: Sequence[str]) -> Answer:
    """Judge sentences for a photo.

    Raises `UserError` for sentences that cannot be read, for a photo without a vector (409), and
    while no model reads texts (503).
    """
    sentences = lines.read(texts)
    model = answering_model()
    photo_vector = _vector_of(photo, model)
    try:
        vectors = directions.directions(model.key, [[each] for each in sentences])
        unit = unit_of(user, model)
    except ModelUnavailable as error:
        raise UserError(str(error), code="model_unavailable", status=503) from error
    scores = vectors @ photo_vector
    shares = probabilities(scores, unit)
    background = background_of(user, model)
    bands = _bands(user, background, sentences, vectors, photo_vector)
    reordered = lines.in_other_order(sentences)
    found = [
        Match(text, float(share), float(score), band, again)
        for text, share, score, band, again in zip(
            sentences, shares, scores, bands, reordered, strict=True
        )
    ]
    return Answer(model.key, sorted(found, key=lambda each: -each.score))


def _bands(
    user: User,
    background: Background | None,
    texts: Sequence[str],
    vectors: Vectors,
    photo: Vector,
) -> list[Band | None]:
    if background is None:
        return [None] * len(texts)
    total = Photo.objects.visible_to(user).count()
    return [
        band_of(background, vector, photo, total, foreign=is_foreign(text))
        for text, vector in zip(texts, vectors, strict=True)
    ]


def _vector_of(photo: Photo, model: EmbeddingModel) -> Vector:
    row = Embedding.objects.live().filter(photo=photo, model=model).first()
    if row is not None and row.state == Embedding.State.FAILED:
        message = _("This photo could not be made searchable, so no sentence can be judged for it.")
        raise UserError(message, code="not_searchable_yet", status=409)
    vector = row.get_vector() if row is not None else None
    if vector is None:
        message = _("This photo is not searchable yet. Try again once it is.")
        raise UserError(message, code="not_searchable_yet", status=409)
    return vector
