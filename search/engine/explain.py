"""Why a photo is in a result: how well it matches, by which words, and where."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from gallery.models import Photo, User
from search.engine.errors import still_loading, unavailable_errors
from search.engine.plan import PATIENCE, VectorQuery, plan
from search.engine.rank import RankedPhoto, Ranking, rank, scores
from search.language.query_errors import ErrorCode, QueryError
from search.language.terms import Query
from search.parts.crops import CLEAR_PICTURE, Heat, heat
from search.relevance import Band
from search.relevance.library import stored_texts
from search.vectors import embedders


@dataclass(frozen=True)
class Explanation:
    """How one photo matches a query.

    `score` is the cosine similarity that ranks it, None where filters or exclusions leave it
    out. `band` is None while the library has no background to compare with. `words` says which
    words of the photo are those of the query. `heat` shows where the photo matches, if one place
    stands out.
    """

    query: Query
    model: str
    score: float | None
    band: Band | None
    words: str
    heat: Heat


def explain(user: User, photo: Photo, query: Query) -> Explanation:
    """Return how well a photo of this person matches a query.

    Raises `QueryError` for a query that wants nothing, and `SearchUnavailable`.
    """
    if not query.terms:
        raise QueryError(
            ErrorCode.QUERY_EMPTY,
            _("This search has only filters. Scry can explain matches only for a description."),
        )
    if not query.wanted:
        raise QueryError(
            ErrorCode.QUERY_EMPTY,
            _("This search only excludes things, so there is no match to explain."),
        )
    with unavailable_errors():
        vector = plan(user, query).vector
        if vector is None or not embedders.wait_until_loaded(vector.model.key, "image", PATIENCE):
            raise still_loading()
        ranking = rank(vector)
        ranked = _find(ranking, photo.pk)
        return Explanation(
            query=query,
            model=vector.model.key,
            score=ranked.score if ranked else None,
            band=ranking.band(ranked) if ranked else None,
            words=ranked.words if ranked else "",
            heat=_heat(photo, vector),
        )


def _heat(photo: Photo, query: VectorQuery) -> Heat:
    """Return where a photo matches, compared with texts, or for a query by picture with photos.

    Pictures differ more from each other than from texts, so they are compared with their like.
    """
    model, target, background = query.model, query.target, query.background
    wanted = target.vector if target.asked is None else target.asked
    if not target.by_picture:
        return heat(model, photo, wanted, stored_texts(model.key))
    rivals = background.pictures.rivals if background else stored_texts(model.key)
    return heat(model, photo, wanted, rivals, CLEAR_PICTURE)


def _find(ranking: Ranking, photo_id: UUID) -> RankedPhoto | None:
    """Return the photo as it is ranked, in the window or behind it; None if it is left out."""
    for photo in ranking.window:
        if photo.id == photo_id:
            return photo
    score = scores(ranking.query, [photo_id]).get(photo_id)
    return None if score is None else RankedPhoto(photo_id, score)
