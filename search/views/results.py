"""The search page, similar photos, and search by a picture."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from gallery.decoding import PoolBusy
from gallery.metrics.stages import stage
from gallery.models import Photo, User
from gallery.user_errors import UserError
from gallery.views import PageRequest, get_photo, vary_on_htmx
from gallery.views.tiles import PAGE, Fold, Tile, tiles
from search import language
from search.engine import answer as engine, lookalikes, names, sent_pictures
from search.engine.answer import Answer
from search.engine.errors import too_busy
from search.language import Query, QueryError, Term
from search.language.scanner import clean_text
from search.models import SentPicture
from search.suggest.recent_searches import remember
from search.views import address, chips, start
from search.views.address import Address
from search.views.summary import summarize

FOUND = "found"
"""The id of the element that is replaced when the slider moves."""
_STRIP = 12
# A sent picture never changes under its address, and no shared cache may keep it.
_PICTURE_CACHE = "private, max-age=604800, immutable"


@dataclass(frozen=True)
class Results:
    """The tiles of an answer, or the sentence that says why there is none.

    `error` is the code of that sentence; `start` and `end` say where in the text it is.
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


def results_of(search: Callable[[], Answer]) -> Results:
    """Return an answer ready for the page; an error becomes a sentence in the same place."""
    try:
        answer = search()
    except UserError as error:
        return _failed(error)
    photos = [result.photo for result in answer.photos]
    with stage("render"):
        return Results(tiles(photos, answer.photos, _folds(answer)), answer)


def _failed(error: UserError) -> Results:
    start, end = (error.start, error.end) if isinstance(error, language.Misread) else (None, None)
    return Results(
        message=error.message, status=error.status, error=error.code, start=start, end=end
    )


