"""The photos part of the API: upload, list, look, move to the trash."""

from __future__ import annotations

import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from ninja import File, Query, Router, Schema, Status
from ninja.files import UploadedFile

from gallery import ingest, trash, uploads
from gallery.api.errors import ErrorOut
from gallery.models import Embedding, EmbeddingModel, Photo
from gallery.paging import check_limit, page_after
from gallery.reasons import Reason

router = Router(tags=["photos"])


class UploadOut(Schema):
    """The photo that an upload became, or already was; `restored` from the trash by it."""

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
    """How much to list, from where."""

    limit: int = 60
    cursor: str = ""


@router.post(
    "/photos",
    response={200: UploadOut, 201: UploadOut, frozenset({400, 401, 413, 415, 503, 507}): ErrorOut},
)
def upload(request: HttpRequest, file: File[UploadedFile | None] = None) -> Status[UploadOut]:
    """Take in one picture (multipart field `file`): 201 when new, 200 when already here."""
    received = uploads.received_file(request)
    path = Path(received.temporary_file_path())
    result = ingest.ingest(request.user, path, received.name or "")  # type: ignore[arg-type]
    photo = result.photo
    state, _ = states([photo])[photo.pk]
    answer = UploadOut(
        id=photo.pk,
        state=state,
        duplicate=result.duplicate,
        restored=result.restored,
        url=photo.get_absolute_url(),
    )
    return Status(200 if result.duplicate else 201, answer)


@router.get("/photos", response={200: PhotosOut, 400: ErrorOut})
def photos(request: HttpRequest, params: Query[ListIn]) -> PhotosOut:
    """List photos, newest first."""
    check_limit(params.limit)
    rows, following = page_after(
        Photo.objects.visible_to(request.user), params.cursor, params.limit
    )
    known = states(rows)
    prefetch_related_objects(rows, "tags", "albums")
    return PhotosOut(photos=[photo_out(row, *known[row.pk]) for row in rows], next=following)


@router.get("/photos/{uuid:photo_id}", response={200: PhotoOut, 404: ErrorOut})
def photo(request: HttpRequest, photo_id: uuid.UUID) -> PhotoOut:
    """Return one photo."""
    row = get_object_or_404(Photo.objects.visible_to(request.user), pk=photo_id)
    return photo_out(row, *states([row])[row.pk])


@router.delete("/photos/{uuid:photo_id}", response={204: None, 404: ErrorOut})
def delete_photo(request: HttpRequest, photo_id: uuid.UUID) -> HttpResponse:
    """Move a photo to the trash."""
    row = get_object_or_404(Photo.objects.visible_to(request.user), pk=photo_id)
    trash.trash(Photo.objects.visible_to(request.user).filter(pk=row.pk))
    return HttpResponse(status=204)


def states(rows: list[Photo]) -> dict[uuid.UUID, tuple[str, str]]:
    """Return, for each photo, its public state and reason code with the active model."""
    model = EmbeddingModel.objects.active()
    found = {row.pk: ("pending", "") for row in rows}
    known = Embedding.objects.filter(photo__in=rows, model=model)
    for pk, state, reason in known.values_list("photo_id", "state", "reason"):
        if state in {Embedding.State.INDEXED, Embedding.State.FAILED}:
            found[pk] = (state, reason)
    return found


def photo_out(row: Photo, state: str, reason: str) -> PhotoOut:
    """Return the public form of a photo."""
    return PhotoOut(
        id=row.pk,
        state=state,
        reason=reason,
        message=str(Reason(reason).label) if reason else "",
        name=row.name,
        format=row.format,
        size=row.size,
        width=row.width,
        height=row.height,
        sha256=row.sha256,
        taken_at=row.taken_at,
        created_at=row.created_at,
        exif=row.exif,
        colour=row.colour,
        url=row.get_absolute_url(),
        thumbnail=reverse("thumbnail", args=[row.pk]),
        preview=reverse("preview", args=[row.pk]),
        original=reverse("original", args=[row.pk]),
        favourite=row.favourite,
        rating=row.rating,
        caption=row.caption,
        tags=sorted(tag.name for tag in row.tags.all()),
        albums=sorted(
            (AlbumRef(id=album.pk, name=album.name) for album in row.albums.all()),
            key=lambda album: album.name,
        ),
        stack=row.stack_id,
    )
