"""Why a photo is in a result: how far it can be trusted, its words, and where it matches."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from gallery.models import Photo, User
from search.engine import answer
from search.engine.rank import Ranked, Ranking
from search.language import ErrorCode, Query, QueryError
from search.parts import Heat, heat
from search.relevance import Band
from search.vectors import embedders

_PLACES = (
    ("in the upper left", "at the top", "in the upper right"),
    ("on the left", "in the middle", "on the right"),
    ("in the lower left", "at the bottom", "in the lower right"),
)


@dataclass(frozen=True)
class Why:
    """What is known of one photo and a query.

    `score` is the cosine similarity that ranks it and None where the filters leave it out; `band`
    is None where nothing is known to compare with. `words` says which of its words are those of
    the query. `heat` shows where what is wanted is seen.
    """

    query: Query
    model: str
    score: float | None
    band: Band | None
    words: str
    heat: Heat

    @property
    def place(self) -> str:
        """Where the part is that matches best, in words."""
        left, top, width, height = self.heat.box
        column, row = int(3 * (left + width / 2)), int(3 * (top + height / 2))
        return _PLACES[min(row, 2)][min(column, 2)]


def why(user: User, photo: Photo, query: Query) -> Why:
    """Return why a photo of this person matches a query, or how little it does.

    Raises `QueryError` for a query that wants nothing, and what `retrieval.search` raises.
    """
    if not query.terms:
        raise QueryError(
            ErrorCode.QUERY_EMPTY, "Filters are met or not; only descriptions have reasons."
        )
    if not query.wanted:
        raise QueryError(
            ErrorCode.QUERY_EMPTY, "This search only leaves things out: all else is here."
        )
    with answer.availability():
        ranking = answer.ranking_of(user, query)
        if not embedders.wait_until_loaded(ranking.model.key, "image", answer.PATIENCE):
            raise answer.still_loading()
        target = ranking.target
        wanted = target.vector if target.asked is None else target.asked
        one = _ranked(ranking, photo.pk)
        return Why(
            query=query,
            model=ranking.model.key,
            score=one.score if one else None,
            band=ranking.band(one) if one else None,
            words=one.words if one else "",
            heat=heat(ranking.model, photo, wanted),
        )


def _ranked(ranking: Ranking, photo_id: UUID) -> Ranked | None:
    for one in ranking.window:
        if one.id == photo_id:
            return one
    score = ranking.scores([photo_id]).get(photo_id)
    return None if score is None else Ranked(photo_id, score)
