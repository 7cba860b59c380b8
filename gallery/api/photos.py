"""The photos part of the API: upload, list, read, move to the trash."""

from __future__ import annotations

import time
import uuid
from datetime import datetime, timedelta, timezone
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import prefetch_related_objects
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema, Status
from ninja.params import functions as param_functions
from pydantic import Field, TypeAdapter, ValidationError, WithJsonSchema

from gallery import companions, trash, uploads
from gallery.api.described import NO_FILE, SentFile, one_of, text, with_file
from gallery.api.errors import ErrorOut
from gallery.api.lists import ListIn
from gallery.companion_names import Neighbours
from gallery.ingest import IngestResult
from gallery.logs.log_context import note_photo
from gallery.metrics.stages import UPLOADS
from gallery.models import Companion, Embedding, Photo
from gallery.models.embeddings import PhotoState
from gallery.paging import check_limit, page_after
from gallery.user_errors import UserError

router = Router(tags=["photos"])

_DECODED, _INCLUDE = "decoded", "include"
WAIT_SECONDS, _STEP = 30.0, 0.1
"""How long an upload may wait until its pixels were read, and how often it looks."""


FILE_COLUMNS = ("id", "name", "format", "size", "width", "height", "sha256")
_COLUMNS = (
    *FILE_COLUMNS, "utc_offset", "date_source", "offset_source", "created_at", "exif", "colour",
    "favourite", "rating", "caption", "flaw", "motion", "place",
    "external",
)  # fmt: skip


_MOST_BESIDE = 1000
_NAMES_AND_IDS = TypeAdapter(Annotated[dict[str, uuid.UUID], Field(max_length=_MOST_BESIDE)])
# A field of a form that is an object is sent as JSON.
_Beside = WithJsonSchema(_NAMES_AND_IDS.json_schema())
_NOTHING_BESIDE: Any = param_functions.Form("")


class UploadOut(Schema):
    """The photo that an upload became, or of which it is a copy; `restored` if from the trash.

    `replaced` is a photo that was a beginning of this file and is in the trash now. For a file that
    belongs to a photo, such as a sidecar, `companion_of` is that photo and all else describes it.

    `reason` and `message` are set if it failed, `flaw` if a part of the picture is missing; without
    `wait=decoded` nobody has looked yet.
    """

    id: uuid.UUID
    state: str
    reason: str
    message: str
    flaw: str
    duplicate: bool
    restored: bool
    replaced: uuid.UUID | None
    companion_of: uuid.UUID | None
    name: str
    url: str


class CompanionOut(Schema):
    """A file that is kept with a photo; `kind` is video, xmp, aae or json."""

    id: uuid.UUID
    kind: str
    name: str
    size: int
    url: str


class AlbumRef(Schema):
    """An album that a photo is in."""

    id: uuid.UUID
    name: str


# OpenAPI's date-time has an offset.
_NoOffset = text("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?$")


class PhotoOut(Schema):
    """One photo; `state` is pending, indexed or failed, with a reason and a sentence if failed.

    `local_time` is what the clock on the wall said, or the time of the upload; `taken_at` is that
    time with its own offset, null if the date is unknown. `utc_offset` is in minutes east of UTC.
    `date_source` is camera, gps, metadata, sidecar, name, file or person, or empty if the date is
    unknown; `offset_source` is camera, gps, place, assumed or person, or empty.

    `flaw` is cut_short or incomplete if a part of the picture is missing, `motion` is inside if the
    file holds a short video too, and beside if one is kept with it. `place` is the nearest town and
    its country, empty if unknown. `external` tells that the original stays in a folder of the
    server. `sensitive` are the kinds that its owner confirmed.
    """

    id: uuid.UUID
    state: str
    reason: str
    message: str
    name: str
    format: str
    size: int
    width: int
    height: int
    sha256: str
    taken_at: datetime | None
    local_time: Annotated[datetime, _NoOffset]
    utc_offset: int | None
    date_source: str
    offset_source: str
    created_at: datetime
    exif: dict[str, Any]
    colour: str
    url: str
    thumbnail: str
    preview: str
    original: str
    favourite: bool
    rating: int
    caption: str
    flaw: str
    motion: str
    external: bool
    companions: list[CompanionOut]
    place: str
    tags: list[str]
    albums: list[AlbumRef]
    stack: uuid.UUID | None
    sensitive: list[str]


