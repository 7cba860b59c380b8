"""The albums part of the API: albums, stacks, and the marks that people put on photos."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from ninja import Router, Schema, Status
from pydantic import Field, StrictBool

from gallery import albums, marks
from gallery.api.described import Caption, Name, TagName, whole
from gallery.api.errors import ErrorOut, In
from gallery.api.photos import PhotoOut, photo_out, router as photos_router
from gallery.facts import MAX_STARS
from gallery.models import Album, Photo, PhotoQuerySet
from gallery.names import TAGS_PER_PHOTO

router = Router(tags=["albums"])

Stars = Annotated[int, *whole(0, MAX_STARS)]
_Ids = Annotated[list[uuid.UUID], Field(max_length=albums.PHOTOS_PER_REQUEST)]


class NameIn(In):
    """The name of an album."""

    name: Name


class IdsIn(In):
    """Photos by id; those that are unknown or another person's are ignored."""

    ids: _Ids


class StarsIn(IdsIn):
    """The stars for photos, 1 to 5, or 0 to remove them."""

    stars: Stars


class MarksIn(In):
    """The marks to change; fields that are left out stay as they are."""

    favourite: StrictBool = False
    caption: Caption = ""
    tags: Annotated[list[TagName], Field(max_length=TAGS_PER_PHOTO)] = []
    rating: Stars = 0


class AlbumOut(Schema):
    """An album; `photos` counts those that are not in the trash, `cover` is a thumbnail's path."""

    id: uuid.UUID
    name: str
    photos: int
    cover: str | None
    created_at: datetime
    url: str


class AlbumsOut(Schema):
    """All albums, by name."""

    albums: list[AlbumOut]


class ChangedOut(Schema):
    """How many photos changed; the others needed no change or are unknown."""

    changed: int


@router.get("/albums", response={200: AlbumsOut})
def list_albums(request: HttpRequest) -> AlbumsOut:
    """List the albums, by name."""
    rows = albums.summaries(Album.objects.visible_to(request.user))
    return AlbumsOut(albums=[album_out(row) for row in rows])


@router.post("/albums", response={201: AlbumOut, frozenset({400, 409}): ErrorOut})
def create_album(request: HttpRequest, body: NameIn) -> Status[AlbumOut]:
    """Make an album; 409 if there is one of this name."""
    album = albums.create(request.user, body.name)  # type: ignore[arg-type]
    return Status(201, album_out(albums.AlbumSummary(album, 0, None)))


@router.get("/albums/{uuid:album_id}", response={200: AlbumOut, 404: ErrorOut})
def album(request: HttpRequest, album_id: uuid.UUID) -> AlbumOut:
    """Return one album."""
    return _summary_out(request, _get_album(request, album_id))


@router.patch(
    "/albums/{uuid:album_id}", response={200: AlbumOut, frozenset({400, 404, 409}): ErrorOut}
)
def rename_album(request: HttpRequest, album_id: uuid.UUID, body: NameIn) -> AlbumOut:
    """Give an album another name."""
    row = _get_album(request, album_id)
    albums.rename(row, body.name)
    return _summary_out(request, row)


@router.delete("/albums/{uuid:album_id}", response={204: None, 404: ErrorOut})
def remove_album(request: HttpRequest, album_id: uuid.UUID) -> HttpResponse:
    """Remove an album. Its photos stay."""
    albums.remove(_get_album(request, album_id))
    return HttpResponse(status=204)


_CHANGED = {200: ChangedOut, frozenset({400, 404}): ErrorOut}


@router.post("/albums/{uuid:album_id}/photos", response=_CHANGED)
def add_photos(request: HttpRequest, album_id: uuid.UUID, body: IdsIn) -> ChangedOut:
    """Put up to 500 photos into an album."""
    row = _get_album(request, album_id)
    return ChangedOut(changed=albums.add(row, _get_photos(request, body)))


@router.delete("/albums/{uuid:album_id}/photos", response=_CHANGED)
def take_photos_out(request: HttpRequest, album_id: uuid.UUID, body: IdsIn) -> ChangedOut:
    """Take up to 500 photos out of an album. They stay in the gallery."""
    row = _get_album(request, album_id)
    return ChangedOut(changed=albums.take_out(row, _get_photos(request, body)))


@router.post("/favourites", response={200: ChangedOut, 400: ErrorOut})
def add_favourites(request: HttpRequest, body: IdsIn) -> ChangedOut:
    """Mark up to 500 photos as favourites."""
    return ChangedOut(changed=marks.set_favourite(_get_photos(request, body), on=True))


@router.delete("/favourites", response={200: ChangedOut, 400: ErrorOut})
def remove_favourites(request: HttpRequest, body: IdsIn) -> ChangedOut:
    """Remove the favourite mark from up to 500 photos."""
    return ChangedOut(changed=marks.set_favourite(_get_photos(request, body), on=False))


@router.post("/ratings", response={200: ChangedOut, 400: ErrorOut})
def rate(request: HttpRequest, body: StarsIn) -> ChangedOut:
    """Give up to 500 photos 1 to 5 stars, or remove their stars with 0."""
    return ChangedOut(changed=marks.set_rating(_get_photos(request, body), stars=body.stars))


# One router must answer all methods of an address, so this route joins those of the photos.
@photos_router.patch(
    "/photos/{uuid:photo_id}", response={200: PhotoOut, frozenset({400, 404}): ErrorOut}
)
def mark_photo(request: HttpRequest, photo_id: uuid.UUID, body: MarksIn) -> PhotoOut:
    """Change favourite, rating, caption or tags of a photo; `tags` replaces all that it has."""
    photos = Photo.objects.visible_to(request.user).filter(pk=photo_id)
    marks.update(get_object_or_404(photos), **body.dict(exclude_unset=True))
    return photo_out(get_object_or_404(photos))


def _get_album(request: HttpRequest, album_id: uuid.UUID) -> Album:
    return get_object_or_404(Album.objects.visible_to(request.user), pk=album_id)


def _get_photos(request: HttpRequest, body: IdsIn) -> PhotoQuerySet:
    return Photo.objects.visible_to(request.user).filter(pk__in=body.ids)


def _summary_out(request: HttpRequest, row: Album) -> AlbumOut:
    """Return the public form of one album as it is now; one just removed is a 404."""
    rows = albums.summaries(Album.objects.visible_to(request.user).filter(pk=row.pk))
    return album_out(rows[0] if rows else albums.AlbumSummary(row, 0, None))


def album_out(row: albums.AlbumSummary) -> AlbumOut:
    """Return the public form of an album."""
    return AlbumOut(
        id=row.album.pk,
        name=row.album.name,
        photos=row.photos,
        cover=reverse("thumbnail", args=[row.cover.pk]) if row.cover else None,
        created_at=row.album.created_at,
        url=row.album.get_absolute_url(),
    )
