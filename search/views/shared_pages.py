"""What is shared, as those see it with whom it is shared: a page, each photo, and JSON.

All of it asks with the audience in the place of a user, so search, similar photos and facets work
over what is shared and nothing else.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db.models import Max, Min, Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST, require_safe

from gallery.facts import facts_in_words
from gallery.models import Photo, PhotoQuerySet
from gallery.paging import BadCursor, page_after
from gallery.sharing import contributions, link_searches, links
from gallery.sharing.covers import cover_of
from gallery.sign_in_limits import counted_address
from gallery.templatetags import dates
from gallery.user_errors import UserError
from gallery.views.audiences import (
    Room,
    ask_for_password,
    for_audience,
    link_gone,
    page_of_a_link,
    private,
)
from gallery.views.tiles import PAGE, Day, Tile, by_day
from search import language
from search.engine import answer as engine, shared_searches
from search.engine.answer import SearchRequest
from search.facets.result_facets import Facet, facets
from search.language import Query, Term

CLOSEST = 20
"""Photos that are listed where none matches well."""
_JSON_PAGE = 200


@dataclass(frozen=True)
class Shown:
    """What a page lists: days, or the `tiles` of a search, and the address of what follows."""

    days: Sequence[Day] = ()
    tiles: Sequence[Tile] = ()
    next: str = ""
    message: str = ""
    facets: Sequence[Facet] = field(default_factory=tuple)


@dataclass(frozen=True)
class SharedTile(Tile):
    """A plain tile of a room; `text` stands for its picture where that is not seen."""

    room_base: str = ""
    text: str = ""

    @property
    def is_panorama(self) -> bool:
        """Never: its preview would be made when a guest asks, and guests wait for each other."""
        return False

    @cached_property
    def base(self) -> str:
        """The address of the photo in the room."""
        return f"{self.room_base}/photos/{self.photo.pk}"


@require_safe
@for_audience
@page_of_a_link
def page(request: HttpRequest, room: Room) -> HttpResponseBase:
    """The photos of a room by day, or those that a search in it finds."""
    shared_searches.refresh(room.audience.shared)
    photos = Photo.objects.visible_to(room.audience)
    text, like = request.GET.get("q", "").strip(), request.GET.get("like", "")
    is_search = bool(text or like)
    refused = None
    try:
        if is_search and room.audience.link is not None:
            link_searches.count(room.audience.link, counted_address(request))
        shown = _found(request, room, text, like) if is_search else _listed(request, room, photos)
    except BadCursor:
        return redirect(room.base)
    except link_searches.TooManySearches as error:
        shown, refused = Shown(message=error.message), error
    except UserError as error:
        shown = Shown(message=error.message)
    context = {"room": room, "shown": shown, "query": text, "like": like, "is_search": is_search}
    context |= _head(photos) | {"at_once": settings.DATA_UPLOAD_MAX_NUMBER_FILES}
    response = render(request, "shared/page.html", context)
    if refused is not None:
        response.status_code = refused.status
        response["Retry-After"] = refused.retry_seconds
    return response


def _head(photos: PhotoQuerySet) -> dict[str, Any]:
    """Return what stands at the top: how many photos of which days, and the cover."""
    ends = photos.exclude(taken_at=None).aggregate(first=Min("wall_at"), last=Max("wall_at"))
    span = _span(ends["first"], ends["last"])
    return {"count": photos.count(), "span": span, "cover": cover_of(photos)}


def _span(first: Any, last: Any) -> str:
    if first is None or last is None:
        return ""
    one, other = (dates.day(end) for end in (first, last))
    return one if one == other else f"{one} – {other}"


def _listed(request: HttpRequest, room: Room, photos: PhotoQuerySet) -> Shown:
    rows, after = page_after(photos, request.GET.get("after", ""), PAGE)
    following = f"{room.base}?{urlencode({'after': after})}" if after else ""
    return Shown(days=by_day(_tiles(room, rows)), next=following)


def _found(request: HttpRequest, room: Room, text: str, like: str) -> Shown:
    query = language.parse(text) if text else Query()
    if like:
        room.photo(_id(like))
        query = Query((*query.terms, Term("photo", like)), query.filters)
    asked = SearchRequest(
        query, PAGE, request.GET.get("cursor", ""), weak=False, closest=CLOSEST, pins=True
    )
    found = engine.search(room.audience, asked)
    given = {name: value for name, value in (("q", text), ("like", like)) if value}
    following = f"{room.base}?{urlencode(given | {'cursor': found.next})}" if found.next else ""
    narrowing = facets(room.audience, asked) if "narrow" in request.GET else []
    tiles = _tiles(room, [one.photo for one in found.photos])
    return Shown(tiles=tiles, next=following, facets=narrowing)


def _id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise UserError(_("There is no such photo here."), code="not_found", status=404) from None


def _tiles(room: Room, photos: Sequence[Photo]) -> list[SharedTile]:
    """Return plain tiles: what machines say of photos is their owners' business."""
    return [
        SharedTile(
            photo,
            state="",
            message="",
            may_pass=False,
            room_base=room.base,
            text=_in_words(room, photo),
        )
        for photo in photos
    ]


