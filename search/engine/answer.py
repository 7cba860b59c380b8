"""From a query to ranked photos: the one place where vectors and visibility meet."""

from __future__ import annotations

import time
import uuid
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, cast, get_args

from gallery.decoding import PoolBusy
from gallery.models import EmbeddingModel, PhotoQuerySet, User
from gallery.paging import NOT_GIVEN
from gallery.user_errors import UserError
from search import filters, fulltext, parts
from search.engine import sent_pictures, target as targets
from search.engine.page import MAX_OFFSET, Folded, Found, Listed
from search.engine.rank import Ranking
from search.filters import Narrowed
from search.language import Query
from search.language.errors import QueryError
from search.relevance import Band, library
from search.vectors import embedders
from search.vectors.embedders.base import ModelUnavailable, Tower
from search.vectors.index import VectorIndexError

MAX_LIMIT = 100
LEVELS = 20
"""Steps of the slider: trust is counted at 0, 1/20, ..., 1."""
PATIENCE = 8.0  # seconds that a request waits for a model that is being loaded
Sort = Literal["relevance", "newest"]


class SearchUnavailable(UserError):
    """Search cannot answer now, though the rest of the gallery can; try again later."""

    status = 503

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, code=code)


def sort_of(text: str) -> Sort:
    """Return the order of that name; raise `QueryError` for an unknown one."""
    for sort in get_args(Sort):
        if text == sort:
            return cast("Sort", sort)
    raise QueryError("bad_parameter", "sort must be relevance or newest.")


@dataclass(frozen=True)
class Asked:
    """A query and how its answer is wanted.

    `fold` shows look-alikes as one. `least` is the trust (0..1) that hits need; None leaves that
    to the bands. `weak` lists weaker matches after the others. Sorted by newest, only what
    matches is listed. Raises `QueryError` for values that no form or link has.
    """

    query: Query
    limit: int = 60
    cursor: str = ""
    fold: bool = False
    sort: Sort = "relevance"
    least: float | None = None
    weak: bool = True

    def __post_init__(self) -> None:
        if self.least is not None and not 0 <= self.least <= 1:
            raise QueryError("bad_parameter", "least must be between 0 and 1.")


def two_digits(number: int) -> int:
    """Return a number as an estimate is told: 40,122 is about 40,000."""
    return round(number, 2 - len(str(number)))


@dataclass(frozen=True)
class Figures:
    """What a ranking comes to, look-alikes counted one by one.

    `total` photos pass the filters and are searchable, about so many if `about`. `strong`
    and `likely` count the matches of these bands among the first `WINDOW` hits, `levels` those of
    at least each step of trust, 0 to 1; empty where nothing is known to compare with (`banded`).
    `more` hits follow behind those.
    """

    total: int = 0
    strong: int = 0
    likely: int = 0
    levels: tuple[int, ...] = ()
    more: bool = False
    banded: bool = False
    about: bool = False

    @property
    def rounded(self) -> int:
        """The total, in two digits where it is an estimate."""
        return two_digits(self.total) if self.about else self.total

    @property
    def matches(self) -> int:
        """How many photos are Strong or Likely."""
        return self.strong + self.likely

    @property
    def is_empty(self) -> bool:
        """Whether nothing matches well, though there may be weaker matches."""
        return self.banded and not self.matches


@dataclass(frozen=True)
class Answer:
    """A page of photos, all of one model; `next` continues the list, None at its end.

    `without` is the one photo that was asked about and left out, since the others are compared
    with it. `notes` are sentences about filters that nothing can pass.
    """

    query: Query
    model: str
    took_ms: float
    hits: list[Found]
    next: str | None
    figures: Figures
    notes: tuple[str, ...] = ()
    without: uuid.UUID | None = None


def search(user: User, asked: Asked) -> Answer:
    """Return the photos of a person that match a query, all with one model.

    Raises `QueryError` for a bad query and `SearchUnavailable` when model or index are away.
    """
    started = time.perf_counter()
    limit, offset = max(1, min(asked.limit, MAX_LIMIT)), read_cursor(asked.cursor)
    with availability():
        sought = _seek(user, asked.query)
        pages = _pages(user, asked, sought)
        hits, end = pages.page(limit, offset)
        ranking = sought.ranking if asked.query.wanted else None
        return Answer(
            query=asked.query,
            model=sought.model.key if sought.model else "",
            took_ms=round((time.perf_counter() - started) * 1000, 1),
            hits=hits,
            next=str(end) if end is not None else None,
            figures=_figures(ranking) if ranking else Figures(),
            notes=sought.narrowed.notes,
            without=sought.alone,
        )


def result(user: User, query: Query, *, least: float | None = None) -> PhotoQuerySet:
    """Return the photos that match a query: Strong, Likely, or of trust `least`.

    Of a ranking, at most the first `WINDOW`; filters alone give all that pass them. Raises what
    `search` does.
    """
    with availability():
        return _matching(_seek(user, query), query, least)


