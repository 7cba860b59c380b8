"""The trash part of the API: move photos there, list, restore, delete for ever."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import Field

from gallery import lived_time, trash
from gallery.api.errors import ErrorOut, In
from gallery.api.lists import ListIn
from gallery.api.photos import FILE_COLUMNS
from gallery.models import Photo
from gallery.paging import check_limit, page_after

router = Router(tags=["trash"])

IDS_LIMIT = 10_000
"""Photos in one request: about 400 KB of ids, moved within seconds."""


class TrashIn(In):
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


@router.post("/photos/trash", response={200: MovedOut, 400: ErrorOut})
def move_to_trash(request: HttpRequest, sent: TrashIn) -> MovedOut:
    """Move photos to the trash, from where they can be restored for 30 days."""
    moved = trash.trash(Photo.objects.visible_to(request.user, hidden=True).filter(pk__in=sent.ids))
    return MovedOut(count=len(moved), ids=moved)


@router.get("/trash", response={200: TrashOut, 400: ErrorOut})
def list_trash(request: HttpRequest, params: Query[ListIn]) -> TrashOut:
    """List the photos in the trash."""
    check_limit(params.limit)
    trashed = Photo.objects.in_trash_of(request.user)
    rows, next_cursor = page_after(trashed, params.cursor, params.limit, by="trashed_at")
    contents = trash.contents(request.user)
    lived = lived_time.total()
    photos = [_trashed_out(row, lived) for row in rows]
    return TrashOut(photos=photos, next=next_cursor, count=contents.photos, bytes=contents.bytes)


@router.post("/trash/restore", response={200: MovedOut, 400: ErrorOut})
def restore(request: HttpRequest, sent: TrashIn) -> MovedOut:
    """Bring photos back from the trash."""
    moved = trash.restore(Photo.objects.in_trash_of(request.user).filter(pk__in=sent.ids))
    return MovedOut(count=len(moved), ids=moved)


@router.delete("/trash/{uuid:photo_id}", response={204: None, 404: ErrorOut})
def delete_for_ever(request: HttpRequest, photo_id: uuid.UUID) -> HttpResponse:
    """Delete a photo of the trash for ever."""
    if not trash.empty(Photo.objects.in_trash_of(request.user).filter(pk=photo_id)):
        raise Http404
    return HttpResponse(status=204)


@router.delete("/trash", response={200: CountOut})
def empty_trash(request: HttpRequest) -> CountOut:
    """Delete everything in the trash for ever."""
    return CountOut(count=trash.empty(Photo.objects.in_trash_of(request.user)))


def _trashed_out(row: Photo, lived: int) -> TrashedOut:
    return TrashedOut(
        **{column: getattr(row, column) for column in FILE_COLUMNS},
        trashed_at=trash.trashed_at(row),
        kept_until=timezone.now() + trash.time_left(row, lived),
        days_left=trash.days_left(row, lived),
        thumbnail=reverse("trash-thumbnail", args=[row.pk]),
        preview=reverse("trash-preview", args=[row.pk]),
    )
