"""The part of the API for themes and the map."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema
from pydantic import Field

from gallery import albums, marks
from gallery.api.described import TagName, name_or_none
from gallery.api.errors import ErrorOut, In
from gallery.models import Photo
from gallery.user_errors import UserError
from search.understanding.models import MapRun
from search.understanding.themes import columns
from search.understanding.themes.themes import LibraryMap, Theme, library_map, run_of

router = Router(tags=["themes"])

_ERRORS = frozenset({400, 401, 404, 409})
_BINARY = {
    "responses": {
        200: {"description": "OK", "content": {"application/octet-stream": {}}},
        304: {"description": "Not Modified"},
    }
}
THUMBNAILS = 150
"""Photos that the map shows at once."""

_Ids = Annotated[list[uuid.UUID], Field(max_length=albums.PHOTOS_PER_REQUEST)]
_Unit = Annotated[float, Field(ge=-1, le=2)]


class ThemeOut(Schema):
    """A theme: `cover` is the photo in its middle, and `given` tells that a person named it.

    `photos` counts those in view of this person. `first` and `last` are the dates of its oldest
    and newest photo with a known date. `x` and `y` (0 to 1) are where most of it lies on the map.
    `number` is what the columns of the map call it. `url` opens its photos.
    """

    level: int
    number: int
    cover: uuid.UUID
    title: str
    given: bool
    photos: int
    first: date | None
    last: date | None
    x: float
    y: float
    url: str
    thumbnail: str


class LevelOut(Schema):
    """The themes of a level, the largest first."""

    level: int
    themes: list[ThemeOut]


class ThemesOut(Schema):
    """All levels, the one with the fewest themes first; none before the first map was drawn.

    `state` is none, drawing or made, `progress` (0 to 1) that of a drawing, and `share_placed` the
    share of the photos that are in a theme.
    """

    state: str
    progress: float
    share_placed: float
    made_at: datetime | None
    levels: list[LevelOut]


class TitleIn(In):
    """The name for a theme; an empty one takes the former name away."""

    name: Annotated[str, name_or_none()]


class AreaIn(Schema):
    """A part of the map, and how many of its photos to return."""

    west: _Unit = 0
    north: _Unit = 0
    east: _Unit = 1
    south: _Unit = 1
    limit: Annotated[int, Field(ge=1, le=THUMBNAILS)] = THUMBNAILS


class PlacedOut(Schema):
    """A photo and where it lies."""

    id: uuid.UUID
    name: str
    url: str
    thumbnail: str
    x: float
    y: float


class PlacedPhotosOut(Schema):
    """The photos of a part of the map; `total` counts those that were left out as well."""

    total: int
    photos: list[PlacedOut]


class TaggedPhotosIn(In):
    """Photos by id; those that are unknown or another person's are ignored."""

    ids: _Ids


class TaggedOut(Schema):
    """How many photos changed, and which, for an undo."""

    changed: int
    ids: list[uuid.UUID]


@router.get("/themes", response={200: ThemesOut, _ERRORS: ErrorOut})
def list_themes(request: HttpRequest) -> Any:
    """List the themes of all levels."""
    run, drawn = run_of(request.user), library_map(request.user)
    levels = range(drawn.levels) if drawn else ()
    return {
        "state": run.state if run else "none",
        "progress": run.progress if run else 0.0,
        "share_placed": run.share_placed if run else 0.0,
        "made_at": run.made_at if run else None,
        "levels": [
            {"level": level, "themes": [_theme_out(theme) for theme in drawn.themes(level)]}
            for level in levels
            if drawn
        ],
    }


@router.post(
    "/themes/{int:level}/{uuid:photo_id}/name", response={200: ThemeOut, _ERRORS: ErrorOut}
)
def name_theme(request: HttpRequest, level: int, photo_id: uuid.UUID, body: TitleIn) -> Any:
    """Name the theme of a level that a photo is in. The name stays when the map is redrawn."""
    drawn = library_map(request.user)
    theme = drawn.theme_of(level, photo_id) if drawn else None
    if drawn is None or theme is None:
        raise Http404
    drawn.rename(theme, body.name)
    return _theme_out(drawn.theme_of(level, photo_id) or theme)


