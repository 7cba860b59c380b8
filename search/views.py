"""The search page, similar photos, search by a picture, and the settings of the model."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from gallery import trash, uploads
from gallery.api_errors import RETRY_SECONDS
from gallery.decoding import Decoded, PoolBusy
from gallery.files import StorageFull
from gallery.models import EmbeddingModel, Photo
from gallery.views import PageRequest
from gallery.views.pages import own, vary
from gallery.views.tiles import PAGE, Fold, Tile, tiles
from search import folding, retrieval, sent_picture
from search.embedders.catalog import MODELS
from search.index_figures import index_figures
from search.query import QueryError

_STRIP = 12
_EXAMPLES = ["a dog on the beach", "children playing football", "a red car", "snow on mountains"]


@dataclass(frozen=True)
class Results:
    """What a search came to: tiles with scores, or a sentence that says why there are none."""

    tiles: list[Tile]
    next: str | None = None
    model: str = ""
    took_ms: float = 0.0
    message: str = ""
    status: int = 200


def _results(ask: Callable[[], retrieval.Answer]) -> Results:
    """Return the answer ready for the page; errors become sentences in the same place."""
    try:
        answer = ask()
    except QueryError as error:
        return Results([], message=error.message, status=error.status)
    except retrieval.SearchUnavailable as error:
        return Results([], message=error.message, status=503)
    scores = [hit.score for hit in answer.hits]
    found = tiles([hit.photo for hit in answer.hits], scores, _folds(answer))
    return Results(found, answer.next, answer.model, answer.took_ms)


def _folds(answer: retrieval.Answer) -> dict[uuid.UUID, Fold]:
    """Return what each tile stands for; the address tells what was asked, to leave that out."""
    but = f"&but={answer.without}" if answer.without else ""
    return {
        hit.photo.pk: Fold(
            (hit.photo.pk, *hit.similar),
            f"{reverse('similar', args=[hit.photo.pk])}?alike=1{but}",
        )
        for hit in answer.hits
        if hit.similar
    }


def _answer(
    request: PageRequest, results: Results, context: dict[str, Any], *, part: str
) -> HttpResponse:
    """Render the page of results; for htmx, only `part` of it."""
    fold = _folding(request)
    context |= {
        "fold": fold,
        "folded": _address(request, fold=True),
        "unfolded": _address(request, fold=False),
        "more": _address(request, fold=fold, cursor=results.next),
    }
    template = f"search/{part}.html" if request.htmx else "search/search.html"
    # htmx swaps in nothing from an error answer, and the sentence is the content here.
    status = 200 if request.htmx else results.status
    response = render(request, template, context | {"results": results}, status=status)
    if results.status == 503:
        response["Retry-After"] = RETRY_SECONDS
    return vary(response)


def _folding(request: PageRequest) -> bool:
    """Whether look-alikes are shown as one, which they are unless told otherwise."""
    return request.GET.get("fold") != "0"


def _address(request: PageRequest, *, fold: bool, cursor: str | None = None) -> str:
    """Return the address of these results, from their beginning or from a cursor on."""
    asked = {"q": request.GET.get("q"), "fold": None if fold else "0", "cursor": cursor}
    kept = {name: value for name, value in asked.items() if value is not None}
    return f"{request.path}?{urlencode(kept)}" if kept else request.path


@require_safe
@login_required
def search(request: PageRequest) -> HttpResponse:
    """Photos that look like a description, best first; the next page of them for htmx."""
    text, cursor = request.GET.get("q", ""), request.GET.get("cursor", "")
    if not text.strip():
        return render(request, "search/start.html", {"examples": _EXAMPLES, "focus_search": True})
    fold = _folding(request)
    results = _results(
        lambda: retrieval.by_text(request.user, text, limit=PAGE, cursor=cursor, fold=fold)
    )
    return _answer(request, results, {"query": text, "cursor": cursor}, part="_results")


@require_safe
@login_required
def similar(request: PageRequest, photo_id: uuid.UUID) -> HttpResponse:
    """Photos that look like one of the gallery: a page, or the strip under a photo.

    With `alike`, only those that belong together with it, which other pages fold under it.
    """
    photo = own(request, photo_id)
    if "alike" in request.GET:
        return _look_alikes(request, photo)
    cursor = request.GET.get("cursor", "")
    strip, fold = "strip" in request.GET, _folding(request)
    limit = _STRIP if strip else PAGE
    results = _results(
        lambda: retrieval.similar_to(request.user, photo, limit=limit, cursor=cursor, fold=fold)
    )
    context = {"like": photo, "cursor": cursor}
    return _answer(request, results, context, part="_strip" if strip else "_results")


def _look_alikes(request: PageRequest, photo: Photo) -> HttpResponse:
    """What is folded under a photo: a page with the photo first; for htmx, only the others.

    `but` leaves one more out: the photo that everything is compared with.
    """
    ids = folding.together(request.user, [photo.pk]).get(photo.pk, frozenset())
    found = Photo.objects.visible_to(request.user).filter(pk__in=ids - {photo.pk})
    others = [one for one in found.newest_first() if str(one.pk) != request.GET.get("but")]
    if request.htmx:
        part = {"tiles": tiles(others), "of": photo.pk}
        return vary(render(request, "gallery/_tiles.html", part))
    context = {"like": photo, "alike": True, "results": Results(tiles([photo, *others]))}
    return vary(render(request, "search/search.html", context))


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def by_image(request: PageRequest) -> HttpResponse:
    """Photos that look like a picture from outside, which is looked at and not kept."""
    if request.method != "POST":
        return redirect("search")
    try:
        decoded = sent_picture.decode(request)
    except (uploads.Refused, StorageFull) as error:
        results = Results([], message=error.message, status=getattr(error, "status", 507))
        return _answer(request, results, {"picture": ""}, part="_results")
    except PoolBusy:
        busy = "Too many pictures are being read at once. Try again in a moment."
        return _answer(request, Results([], message=busy, status=503), {}, part="_results")
    fold, limit = _folding(request), retrieval.MAX_LIMIT
    results = _results(
        lambda: retrieval.by_pixels(request.user, decoded.pixels, limit=limit, fold=fold)
    )
    # There is no second page: the picture is not kept, so nothing could continue the list.
    shown = {"picture": _data_url(decoded), "name": _name(request), "whole": True}
    return _answer(request, results, shown, part="_results")


def _data_url(decoded: Decoded) -> str:
    """Return the thumbnail inline, since it is stored nowhere that could be linked to."""
    return "data:image/webp;base64," + base64.b64encode(decoded.thumbnail).decode("ascii")


def _name(request: PageRequest) -> str:
    upload = request.FILES.get("file")
    return (upload.name or "")[:80] if upload else ""


@require_safe
@login_required
def settings_page(request: PageRequest) -> HttpResponse:
    """Which model and device are at work and why, and which models are recommended."""
    model = EmbeddingModel.objects.active()
    context = {
        "model": model,
        "recommended": MODELS,
        "index": index_figures(model) if model else "No model is active yet.",
        "bytes": Photo.objects.visible_to(request.user).total_bytes(),
        "trash": trash.holds(request.user),
    }
    return render(request, "search/settings.html", context)
