"""The photos part of the API: upload, list, read; the trash: fill, list, restore, empty."""

from __future__ import annotations

import uuid
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

from django.db.models import prefetch_related_objects
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from ninja import File, Query, Router, Schema, Status
from ninja.files import UploadedFile
from pydantic import Field

from gallery import ingest, trash, uploads
from gallery.api.errors import ErrorOut, In
from gallery.models import Embedding, Photo
from gallery.models.embeddings import PhotoState
from gallery.paging import check_limit, page_after

router = Router(tags=["photos"])
trash_router = Router(tags=["trash"])

IDS_LIMIT = 10_000
"""Photos in one request: about 400 KB of ids, moved within seconds."""

_FILE_COLUMNS = ("id", "name", "format", "size", "width", "height", "sha256")
_COLUMNS = (
    *_FILE_COLUMNS, "taken_at", "created_at", "exif", "colour", "favourite", "rating", "caption",
)  # fmt: skip


class UploadOut(Schema):
    """The photo that an upload became, or of which it is a copy; `restored` if from the trash."""

    id: uuid.UUID
    state: str
    duplicate: bool
    restored: bool
    url: str


class AlbumRef(Schema):
    """An album that a photo is in."""

    id: uuid.UUID
    name: str


class PhotoOut(Schema):
    """One photo; `state` is pending, indexed or failed, with a reason and a sentence if failed."""

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
    tags: list[str]
    albums: list[AlbumRef]
    stack: uuid.UUID | None


class PhotosOut(Schema):
    """A page of photos, newest first; `next` is the cursor of the following page."""

    photos: list[PhotoOut]
    next: str | None


class ListIn(Schema):
    """The part of a list to return."""

    limit: int = 60
    cursor: str = ""


class IdsIn(In):
    """Photos by id; those that are unknown or another person's are not counted."""

    ids: list[uuid.UUID] = Field(max_length=IDS_LIMIT)


class MovedOut(Schema):
    """The photos that moved."""

    count: int
    ids: list[uuid.UUID]


class CountOut(Schema):
    """How many photos were deleted."""

    count: int


class TrashedOut(Schema):
    """A photo in the trash; it is deleted for ever at `kept_until`."""

    id: uuid.UUID
    name: str
    format: str
    size: int
    width: int
    height: int
    sha256: str
    trashed_at: datetime
    kept_until: datetime
    days_left: int
    thumbnail: str
    preview: str


class TrashOut(Schema):
    """A page of the trash, the latest first, and the totals of the whole trash."""

    photos: list[TrashedOut]
    next: str | None
    count: int
    bytes: int


@router.post(
    "/photos",
    response={200: UploadOut, 201: UploadOut, frozenset({400, 401, 413, 415, 503, 507}): ErrorOut},
)
def upload(request: HttpRequest, file: File[UploadedFile | None] = None) -> Status[UploadOut]:
    """Take in one picture (multipart field `file`): 201 if it is new, 200 if it is a copy."""
    received = uploads.received_file(request)
    path = Path(received.temporary_file_path())
    result = ingest.ingest(request.user, path, received.name or "")  # type: ignore[arg-type]
    photo = result.photo
    answer = UploadOut(
        id=photo.pk,
        state=Embedding.objects.states_of([photo])[photo.pk].state,
        duplicate=result.duplicate,
        restored=result.restored,
        url=photo.get_absolute_url(),
    )
    return Status(200 if result.duplicate else 201, answer)


@router.get("/photos", response={200: PhotosOut, 400: ErrorOut})
def photos(request: HttpRequest, params: Query[ListIn]) -> PhotosOut:
    """List photos, newest first."""
    check_limit(params.limit)
    visible = Photo.objects.visible_to(request.user)
    rows, next_cursor = page_after(visible, params.cursor, params.limit)
    states = Embedding.objects.states_of(rows)
    prefetch_related_objects(rows, "tags", "albums")
    photos = [photo_out(photo, states[photo.pk]) for photo in rows]
    return PhotosOut(photos=photos, next=next_cursor)


