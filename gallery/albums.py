"""Albums: making and filling them, and listing them with their covers.

Photos in the trash stay in their albums, but no count includes them until they are restored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import Count, OuterRef, QuerySet, Subquery, UUIDField
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from gallery.locks import lock_owner
from gallery.models import (
    LIVE_PHOTO,
    Album,
    InAlbum,
    OwnedQuerySet,
    Photo,
    PhotoQuerySet,
    Sensitive,
)
from gallery.names import NameTaken, clean_name

PHOTOS_PER_REQUEST = 500
"""Photos that one request may add, remove or mark."""


def create(owner: AbstractBaseUser, name: str) -> Album:
    """Return a new album; raise `BadName`, or `NameTaken` if the owner has one of this name."""
    album = Album(owner_id=owner.pk, name=clean_name(name))
    return _write_name(album, lambda: album.save(force_insert=True))


def rename(album: Album, name: str) -> Album:
    """Give the album another name; raise `BadName` or `NameTaken`."""
    album.name = clean_name(name)
    return _write_name(album, lambda: Album.objects.filter(pk=album.pk).update(name=album.name))


def _write_name(album: Album, write: Callable[[], object]) -> Album:
    try:
        with transaction.atomic():
            write()
    except IntegrityError:
        message = _("There is already an album called %(name)s.") % {"name": album.name}
        raise NameTaken(message) from None
    return album


def get_or_create(owner: AbstractBaseUser, name: str) -> Album:
    """Return the owner's album of this name, a new one if there is none; raise `BadName`."""
    album, _created = Album.objects.get_or_create(owner_id=owner.pk, name=clean_name(name))
    return album


def add(album: Album, photos: PhotoQuerySet) -> int:
    """Add live photos of its owner to the album; return how many were not in it before.

    An album that was removed in the meantime takes none.
    """
    with transaction.atomic():
        lock_owner(album.owner_id)
        if not list(Album.objects.select_for_update(no_key=True).filter(pk=album.pk)):
            return 0
        own = photos.live().filter(owner_id=album.owner_id).newest_first()
        ids = list(own.select_for_update().values_list("pk", flat=True))
        rows = InAlbum.objects.filter(album_id=album.pk, photo_id__in=ids)
        members = set(rows.values_list("photo_id", flat=True))
        new = [InAlbum(album_id=album.pk, photo_id=pk) for pk in ids if pk not in members]
        InAlbum.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)


def remove(album: Album) -> None:
    """Remove the album. Its photos stay."""
    with transaction.atomic():
        # A decision about duplicates puts photos into the albums that it has just read.
        lock_owner(album.owner_id)
        album.delete()


def take_out(album: Album, photos: PhotoQuerySet) -> int:
    """Take photos out of the album; return how many were in it. The photos themselves stay."""
    ids = list(photos.values_list("pk", flat=True))
    removed: int = InAlbum.objects.filter(album_id=album.pk, photo_id__in=ids).delete()[0]
    return removed


@dataclass(frozen=True)
class AlbumSummary:
    """An album with the number of its live photos and its cover, the first photo put in."""

    album: Album
    photos: int
    cover: Photo | None


def summaries(albums: OwnedQuerySet[Album]) -> list[AlbumSummary]:
    """Return albums by name with counts and covers, in five queries however many there are.

    The cover is the first photo put in: it stays while the album grows, and finding it sorts
    nothing.
    """
    first = InAlbum.objects.filter(LIVE_PHOTO, album=OuterRef("pk")).order_by("pk")
    first = first.exclude(photo__in=Sensitive.objects.hiding().values("photo"))
    cover = Subquery(first.values("photo_id")[:1], output_field=UUIDField())
    rows: list[Any] = list(albums.annotate(cover_id=cover).order_by(Lower("name"), "name", "pk"))
    counts = _counts(rows)
    covers = Photo.objects.in_bulk([row.cover_id for row in rows if row.cover_id])
    return [AlbumSummary(row, counts[row.pk], covers.get(row.cover_id)) for row in rows]


def _counts(albums: Sequence[Album]) -> Counter[UUID]:
    """Return how many photos are listed in each: all, less the few in the trash, or hidden.

    Counting the live ones themselves would look up every photo of every album.
    """
    through = InAlbum.objects.filter(album_id__in=[album.pk for album in albums])
    photos = Photo.objects.filter(owner_id__in={album.owner_id for album in albums})
    counts = Counter(_by_album(through))
    sensitive = photos.live().filter(pk__in=Sensitive.objects.hiding().values("photo"))
    for hidden in (photos.trashed(), photos.exclude(deleted_at=None), sensitive):
        counts.subtract(_by_album(through.filter(photo__in=hidden)))
    return counts


def _by_album(through: QuerySet[Any]) -> dict[UUID, int]:
    return dict(through.order_by().values_list("album_id").annotate(photos=Count("pk")))