class PhotosOut(Schema):
    """A page of photos, newest first; `next` is the cursor of the following page."""

    photos: list[PhotoOut]
    next: str | None


class PhotosIn(ListIn):
    """The part of the photos to return, and whether hidden ones are in it (`include`)."""

    sensitive: Annotated[str, one_of(["", _INCLUDE])] = ""


@router.post(
    "/photos",
    response={
        frozenset({200, 201, 202}): UploadOut,
        frozenset({400, 401, 409, 411, 413, 415, 503, 507}): ErrorOut,
    },
    openapi_extra=with_file(),
)
def upload(
    request: HttpRequest,
    file: SentFile = NO_FILE,
    beside: Annotated[str, _Beside] = _NOTHING_BESIDE,
    wait: Annotated[str, one_of(["", _DECODED])] = "",
    owner: int | None = None,
) -> Status[UploadOut]:
    """Take in one picture (multipart field `file`): 201 if it is new, 200 if it is a copy.

    Sidecars and the videos of Live Photos are kept with their photo. `beside` helps to find it: a
    JSON object of the names and photo ids of the pictures that lay in the same folder.

    With `owner`, the id of an account, it is refused if another account is signed in by now.

    With `wait=decoded` the answer comes when its pixels were read, which is the last that can go
    wrong with a file; it is 202 if that takes more than 30 seconds.
    """
    if wait not in {"", _DECODED}:
        raise UserError(_("wait can only be “decoded”."), code="bad_parameter")
    require_owner(request, owner)
    received = uploads.received_file(request)
    path, name = Path(received.temporary_file_path()), received.name or ""
    user: AbstractBaseUser = request.user  # type: ignore[assignment]
    with UPLOADS.time():
        result = companions.take_in(user, path, name, beside=neighbours(beside))
    photo, is_photo = result.photo, isinstance(result, IngestResult)
    note_photo(photo.pk)
    state, ended = _wait_until_decoded(photo, WAIT_SECONDS if wait and is_photo else 0)
    answer = upload_out(result, state)
    if wait and is_photo and not ended:
        return Status(202, answer)
    return Status(200 if result.duplicate else 201, answer)


def require_owner(request: HttpRequest, owner: int | None) -> None:
    """Raise a 409 if another account than `owner`, the id of one, is signed in by now."""
    if owner not in {None, request.user.pk}:
        told = _("Another account is signed in now. Sign in with the one that chose this file.")
        raise UserError(told, code="other_account", status=409)


def upload_out(
    result: IngestResult | companions.Kept, state: PhotoState | None = None
) -> UploadOut:
    """Return what became of a file; the state of its photo is looked up unless it is given."""
    photo = result.photo
    state = state or Embedding.objects.states_of([photo])[photo.pk]
    return UploadOut(
        id=photo.pk,
        state=state.state,
        reason=state.reason,
        message=state.message,
        flaw=photo.flaw,
        duplicate=result.duplicate,
        name=photo.name,
        url=photo.get_absolute_url(),
        **_outcome(result),
    )


def _outcome(result: IngestResult | companions.Kept) -> dict[str, Any]:
    """Return the fields of `UploadOut` that tell what became of a file."""
    if isinstance(result, companions.Kept):
        return {"restored": False, "replaced": None, "companion_of": result.photo.pk}
    return {"restored": result.restored, "replaced": result.replaced, "companion_of": None}


def neighbours(text: str) -> Neighbours:
    """Return the pictures that a request names as lying beside its file; raise `UserError`."""
    try:
        return Neighbours(_NAMES_AND_IDS.validate_json(text or "{}"))
    except ValidationError as error:
        message = _("beside is not a JSON object of at most %(limit)d file names and photo ids.")
        message %= {"limit": _MOST_BESIDE}
        raise UserError(message, code="bad_parameter") from error