def _theme_out(theme: Theme) -> dict[str, Any]:
    return asdict(theme) | {
        "url": reverse("theme", args=[theme.level, theme.cover]),
        "thumbnail": reverse("thumbnail", args=[theme.cover]),
    }


@router.get("/map", response={_ERRORS: ErrorOut}, openapi_extra=_BINARY)
def map_columns(request: HttpRequest) -> HttpResponseBase:
    """Return where all photos lie, in binary (`application/octet-stream`), little-endian.

    A header of 32 bytes: `SCRYMAP1`, the number of photos n (uint32), the number of levels
    (uint16), zero (uint16), a version (16 ASCII characters). Then four columns of n uint16 each:
    x, y (0 to 65,535; y grows downwards), the theme at level 0, the theme at level 1. Axes have no
    meaning: what is close looks alike. 409 before the first map was drawn. Answers have an ETag.
    """
    drawn = _drawn(request)
    return _bytes(request, drawn, columns.map_columns(drawn.points), "columns")


@router.get("/map/ids", response={_ERRORS: ErrorOut}, openapi_extra=_BINARY)
def map_ids(request: HttpRequest) -> HttpResponseBase:
    """Return the ids of the photos of the map in the same order: the header, and 16 bytes each.

    The version in the header tells whether they belong to the columns.
    """
    drawn = _drawn(request)
    return _bytes(request, drawn, columns.id_column(drawn.points), "ids")


def _bytes(request: HttpRequest, drawn: LibraryMap, content: bytes, what: str) -> HttpResponseBase:
    etag = f'"{what}-{columns.version_of(drawn.points)}"'
    answer = HttpResponse(content, content_type="application/octet-stream")
    answer["ETag"] = etag
    answer["Cache-Control"] = "private, no-cache"
    return get_conditional_response(request, etag=etag, response=answer) or answer


@router.get("/map/photos", response={200: PlacedPhotosOut, _ERRORS: ErrorOut})
def map_photos(request: HttpRequest, params: Query[AreaIn]) -> Any:
    """Return photos of a part of the map, with their thumbnails; x and y run from 0 to 1."""
    drawn = _drawn(request)
    inside = drawn.within(params.west, params.north, params.east, params.south)
    places = {uuid.UUID(hex=drawn.points.ids[place]): place for place in inside[: params.limit]}
    photos = Photo.objects.visible_to(request.user).filter(pk__in=places)
    rows = []
    for photo in photos.only("id", "name"):
        x, y = drawn.points.at[places[photo.pk]].tolist()
        address = {
            "url": photo.get_absolute_url(),
            "thumbnail": reverse("thumbnail", args=[photo.pk]),
        }
        rows.append({"id": photo.pk, "name": photo.name, "x": x, "y": y, **address})
    return {"total": len(inside), "photos": rows}


@router.post("/tags/{name}/photos", response={200: TaggedOut, _ERRORS: ErrorOut})
def tag_photos(request: HttpRequest, name: TagName, body: TaggedPhotosIn) -> Any:
    """Give a tag to photos."""
    photos = Photo.objects.visible_to(request.user).filter(pk__in=body.ids)
    ids = marks.tag_photos(request.user, name, photos)
    return {"changed": len(ids), "ids": ids}


@router.delete("/tags/{name}/photos", response={200: TaggedOut, _ERRORS: ErrorOut})
def untag_photos(request: HttpRequest, name: TagName, body: TaggedPhotosIn) -> Any:
    """Take a tag off photos."""
    photos = Photo.objects.visible_to(request.user).filter(pk__in=body.ids)
    return {"changed": marks.untag_photos(request.user, name, photos), "ids": []}


def _drawn(request: HttpRequest) -> LibraryMap:
    drawn = library_map(request.user)
    if drawn is None:
        run = run_of(request.user)
        if run is not None and run.state == MapRun.State.DRAWING:
            message = _("The map is being drawn. Try again in a minute.")
        else:
            message = _("There is no map yet. It is drawn once there are 30 searchable photos.")
        raise UserError(message, code="no_map", status=409)
    return drawn