def ranking_of(user: User, query: Query) -> Ranking:
    """Return the ranking of a query that has terms; raises what `search` does, within
    `availability`."""
    ranking = _seek(user, query).ranking
    if ranking is None:
        raise QueryError("query_empty", "There is nothing to rank by.")
    return ranking


@dataclass(frozen=True)
class _Sought:
    """A query taken apart: what the filters leave, and the ranking where there are terms."""

    model: EmbeddingModel | None
    narrowed: Narrowed
    ranking: Ranking | None
    alone: uuid.UUID | None


def _seek(user: User, query: Query) -> _Sought:
    """Embed and rank with one model throughout, so that an answer never mixes spaces."""
    narrowed = filters.narrow(user, query.filters)
    if not query.terms:
        return _Sought(EmbeddingModel.objects.active(), narrowed, None, None)
    model = _active_model()
    for tower in _towers(user, model, query):
        _require(model, tower)
    target = targets.of(user, model, query)
    said = fulltext.Said.of(user.pk, query)
    narrowed = fulltext.without(narrowed, said)
    scale = parts.scale_of(user, model)
    ranking = Ranking(model, target, narrowed, said, library.of(user, model), scale)
    return _Sought(model, narrowed, ranking, _only_photo(query))


def _towers(user: User, model: EmbeddingModel, query: Query) -> set[Tower]:
    """Return the towers that embed the terms; stored vectors need none."""
    kinds = {term.kind for term in query.terms}
    towers: set[Tower] = {"text"} if "text" in kinds else set()
    pictures = [term.value for term in query.terms if term.kind == "picture"]
    new = any(sent_pictures.needs_model(user, model, one) for one in pictures)
    return towers | ({"image"} if new or "part" in kinds else set())


def _only_photo(query: Query) -> uuid.UUID | None:
    """Return the photo that the others are compared with, if the query is nothing else."""
    photos = [term for term in query.terms if term.kind == "photo"]
    return uuid.UUID(photos[0].photo_id) if len(photos) == len(query.terms) == 1 else None


def _pages(user: User, asked: Asked, sought: _Sought) -> Listed | Folded:
    ranking = sought.ranking
    if ranking is None or not asked.query.wanted or asked.sort == "newest":
        scores = {one.id: one for one in ranking.window} if ranking and asked.query.wanted else {}
        return Listed(_matching(sought, asked.query, asked.least), scores, ranking)
    listed = ranking.window if asked.weak and asked.least is None else ranking.matching(asked.least)
    endless = listed is ranking.window and ranking.is_longer
    without = sought.alone if asked.fold else None
    return Folded(user, ranking, listed, without, fold=asked.fold, endless=endless)


def _matching(sought: _Sought, query: Query, least: float | None) -> PhotoQuerySet:
    if sought.ranking is None:
        return sought.narrowed.photos
    if query.wanted:
        ids = [one.id for one in sought.ranking.matching(least)]
        return sought.narrowed.photos.filter(pk__in=ids)
    # Only exclusions: everything but what clearly shows any of them.
    return sought.narrowed.photos.exclude(pk__in=sought.ranking.to_leave_out(least))


def _figures(ranking: Ranking) -> Figures:
    found = [ranking.band(one) for one in ranking.window]
    trusts = sorted(ranking.trust(one) for one in ranking.window)
    levels = [len(trusts) - bisect_left(trusts, step / LEVELS) for step in range(LEVELS + 1)]
    return Figures(
        total=ranking.total,
        strong=found.count(Band.STRONG),
        likely=found.count(Band.LIKELY),
        levels=tuple(levels) if ranking.cut else (),
        more=ranking.is_longer,
        banded=ranking.cut is not None,
        about=ranking.is_estimated,
    )


@contextmanager
def availability() -> Iterator[None]:
    """Turn what models, index and decoders raise into `SearchUnavailable`."""
    try:
        yield
    except ModelUnavailable as error:
        raise SearchUnavailable("model_unavailable", str(error)) from error
    except VectorIndexError as error:
        raise SearchUnavailable("index_unavailable", str(error)) from error
    except PoolBusy as error:
        busy = "Too many pictures are being read at once. Try again in a moment."
        raise SearchUnavailable("busy", busy) from error


def _active_model() -> EmbeddingModel:
    model = EmbeddingModel.objects.active()
    if model is None:
        raise still_loading()
    return model


def _require(model: EmbeddingModel, tower: Tower) -> None:
    """Have the tower in memory, or say that it is still being loaded."""
    if not embedders.wait_until_loaded(model.key, tower, PATIENCE):
        raise still_loading()


def still_loading() -> SearchUnavailable:
    """Return the error that says that a model is being loaded."""
    return SearchUnavailable(
        "model_loading", "The search model is still being loaded. Try again in a moment."
    )


def read_cursor(cursor: str) -> int:
    """Return the offset that a cursor stands for; raise `QueryError` for a made-up one."""
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 5):
        raise QueryError("bad_cursor", str(NOT_GIVEN))
    return min(int(cursor), MAX_OFFSET)