@router.get("/photos/{uuid:photo_id}", response={200: PhotoOut, 404: ErrorOut})
def photo(request: HttpRequest, photo_id: uuid.UUID) -> PhotoOut:
    """Return one photo."""
    return photo_out(get_object_or_404(Photo.objects.visible_to(request.user), pk=photo_id))


@router.delete("/photos/{uuid:photo_id}", response={204: None, 404: ErrorOut})
def delete_photo(request: HttpRequest, photo_id: uuid.UUID) -> HttpResponse:
    """Move a photo to the trash."""
    if not trash.trash(Photo.objects.visible_to(request.user).filter(pk=photo_id)):
        raise Http404
    return HttpResponse(status=204)


def photo_out(photo: Photo, state: PhotoState | None = None) -> PhotoOut:
    """Return the public form of a photo; its state is looked up unless it is given."""
    state = state or Embedding.objects.states_of([photo])[photo.pk]
    albums = [AlbumRef(id=album.pk, name=album.name) for album in photo.albums.all()]
    return PhotoOut(
        **{column: getattr(photo, column) for column in _COLUMNS},
        state=state.state,
        reason=state.reason,
        message=state.message,
        url=photo.get_absolute_url(),
        thumbnail=reverse("thumbnail", args=[photo.pk]),
        preview=reverse("preview", args=[photo.pk]),
        original=reverse("original", args=[photo.pk]),
        tags=sorted(tag.name for tag in photo.tags.all()),
        albums=sorted(albums, key=attrgetter("name")),
        stack=photo.stack_id,
    )


@trash_router.post("/photos/trash", response={200: MovedOut, 400: ErrorOut})
def move_to_trash(request: HttpRequest, sent: IdsIn) -> MovedOut:
    """Move photos to the trash, from where they can be restored for 30 days."""
    moved = trash.trash(Photo.objects.visible_to(request.user).filter(pk__in=sent.ids))
    return MovedOut(count=len(moved), ids=moved)


@trash_router.get("/trash", response={200: TrashOut, 400: ErrorOut})
def list_trash(request: HttpRequest, params: Query[ListIn]) -> TrashOut:
    """List the photos in the trash."""
    check_limit(params.limit)
    trashed = Photo.objects.in_trash_of(request.user)
    rows, next_cursor = page_after(trashed, params.cursor, params.limit, by="trashed_at")
    contents = trash.contents(request.user)
    photos = [_trashed_out(row) for row in rows]
    return TrashOut(photos=photos, next=next_cursor, count=contents.photos, bytes=contents.bytes)


@trash_router.post("/trash/restore", response={200: MovedOut, 400: ErrorOut})
def restore(request: HttpRequest, sent: IdsIn) -> MovedOut:
    """Bring photos back from the trash."""
    moved = trash.restore(Photo.objects.in_trash_of(request.user).filter(pk__in=sent.ids))
    return MovedOut(count=len(moved), ids=moved)


@trash_router.delete("/trash/{uuid:photo_id}", response={204: None, 404: ErrorOut})
def delete_for_ever(request: HttpRequest, photo_id: uuid.UUID) -> HttpResponse:
    """Delete a photo of the trash for ever."""
    if not trash.empty(Photo.objects.in_trash_of(request.user).filter(pk=photo_id)):
        raise Http404
    return HttpResponse(status=204)


@trash_router.delete("/trash", response={200: CountOut})
def empty_trash(request: HttpRequest) -> CountOut:
    """Delete everything in the trash for ever."""
    return CountOut(count=trash.empty(Photo.objects.in_trash_of(request.user)))


def _trashed_out(row: Photo) -> TrashedOut:
    return TrashedOut(
        **{column: getattr(row, column) for column in _FILE_COLUMNS},
        trashed_at=trash.trashed_at(row),
        kept_until=trash.kept_until(row),
        days_left=trash.days_left(row),
        thumbnail=reverse("trash-thumbnail", args=[row.pk]),
        preview=reverse("trash-preview", args=[row.pk]),
    )
