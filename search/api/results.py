"""Searching by text, by a photo or by a picture; why a photo matches; and the status."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema
from pydantic import ConfigDict, WithJsonSchema

from gallery.api.described import (
    NO_FILE,
    SentFile,
    Share,
    cursor_like,
    filled,
    one_of,
    up_to,
    with_file,
)
from gallery.api.errors import ErrorOut
from gallery.metrics.stages import stage
from gallery.models import EmbeddingModel, Photo, User
from gallery.status import status as gallery_status
from search import language
from search.engine import answer as engine, names, sent_pictures
from search.engine.answer import Answer, SearchRequest, Sort, sort_of
from search.engine.cursor import CURSOR
from search.engine.explain import explain
from search.engine.page import ResultPhoto
from search.filters.selection import apply_filters
from search.language import ErrorCode, QueryError, require_known_parameters
from search.language.terms import MAX_CHARACTERS
from search.vectors.index import index_figures

router = Router(tags=["search"])
_ERRORS = frozenset({400, 401, 404, 409, 413, 415, 503})


_BOX = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}
_Box = Annotated[tuple[float, float, float, float], WithJsonSchema(_BOX)]
_Query = Annotated[str, filled(MAX_CHARACTERS)]


class HitOut(Schema):
    """One found photo; `score` is the cosine similarity, None where filters alone were asked.

    `band` is strong, likely or weak, and None where there is too little to compare with.
    `words` says which of its words are those of the query; `box` is the part of the photo that
    matched, left, top, width and height as fractions. `similar` has the ids of the look-alikes
    that were folded under it; empty without `fold`.
    """

    id: uuid.UUID
    score: float | None
    band: str | None
    words: str
    box: _Box | None
    name: str
    url: str
    thumbnail: str
    similar: list[uuid.UUID]


class ReadingOut(Schema):
    """Words of the query that were read as a date or as an exclusion.

    `parts` are what they became in the query language, and `plain` is the query in which they are
    words instead.
    """

    words: str
    kind: Literal["date", "exclusion"]
    parts: list[str]
    plain: str


class SearchOut(Schema):
    """A page of hits, best first; `next` is the cursor of the following page.

    `query` is the query as it was understood. Of the `total` photos that pass its filters (an
    estimate of more than 1,000, beside words), `strong` and `likely` match so well, counted among
    the first 1,000. `absent` says that the library surely has nothing of the kind. `notes` are
    sentences about filters that nothing can pass, and about a language that the model cannot read.
    `readings` say which words of the text became dates and exclusions. Where nothing was found
    because of them or of minus signs, `suggestion` is the query that takes all of it as words.
    """

    query: str
    readings: list[ReadingOut]
    suggestion: str | None
    model: str
    took_ms: float
    total: int
    strong: int
    likely: int
    absent: bool
    notes: list[str]
    hits: list[HitOut]
    next: str | None


class SimilarIn(Schema):
    """How much to return, from where; `fold` returns only the best of photos that look alike."""

    limit: Annotated[int, up_to(engine.MAX_LIMIT)] = 60
    cursor: Annotated[str, cursor_like(CURSOR)] = ""
    fold: bool = False


class HowIn(SimilarIn):
    """How to list it.

    `sort` relevance, newest or best, `least` trust (0 to 1), with `weak` matches.
    """

    sort: Annotated[str, one_of(Sort)] = Sort.RELEVANCE
    least: Annotated[float | None, Share] = None
    weak: bool = True


class SearchIn(HowIn):
    """What to look for, in the query language."""

    # What is missing is refused in the words of what is empty.
    model_config = ConfigDict(json_schema_extra={"required": ["q"]})

    q: _Query = ""


@router.get("/search", response={200: SearchOut, _ERRORS: ErrorOut})
def search(request: HttpRequest, params: Query[SearchIn]) -> SearchOut:
    """Find photos by describing them."""
    require_known_parameters(request.GET, "q", "sort", "least", "weak", "limit", "cursor", "fold")
    return search_out(request, names.read(request.user, params.q), params)


@router.get("/photos/{uuid:photo_id}/similar", response={200: SearchOut, _ERRORS: ErrorOut})
def similar(request: HttpRequest, photo_id: uuid.UUID, params: Query[SimilarIn]) -> SearchOut:
    """Find photos that look like one of the gallery."""
    require_known_parameters(request.GET, "limit", "cursor", "fold")
    photo = get_object_or_404(Photo.objects.visible_to(request.user), pk=photo_id)
    return search_out(request, _like("photo", str(photo.pk)), HowIn(**params.dict()))


@router.post(
    "/search/by-image", response={200: SearchOut, _ERRORS: ErrorOut}, openapi_extra=with_file()
)
def by_image(
    request: HttpRequest,
    params: Query[SimilarIn],
    file: SentFile = NO_FILE,
) -> SearchOut:
    """Find photos that look like a picture sent along (multipart field `file`).

    A small copy is kept for a week, so that `query` can be asked again and combined.
    """
    require_known_parameters(request.GET, "limit", "cursor", "fold")
    checked_limit(params.limit)
    token = sent_pictures.keep(request)
    return search_out(request, _like("picture", token), HowIn(**params.dict()))


def _like(kind: language.Kind, value: str) -> language.Query:
    return language.Query((language.Term(kind, value),))


def search_out(request: HttpRequest, query: language.Query, params: HowIn) -> SearchOut:
    """Return the answer to a query, listed as the parameters say."""
    asked = SearchRequest(
        query,
        checked_limit(params.limit),
        params.cursor,
        fold=params.fold,
        sort=sort_of(params.sort),
        least=params.least,
        weak=params.weak,
    )
    answer = engine.search(request.user, asked)
    with stage("render"):
        return _out(answer, _total(request.user, answer), first=not params.cursor)


class WhyOut(Schema):
    """How well a photo and its parts match a query.

    `score` is the cosine similarity that ranks it, null where filters or exclusions leave it
    out. `values` has `rows` lists of `columns` numbers from 0 to 1: how well each cell matches,
    compared with the rest of the photo. `box` is the part that matches best, left, top, width and
    height as fractions, and `part_score` its cosine similarity. Where no single place stands out,
    both are null and all values 0.
    """

    query: str
    model: str
    score: float | None
    band: str | None
    words: str
    rows: int
    columns: int
    values: list[list[float]]
    box: _Box | None
    part_score: float | None


@router.get("/photos/{uuid:photo_id}/why", response={200: WhyOut, _ERRORS: ErrorOut})
def why(request: HttpRequest, photo_id: uuid.UUID, q: _Query) -> WhyOut:
    """Return how well a photo matches a query, and where in it."""
    require_known_parameters(request.GET, "q")
    photo = get_object_or_404(Photo.objects.visible_to(request.user), pk=photo_id)
    explanation = explain(request.user, photo, names.read(request.user, q))
    heat = explanation.heat
    rows, columns = heat.values.shape
    return WhyOut(
        query=language.to_text(explanation.query),
        model=explanation.model,
        score=None if explanation.score is None else round(explanation.score, 4),
        band=explanation.band,
        words=explanation.words,
        rows=rows,
        columns=columns,
        values=[[round(float(value), 3) for value in row] for row in heat.values],
        box=heat.box,
        part_score=heat.score,
    )


@router.get("/status", tags=["status"])
def status(request: HttpRequest) -> dict[str, Any]:
    """Return how much is searchable, how fast work goes, and with which model and device."""
    model = EmbeddingModel.objects.active()
    index = index_figures(model) if model else None
    said = {"error": index} if isinstance(index, str) else index and asdict(index)
    return asdict(gallery_status(request.user)) | {"index": said}


def checked_limit(limit: int) -> int:
    """Return the limit; raise `QueryError` when it is out of range."""
    if not 1 <= limit <= engine.MAX_LIMIT:
        message = _("limit must be between 1 and %(limit)s.") % {"limit": engine.MAX_LIMIT}
        raise QueryError(ErrorCode.BAD_PARAMETER, message)
    return limit


def _total(user: User, answer: Answer) -> int:
    """Return how many photos pass the filters; an answer by date does not count them."""
    if answer.query.wanted:
        return answer.figures.total
    if answer.remainder:
        return answer.remainder.shown
    return apply_filters(user, answer.query.filters).photos.count()


def _out(answer: Answer, total: int, *, first: bool) -> SearchOut:
    plain = None if answer.photos or not first else answer.query.plain
    return SearchOut(
        query=language.to_text(answer.query),
        readings=[_reading(reading) for reading in answer.query.readings],
        suggestion=language.to_text(plain) if plain else None,
        model=answer.model,
        took_ms=answer.took_ms,
        total=total,
        strong=answer.figures.strong,
        likely=answer.figures.likely,
        absent=answer.figures.absent,
        notes=[*answer.notes, *filter(None, [answer.unread, _left(answer)])],
        next=answer.next,
        hits=[_hit(result) for result in answer.photos],
    )


def _left(answer: Answer) -> str:
    """Return in words what exclusions alone leave; empty for other queries."""
    return answer.remainder.sentence(answer.query) if answer.remainder else ""


def _reading(reading: language.Reading) -> ReadingOut:
    parts = (language.Query((term,)) for term in reading.terms)
    return ReadingOut(
        words=reading.words,
        kind="date" if reading.filters else "exclusion",
        parts=[*map(language.to_text, parts), *map(language.filter_to_text, reading.filters)],
        plain=language.to_text(reading.plain),
    )


def _hit(result: ResultPhoto) -> HitOut:
    return HitOut(
        id=result.photo.pk,
        score=None if result.score is None else round(result.score, 4),
        band=result.band,
        words=result.words,
        box=result.box,
        name=result.photo.name,
        url=result.photo.get_absolute_url(),
        thumbnail=reverse("thumbnail", args=[result.photo.pk]),
        similar=list(result.similar),
    )