def _wait_until_decoded(photo: Photo, seconds: float) -> tuple[PhotoState, bool]:
    """Wait until a photo's pixels were read, or cannot be; return its state and whether it ended.

    What the photo's columns say about the pixels is up to date afterwards.
    """
    end = time.monotonic() + seconds
    while True:
        photo.refresh_from_db(fields=["decoded_at", "flaw"])
        state = Embedding.objects.states_of([photo])[photo.pk]
        ended = photo.decoded_at is not None or state.state == "failed"
        if ended or time.monotonic() >= end:
            return state, ended
        time.sleep(_STEP)


@router.get("/photos", response={200: PhotosOut, 400: ErrorOut})
def photos(request: HttpRequest, params: Query[PhotosIn]) -> PhotosOut:
    """List photos, newest first; with `sensitive=include` those that are kept out of lists too."""
    check_limit(params.limit)
    if params.sensitive not in {"", _INCLUDE}:
        raise UserError(_("sensitive can only be “include”."), code="bad_parameter")
    visible = Photo.objects.visible_to(request.user, hidden=params.sensitive == _INCLUDE)
    rows, next_cursor = page_after(visible, params.cursor, params.limit)
    states = Embedding.objects.states_of(rows)
    prefetch_related_objects(rows, "tags", "albums", "companions", "sensitive")
    photos = [photo_out(photo, states[photo.pk]) for photo in rows]
    return PhotosOut(photos=photos, next=next_cursor)


@router.get("/photos/{uuid:photo_id}", response={200: PhotoOut, 404: ErrorOut})
def photo(request: HttpRequest, photo_id: uuid.UUID) -> PhotoOut:
    """Return one photo."""
    known = Photo.objects.visible_to(request.user, hidden=True)
    return photo_out(get_object_or_404(known, pk=photo_id))


@router.delete("/photos/{uuid:photo_id}", response={204: None, 404: ErrorOut})
def delete_photo(request: HttpRequest, photo_id: uuid.UUID) -> HttpResponse:
    """Move a photo to the trash."""
    known = Photo.objects.visible_to(request.user, hidden=True)
    if not trash.trash(known.filter(pk=photo_id)):
        raise Http404
    return HttpResponse(status=204)


def _companion_out(companion: Companion) -> CompanionOut:
    return CompanionOut(
        id=companion.pk,
        kind=companion.kind,
        name=companion.name,
        size=companion.size,
        url=companion.get_absolute_url(),
    )


def _in_own_zone(photo: Photo) -> datetime | None:
    """Return when a photo was taken, with the offset that the camera's clock had."""
    if photo.taken_at is None:
        return None
    return photo.local_time.replace(tzinfo=timezone(timedelta(minutes=photo.utc_offset or 0)))


def photo_out(photo: Photo, state: PhotoState | None = None) -> PhotoOut:
    """Return the public form of a photo; its state is looked up unless it is given."""
    state = state or Embedding.objects.states_of([photo])[photo.pk]
    albums = [AlbumRef(id=album.pk, name=album.name) for album in photo.albums.all()]
    return PhotoOut(
        **{column: getattr(photo, column) for column in _COLUMNS},
        taken_at=_in_own_zone(photo),
        local_time=photo.local_time,
        state=state.state,
        reason=state.reason,
        message=state.message,
        url=photo.get_absolute_url(),
        thumbnail=reverse("thumbnail", args=[photo.pk]),
        preview=reverse("preview", args=[photo.pk]),
        original=reverse("original", args=[photo.pk]),
        companions=[_companion_out(one) for one in photo.companions.all()],
        tags=sorted(tag.name for tag in photo.tags.all()),
        albums=sorted(albums, key=attrgetter("name")),
        stack=photo.stack_id,
        sensitive=photo.confirmed_kinds,
    )
