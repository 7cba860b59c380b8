"""The search page, similar photos, and search by a picture."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from gallery import uploads
from gallery.decoding import PoolBusy
from gallery.files import StorageFull
from gallery.models import Photo
from gallery.user_errors import RETRY_SECONDS
from gallery.views import PageRequest, get_photo, vary_on_htmx
from gallery.views.tiles import PAGE, Fold, Tile, tiles
from search import language
from search.engine import (
    answer as retrieval,
    lookalikes,
    saved_searches,
    sent_pictures,
)
from search.engine.answer import Answer
from search.language import Query, Term
from search.language.errors import QueryError
from search.language.scanner import cleaned
from search.views import address as forms, chips, start, summary

FOUND = "found"
"""The id of the element that is filled anew when the slider is moved."""
_STRIP = 12


@dataclass(frozen=True)
class Results:
    """What a search came to: tiles with what is known of each, or a sentence that says why not.

    `error` is the reason code of that sentence; `start` and `end` say where in the text it is.
    """

    tiles: list[Tile] = field(default_factory=list)
    answer: Answer | None = None
    message: str = ""
    status: int = 200
    error: str = ""
    start: int | None = None
    end: int | None = None

    @property
    def next(self) -> str | None:
        """The cursor of the next page."""
        return self.answer.next if self.answer else None


def results_of(ask: Callable[[], Answer]) -> Results:
    """Return the answer ready for the page; errors become sentences in the same place."""
    try:
        answer = ask()
    except language.Misread as error:
        wrong = Results(message=error.message, status=error.status, error=error.code)
        return replace(wrong, start=error.start, end=error.end)
    except QueryError as error:
        return Results(message=error.message, status=error.status, error=error.code)
    except retrieval.SearchUnavailable as error:
        return Results(message=error.message, status=503, error=error.code)
    return Results(tiles([hit.photo for hit in answer.hits], answer.hits, _folds(answer)), answer)


def _folds(answer: Answer) -> dict[uuid.UUID, Fold]:
    """Return what each tile stands for; the address tells what was asked, to leave that out."""
    told = {"alike": "1", "q": language.to_text(answer.query)}
    told |= {"but": str(answer.without)} if answer.without else {}
    asked = urlencode(told)
    return {
        hit.photo.pk: Fold(
            (hit.photo.pk, *hit.similar),
            f"{reverse('similar', args=[hit.photo.pk])}?{asked}",
        )
        for hit in answer.hits
        if hit.similar
    }


def show(
    request: PageRequest,
    results: Results,
    context: dict[str, Any],
    *,
    part: str = "_results",
    page: str = "search/search.html",
) -> HttpResponse:
    """Render the page of results; for htmx, only `part` of it."""
    context |= {"results": results, "address": forms.Address(request, results.next)}
    if results.answer:
        context |= _said(request, results, results.answer)
    if request.htmx.target == FOUND:
        part = "_found"
    template = f"search/{part}.html" if request.htmx else page
    # htmx swaps in nothing from an error answer, and the sentence is the content here.
    status = 200 if request.htmx else results.status
    response = render(request, template, context, status=status)
    if results.status == 503:
        response["Retry-After"] = RETRY_SECONDS
    return vary_on_htmx(response)


def _said(request: PageRequest, results: Results, answer: Answer) -> dict[str, Any]:
    """Return what the page shows beside the tiles: the query as text and as chips, and figures."""
    address = forms.Address(request, results.next)
    parts = chips.shown(request.user, answer.query, address.shown_as)
    return {
        "query": language.to_text(answer.query),
        "chips": parts,
        "title": ", ".join(f"not {one.label}" if one.excluded else one.label for one in parts),
        "refine": chips.refine(answer.query, address.shown_as),
        "standing": summary.of(request.user, answer, results.tiles, address),
        "folds": not address.is_folded or any(tile.fold for tile in results.tiles),
    }


@require_safe
@login_required
def search(request: PageRequest) -> HttpResponse:
    """Photos that match a query, best first; the next page of them for htmx."""
    if "with" in request.GET:
        return _with_photo(request)
    if not forms.asks_for_something(request.GET):
        return start.page(request)
    results = results_of(lambda: retrieval.search(request.user, forms.asked(request.GET, PAGE)))
    if results.answer and not request.htmx and "cursor" not in request.GET:
        saved_searches.remember(request.user, results.answer.query)
    typed = request.GET.get("q", "")
    return show(request, results, {"query": typed, "misread": _misread(typed, results)})


def _with_photo(request: PageRequest) -> HttpResponse:
    """Go to the search for a photo with words: "this photo, but at night"."""
    typed = request.GET.get("q", "")
    try:
        photo = uuid.UUID(request.GET["with"])
        query = forms.with_term(typed, Term("photo", str(photo)))
    except ValueError:
        return redirect(chips.address(typed))
    except QueryError as error:
        wrong = Results(message=error.message, status=error.status, error=error.code)
        return show(request, wrong, {"query": typed})
    return redirect(chips.address(language.to_text(query)))


def _misread(typed: str, results: Results) -> tuple[str, str, str] | None:
    """Return the query before, at and after what could not be understood; None elsewhere."""
    if results.start is None or results.end is None:
        return None
    try:
        text = cleaned(typed)
    except QueryError:
        text = typed
    start, end = results.start, results.end
    return (text[:start], text[start:end], text[end:]) if start < end <= len(text) else None


@require_safe
@login_required
def similar(request: PageRequest, photo_id: uuid.UUID) -> HttpResponse:
    """Photos that look like one of the gallery: a page, or the strip under a photo.

    With `alike`, only those that belong together with it, which other pages fold under it.
    """
    photo = get_photo(request, photo_id)
    if "alike" in request.GET:
        return _look_alikes(request, photo)
    strip = "strip" in request.GET
    query = Query((Term("photo", str(photo.pk)),))
    asked = forms.how(request.GET, query, _STRIP if strip else PAGE)
    results = results_of(lambda: retrieval.search(request.user, asked))
    return show(request, results, {"like": photo}, part="_strip" if strip else "_results")


def _look_alikes(request: PageRequest, photo: Photo) -> HttpResponse:
    """What is folded under a photo: a page with the photo first; for htmx, only the others.

    `but` leaves one more out: the photo that everything is compared with. `q` is the query that
    each can be added to.
    """
    ids = lookalikes.together(request.user, [photo.pk]).get(photo.pk, frozenset())
    found = Photo.objects.visible_to(request.user).filter(pk__in=ids - {photo.pk})
    others = [one for one in found.newest_first() if str(one.pk) != request.GET.get("but")]
    if request.htmx:
        part = {
            "tiles": tiles(others),
            "of": photo.pk,
            "refine": _refined(request.GET.get("q", "")),
        }
        return vary_on_htmx(render(request, "gallery/_tiles.html", part))
    context = {"like": photo, "alike": True, "results": Results(tiles([photo, *others]))}
    return vary_on_htmx(render(request, "search/search.html", context))


def _refined(text: str) -> chips.Refine | None:
    """Return how a query is asked again with one more photo; None for what is no query."""
    try:
        return chips.refine(language.parse(text))
    except QueryError:
        return None


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def by_image(request: PageRequest) -> HttpResponse:
    """Keep a picture from outside for a while and go to the photos that look like it.

    With the field `q`, the picture becomes one more term of that query.
    """
    if request.method != "POST":
        return redirect("search")
    try:
        token = sent_pictures.keep(request)
        query = forms.with_picture(request.POST.get("q", ""), token)
    except (uploads.Refused, StorageFull) as error:
        status = getattr(error, "status", 507)
        return show(request, Results(message=error.message, status=status), {})
    except QueryError as error:
        return show(request, Results(message=error.message, status=error.status), {})
    except PoolBusy:
        busy = "Too many pictures are being read at once. Try again in a moment."
        return show(request, Results(message=busy, status=503), {})
    return redirect(f"{reverse('search')}?{urlencode(language.to_params(query))}")