def _in_words(room: Room, photo: Photo) -> str:
    """Return what stands for a picture where it is not seen: its caption, or when it was taken."""
    if room.audience.shows_captions and photo.caption:
        return photo.caption
    if photo.taken_at is None:
        return _("Photo")
    return _("Photo of %(day)s") % {"day": dates.moment(photo.local_time)}


@require_safe
@for_audience
def photo(request: HttpRequest, room: Room, photo_id: uuid.UUID) -> HttpResponseBase:
    """One photo, large, with what the audience may know of it."""
    row = room.photo(photo_id)
    photos = Photo.objects.visible_to(room.audience)
    ahead = Q(shown_at__gt=row.shown_at) | Q(shown_at=row.shown_at, id__gt=row.pk)
    context = {
        "room": room,
        "photo": row,
        "shows": _in_words(room, row),
        "facts": _facts(room, row),
        "newer": photos.filter(ahead).order_by("shown_at", "id").first(),
        "older": photos.before(row.shown_at, row.pk).newest_first().first(),
        "may_take_out": contributions.may_take_out(room.audience, room.user_id, row),
        "added_by": row.owner if row.owner_id != room.audience.shared.owner_id else None,
    }
    return render(request, "shared/photo.html", context)


def _facts(room: Room, row: Photo) -> list[tuple[str, str]]:
    """Return the facts in words, without the place where the audience may not know it."""
    hidden = () if room.audience.shows_places else ("latitude", "longitude", "altitude")
    exif = {key: value for key, value in row.exif.items() if key not in hidden}
    town = row.place if room.audience.shows_places else ""
    return [pair for pair in facts_in_words(exif, town) if pair[0] != _("Software")]


@require_safe
@for_audience
def listing(request: HttpRequest, room: Room) -> HttpResponseBase:
    """The photos of a room as JSON, for programs."""
    shared_searches.refresh(room.audience.shared)
    photos = Photo.objects.visible_to(room.audience)
    try:
        rows, after = page_after(photos, request.GET.get("after", ""), _JSON_PAGE)
    except BadCursor as error:
        return JsonResponse({"code": error.code, "message": error.message}, status=error.status)
    told = {
        "name": room.audience.shared.name,
        "count": photos.count(),
        "photos": [photo_as_json(room, row) for row in rows],
        "next": after,
    }
    return JsonResponse(told)


def photo_as_json(room: Room, row: Photo) -> dict[str, Any]:
    """Return what the audience may know of a photo."""
    audience, address = room.audience, f"{room.base}/photos/{row.pk}"
    told: dict[str, Any] = {
        "id": str(row.pk),
        "width": row.width,
        "height": row.height,
        "colour": row.colour,
        "taken": row.local_time.isoformat(timespec="seconds") if row.taken_at else None,
        "thumbnail": f"{address}/thumbnail",
        "preview": f"{address}/preview",
    }
    if audience.gives_pictures:
        told["download"] = f"{address}/download"
    if audience.shows_names:
        told["name"] = row.name
    if audience.shows_captions:
        told["caption"] = row.caption
    if audience.shows_places:
        told |= {"latitude": row.latitude, "longitude": row.longitude, "place": row.place}
    return told


@require_POST
@csrf_protect
def unlock(request: HttpRequest, secret: str) -> HttpResponseBase:
    """Take the password of a link and go to its page."""
    audience = links.open_by(secret)
    link = audience.link if audience else None
    if audience is None or link is None or not link.password:
        return private(link_gone(request))
    room = Room(audience, request.path.removesuffix("/unlock"), secret=secret)
    try:
        is_right = links.try_password(link, request.POST.get("password", ""))
    except links.TooManyTries as error:
        response: HttpResponse = ask_for_password(request, room, error.message, error.status)
        response["Retry-After"] = error.retry_seconds
        return private(response)
    if not is_right:
        return private(ask_for_password(request, room, _("This is not the password.")))
    response = redirect(room.base)
    links.unlock(response, link, secret)
    return private(response)