def _folds(answer: Answer) -> dict[uuid.UUID, Fold]:
    """Return the look-alikes under each tile, with the address that shows them."""
    params = {"alike": "1", "q": language.to_text(answer.query)}
    params |= {"but": str(answer.example)} if answer.example else {}
    return {
        result.photo.pk: Fold(
            (result.photo.pk, *result.similar),
            f"{reverse('similar', args=[result.photo.pk])}?{urlencode(params)}",
        )
        for result in answer.photos
        if result.similar
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
    here = Address(request, results.next)
    context |= {"results": results, "address": here}
    if results.answer:
        context |= _answer_context(request, results, results.answer, here)
    if request.htmx.target == FOUND:
        part = "_found"
    template = f"search/{part}.html" if request.htmx else page
    # htmx swaps in nothing from an error answer, and the sentence is the content here.
    status = 200 if request.htmx else results.status
    with stage("render"):
        response = render(request, template, context, status=status)
    return vary_on_htmx(response, results.status)


def _answer_context(
    request: PageRequest, results: Results, answer: Answer, here: Address
) -> dict[str, Any]:
    """Return what stands beside the tiles: the query as text and as chips, and the summary.

    `bar` is the text with the words that became other parts of the query.
    """
    shown_as = here.shown_as
    parts = chips.query_chips(request.user, answer.query, shown_as)
    labels = [_("not %(label)s") % {"label": c.label} if c.excluded else c.label for c in parts]
    return {
        "query": language.to_text(answer.query),
        "bar": language.to_words(answer.query),
        "chips": parts,
        "title": ", ".join(labels),
        "plain": chips.plain_reading(answer.query, shown_as),
        "refine": chips.refine(answer.query, shown_as),
        "summary": summarize(request.user, answer, results.tiles, here),
        "folds": not here.is_folded or any(tile.fold for tile in results.tiles),
    }


@require_safe
@login_required
def search(request: PageRequest) -> HttpResponse:
    """Photos that match a query, best first; the next page of them for htmx."""
    if "with" in request.GET:
        return _with_pictures(request)
    if not address.has_query(request.GET):
        return start.page(request)
    results = results_of(lambda: _found(request))
    if results.answer and not request.htmx and "cursor" not in request.GET:
        remember(request.user, results.answer.query)
    typed = request.GET.get("q", "")
    return show(request, results, {"query": typed, "misread": _misread(typed, results)})


def _found(request: PageRequest) -> Answer:
    """Return the answer to the query of the address."""
    query = address.query_of(request.user, request.GET)
    return engine.search(request.user, address.request_of(request.GET, PAGE, query))


def _with_pictures(request: PageRequest) -> HttpResponse:
    """Go to the search for words with the pictures beside them: "this photo, but at night".

    The bar sends each picture as `with`, and as `drop` the one that shall go.
    """
    typed, dropped = request.GET.get("q", ""), request.GET.get("drop", "")
    pictures = [text for text in request.GET.getlist("with") if text != dropped]
    try:
        text = address.with_pictures(request.user, typed, pictures)
    except QueryError as error:
        return show(request, _failed(error), {"query": " ".join([typed, *pictures])})
    return redirect(chips.address_of(text))


def _misread(typed: str, results: Results) -> tuple[str, str, str] | None:
    """Return the query before, in and after the part that could not be understood, if any."""
    if results.start is None or results.end is None:
        return None
    try:
        text = clean_text(typed)
    except QueryError:
        text = typed
    start, end = results.start, results.end
    return (text[:start], text[start:end], text[end:]) if start < end <= len(text) else None


@require_safe
@login_required
def similar(request: PageRequest, photo_id: uuid.UUID) -> HttpResponse:
    """Photos that look like one of the gallery: a page, or the strip under a photo.

    With `alike`, only its look-alikes, which other pages fold under it.
    """
    photo = get_photo(request, photo_id)
    if "alike" in request.GET:
        return _look_alikes(request, photo)
    strip = "strip" in request.GET
    query = Query((Term("photo", str(photo.pk)),))
    asked = address.request_of(request.GET, _STRIP if strip else PAGE, query)
    asked = replace(asked, pins=not strip)  # A strip has no further pages.
    results = results_of(lambda: engine.search(request.user, asked))
    return show(request, results, {"like": photo}, part="_strip" if strip else "_results")


def _look_alikes(request: PageRequest, photo: Photo) -> HttpResponse:
    """The photos folded under a photo: a page with the photo first; for htmx, only the others.

    `but` leaves one more out: the photo that everything is compared with. `q` is the query that
    each can be added to.
    """
    ids = lookalikes.together(request.user, [photo.pk]).get(photo.pk, lookalikes.NONE)
    rows = Photo.objects.visible_to(request.user).filter(pk__in=ids - {photo.pk})
    others = [row for row in rows.newest_first() if str(row.pk) != request.GET.get("but")]
    if request.htmx:
        part = {
            "tiles": tiles(others, of=photo.pk),
            "refine": _refine(request.user, request.GET.get("q", "")),
        }
        return vary_on_htmx(render(request, "gallery/_tiles.html", part))
    context = {"like": photo, "alike": True, "results": Results(tiles([photo, *others]))}
    return vary_on_htmx(render(request, "search/search.html", context))


def _refine(user: User, text: str) -> chips.Refine | None:
    """Return how a query is asked again with one more photo; None for what is no query."""
    try:
        return chips.refine(names.read(user, text))
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
        picture = language.term_to_text(Term("picture", token))
        text = address.with_pictures(request.user, request.POST.get("q", ""), [picture])
    except UserError as error:
        return show(request, _failed(error), {})
    except PoolBusy:
        return show(request, _failed(too_busy()), {})
    return redirect(chips.address_of(text))


@require_safe
@login_required
def sent_picture(request: PageRequest, picture_id: uuid.UUID) -> HttpResponse:
    """The small copy of a picture that this person searched by, WebP."""
    row = get_object_or_404(SentPicture.objects.visible_to(request.user), pk=picture_id)
    headers = {"Cache-Control": _PICTURE_CACHE}
    return HttpResponse(bytes(row.thumbnail), content_type="image/webp", headers=headers)
