"""The search part of the API: by words, by a photo, by a picture, and the gallery's status."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any, TypedDict

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from ninja import File, NinjaAPI, Query, Router, Schema
from ninja.files import UploadedFile

from gallery.api import ErrorOut
from gallery.api_errors import RETRY_SECONDS
from gallery.middleware import error
from gallery.models import EmbeddingModel, Photo
from gallery.status import status as gallery_status
from search import retrieval, sent_picture
from search.duplicates import api as duplicates
from search.index_figures import index_figures
from search.query import QueryError

router = Router(tags=["search"])
_ERRORS = frozenset({400, 401, 404, 409, 413, 415, 503})


def attach(api: NinjaAPI) -> None:
    """Add the search routes and the answers to their exceptions."""
    api.add_exception_handler(QueryError, _query_error)
    api.add_exception_handler(retrieval.SearchUnavailable, _unavailable)
    api.add_router("", router)
    duplicates.attach(api)


def _query_error(request: HttpRequest, exc: Any) -> HttpResponse:
    return error(exc.status, exc.code, exc.message)


def _unavailable(request: HttpRequest, exc: Any) -> HttpResponse:
    response = error(503, exc.code, exc.message)
    response["Retry-After"] = RETRY_SECONDS
    return response


class HitOut(Schema):
    """One found photo; `score` is the cosine similarity.

    `similar` has the ids of the look-alikes that were folded under it; empty without `fold`.
    """

    id: uuid.UUID
    score: float
    name: str
    url: str
    thumbnail: str
    similar: list[uuid.UUID]


class SearchOut(Schema):
    """A page of hits, best first; `next` is the cursor of the following page."""

    model: str
    took_ms: float
    hits: list[HitOut]
    next: str | None


class SimilarIn(Schema):
    """How much to return, from where; `fold` returns only the best of photos that look alike."""

    limit: int = 60
    cursor: str = ""
    fold: bool = False


class SearchIn(SimilarIn):
    """What to look for."""

    q: str = ""


@router.get("/search", response={200: SearchOut, _ERRORS: ErrorOut})
def search(request: HttpRequest, params: Query[SearchIn]) -> SearchOut:
    """Find photos by describing them."""
    _known(request, "q", "limit", "cursor", "fold")
    return _out(retrieval.by_text(request.user, params.q, **_how(params)))


@router.get("/photos/{uuid:photo_id}/similar", response={200: SearchOut, _ERRORS: ErrorOut})
def similar(request: HttpRequest, photo_id: uuid.UUID, params: Query[SimilarIn]) -> SearchOut:
    """Find photos that look like one of the gallery."""
    _known(request, "limit", "cursor", "fold")
    photo = get_object_or_404(Photo.objects.visible_to(request.user), pk=photo_id)
    return _out(retrieval.similar_to(request.user, photo, **_how(params)))


@router.post("/search/by-image", response={200: SearchOut, _ERRORS: ErrorOut})
def by_image(
    request: HttpRequest,
    params: Query[SimilarIn],
    file: File[UploadedFile | None] = None,
) -> SearchOut:
    """Find photos that look like a picture sent along (multipart field `file`), not kept."""
    _known(request, "limit", "cursor", "fold")
    how = _how(params)
    pixels = sent_picture.decode(request).pixels
    return _out(retrieval.by_pixels(request.user, pixels, **how))


@router.get("/status", tags=["status"])
def status(request: HttpRequest) -> dict[str, Any]:
    """Return how much is searchable, how fast work goes, and with which model and device."""
    model = EmbeddingModel.objects.active()
    index = index_figures(model) if model else None
    said = {"error": index} if isinstance(index, str) else index and asdict(index)
    return asdict(gallery_status(request.user)) | {"index": said}


class _How(TypedDict):
    limit: int
    cursor: str
    fold: bool


def _how(params: SimilarIn) -> _How:
    return {"limit": checked_limit(params.limit), "cursor": params.cursor, "fold": params.fold}


def checked_limit(limit: int) -> int:
    """Return the limit; raise `QueryError` when it is out of range."""
    if not 1 <= limit <= retrieval.MAX_LIMIT:
        raise QueryError("bad_parameter", f"limit must be between 1 and {retrieval.MAX_LIMIT}.")
    return limit


def _known(request: HttpRequest, *names: str) -> None:
    unknown = sorted(set(request.GET) - set(names))
    if unknown:
        raise QueryError("bad_parameter", f"There is no parameter {unknown[0][:40]!r} here.")


def _out(answer: retrieval.Answer) -> SearchOut:
    return SearchOut(
        model=answer.model,
        took_ms=answer.took_ms,
        next=answer.next,
        hits=[
            HitOut(
                id=found.photo.pk,
                score=round(found.score, 4),
                name=found.photo.name,
                url=found.photo.get_absolute_url(),
                thumbnail=reverse("thumbnail", args=[found.photo.pk]),
                similar=list(found.similar),
            )
            for found in answer.hits
        ],
    )
