"""Albums, favourites, stars, tags and captions: everything that people put on photos themselves.

Photos in the trash keep all of it and count nowhere until they are restored.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery, UUIDField
from django.db.models.functions import Lower

from gallery.facts import MAX_STARS
from gallery.locks import lock_owner
from gallery.models import Album, Photo, Tag, User
from gallery.models.collections import NAME_LIMIT, AlbumQuerySet
from gallery.models.photos import LIVE_PHOTO, PhotoQuerySet
from gallery.user_errors import UserError

STARS = [str(stars) for stars in range(MAX_STARS + 1)]
"""Ratings as forms and keys say them; "0" takes the stars away."""

AT_ONCE = 500
"""Photos that one request may put somewhere or take from there."""

TAG_LIMIT = 60
CAPTION_LIMIT = 2000
TAGS_A_PHOTO = 100
OFFERED = 500
"""Names that a page offers while somebody types; more would only make the page heavy."""

# Control characters, those that change the direction of text, surrogates and line separators.
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
# Without these two, families of emoji fall apart and some scripts are spelt wrong.
_JOINERS = {"\u200c", "\u200d"}


# The tables in between, which the type checker knows nothing of because Django makes them.
InAlbum: Any = Album.photos.through
Tagged: Any = Photo.tags.through


class BadName(UserError):
    """A name, tag or caption cannot be used; the message says why."""

    code = "bad_name"


class NameTaken(BadName):
    """The owner has an album of this name already."""

    code = "name_taken"
    status = 409


def clean_name(text: str, *, what: str = "album", limit: int = NAME_LIMIT) -> str:
    """Return a name trimmed and in NFC; raise `BadName` if it is empty, too long or deceptive."""
    name = _composed(text).strip()
    if any(_invisible(character) for character in name):
        raise BadName(f"The name of the {what} has characters in it that cannot be seen.")
    if not name.strip("".join(_JOINERS)):
        raise BadName(f"Give the {what} a name.")
    if len(name) > limit:
        raise BadName(f"The name of the {what} is longer than {limit} characters.")
    return name


def clean_tag(text: str) -> str:
    """Return a tag as it is stored; raise `BadName` for one that could not have an address."""
    name = clean_name(text, what="tag", limit=TAG_LIMIT)
    if "/" in name or "," in name or not name.strip("."):
        raise BadName("A tag cannot have a slash or a comma in it, or be all dots.")
    return name


def clean_tags(texts: Iterable[str]) -> list[str]:
    """Return tags as they are stored, each once, by name; raise `BadName` for bad or too many."""
    names = sorted({clean_tag(text) for text in texts})
    if len(names) > TAGS_A_PHOTO:
        raise BadName(f"A photo can have {TAGS_A_PHOTO} tags.")
    return names


def clean_caption(text: str) -> str:
    """Return a caption trimmed and in NFC, its lines kept; raise `BadName` if it is too long."""
    lines = _composed(text).replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(c for c in lines if c == "\n" or not _invisible(c)).strip()
    if len(kept) > CAPTION_LIMIT:
        raise BadName(f"The caption is longer than {CAPTION_LIMIT} characters.")
    return kept


def _composed(text: str) -> str:
    """Return text in NFC; half a surrogate pair, which no database takes, becomes a mark."""
    return unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode("utf-8"))


def _invisible(character: str) -> bool:
    return unicodedata.category(character) in _INVISIBLE and character not in _JOINERS


# --- albums --------------------------------------------------------------------------------------


def create(owner: AbstractBaseUser, name: str) -> Album:
    """Return a new album; raise `BadName`, or `NameTaken` if the owner has one of this name."""
    made = Album(owner_id=owner.pk, name=clean_name(name))
    return _named(made, lambda: made.save(force_insert=True))


def rename(album: Album, name: str) -> Album:
    """Give the album another name; raise `BadName` or `NameTaken`."""
    album.name = clean_name(name)
    return _named(album, lambda: Album.objects.filter(pk=album.pk).update(name=album.name))


def _named(album: Album, write: Callable[[], object]) -> Album:
    try:
        with transaction.atomic():
            write()
    except IntegrityError:
        raise NameTaken(f"There is an album called {album.name} already.") from None
    return album


def get_or_create(owner: AbstractBaseUser, name: str) -> Album:
    """Return the owner's album of this name, a new one if there is none; raise `BadName`."""
    wanted = clean_name(name)
    album, _ = Album.objects.get_or_create(owner_id=owner.pk, name=wanted)
    return album


def add(album: Album, photos: PhotoQuerySet) -> int:
    """Put live photos of its owner into the album; return how many were not in it before.

    An album that was removed meanwhile takes none.
    """
    with transaction.atomic():
        lock_owner(album.owner_id)
        held = list(Album.objects.select_for_update(no_key=True).filter(pk=album.pk))
        ids = _held(photos.filter(owner_id=album.owner_id).newest_first()) if held else []
        rows = InAlbum.objects.filter(album_id=album.pk, photo_id__in=ids)
        known = set(rows.values_list("photo_id", flat=True))
        new = [InAlbum(album_id=album.pk, photo_id=pk) for pk in ids if pk not in known]
        InAlbum.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)


def remove(album: Album) -> None:
    """Remove the album. Its photos stay."""
    with transaction.atomic():
        # Whoever decides about duplicates puts photos into the albums that it just saw.
        lock_owner(album.owner_id)
        album.delete()


def take_out(album: Album, photos: PhotoQuerySet) -> int:
    """Take photos out of the album, where they stay otherwise; return how many were in it."""
    ids = list(photos.values_list("pk", flat=True))
    gone: int = InAlbum.objects.filter(album_id=album.pk, photo_id__in=ids).delete()[0]
    return gone


def _held(photos: PhotoQuerySet) -> list[UUID]:
    """Return the ids of the live ones, which nobody can delete before the transaction ends."""
    return list(photos.live().select_for_update().values_list("pk", flat=True))


@dataclass(frozen=True)
class Listed:
    """An album in a list: `photos` counts the live ones, the first that was put in is the cover."""

    album: Album
    photos: int
    cover: Photo | None


def listed(albums: AlbumQuerySet) -> list[Listed]:
    """Return albums by name with counts and covers, in five queries however many there are.

    The cover is the first photo put in, so that it stays while the album grows, and is found
    without sorting what is in it.
    """
    first = InAlbum.objects.filter(LIVE_PHOTO, album=OuterRef("pk")).order_by("pk")
    cover = Subquery(first.values("photo_id")[:1], output_field=UUIDField())
    rows: list[Any] = list(albums.annotate(cover_id=cover).order_by(Lower("name"), "name", "pk"))
    counts = _counts(rows)
    covers = Photo.objects.in_bulk([row.cover_id for row in rows if row.cover_id])
    return [Listed(row, counts[row.pk], covers.get(row.cover_id)) for row in rows]


def _counts(albums: Sequence[Album]) -> Counter[UUID]:
    """Return how many live photos are in each: all, less the few that are in the trash or going.

    Counting the live ones themselves would look up every photo of every album.
    """
    through = InAlbum.objects.filter(album_id__in=[album.pk for album in albums])
    owners = {album.owner_id for album in albums}
    kept = Photo.objects.filter(owner_id__in=owners)
    hidden = [kept.trashed(), kept.exclude(deleted_at=None)]
    counts = Counter(_by_album(through))
    for photos in hidden:
        counts.subtract(_by_album(through.filter(photo__in=photos)))
    return counts


def _by_album(through: QuerySet[Any]) -> dict[UUID, int]:
    return dict(through.order_by().values_list("album_id").annotate(photos=Count("pk")))


# --- favourites, stars, tags, captions -----------------------------------------------------------


def set_favourite(photos: PhotoQuerySet, *, on: bool) -> int:
    """Mark live photos as favourites or take the mark away; return how many changed."""
    return photos.live().filter(favourite=not on).update(favourite=on)


def set_rating(photos: PhotoQuerySet, *, stars: int) -> int:
    """Give live photos 1 to 5 stars, or take them away with 0; return how many changed.

    Raises `BadName` for any other number.
    """
    _check_stars(stars)
    return photos.live().exclude(rating=stars).update(rating=stars)


def _check_stars(stars: int) -> None:
    if not 0 <= stars <= MAX_STARS:
        raise BadName(f"A photo can have 0 to {MAX_STARS} stars.")


def mark(
    photo: Photo,
    *,
    favourite: bool | None = None,
    caption: str | None = None,
    tags: Iterable[str] | None = None,
    rating: int | None = None,
) -> None:
    """Change what is given and nothing else, or nothing at all; raise `BadName`."""
    text = None if caption is None else clean_caption(caption)
    names = None if tags is None else clean_tags(tags)
    if rating is not None:
        _check_stars(rating)
    sent = {"favourite": favourite, "caption": text, "rating": rating}
    given = {column: value for column, value in sent.items() if value is not None}
    with transaction.atomic():
        row = Photo.objects.filter(pk=photo.pk)
        if not _held(row):
            return
        if given:
            row.update(**given)
        if names is not None:
            photo.tags.set(_tags(photo, names))
    for column, value in given.items():
        setattr(photo, column, value)


def add_tags(photo: Photo, texts: Iterable[str]) -> None:
    """Put tags on the photo besides those that it has; raise `BadName`."""
    with transaction.atomic():
        mark(photo, tags=[*photo.tags.values_list("name", flat=True), *texts])


def remove_tag(photo: Photo, name: str) -> None:
    """Take a tag off the photo. The tag itself stays known and is shown where photos have it."""
    photo.tags.remove(*photo.tags.filter(name=name))


def _tags(photo: Photo, names: list[str]) -> list[Tag]:
    tags = [Tag(owner_id=photo.owner_id, name=name) for name in names]
    Tag.objects.bulk_create(tags, ignore_conflicts=True)
    return list(Tag.objects.filter(owner_id=photo.owner_id, name__in=names))


def tags_in_use(user: User) -> list[str]:
    """Return the names of tags that live photos of this user have, at most `OFFERED`."""
    live = Tagged.objects.filter(LIVE_PHOTO, tag_id=OuterRef("pk"))
    used = Tag.objects.filter(Exists(live), owner_id=user.pk).order_by(Lower("name"), "name")
    return list(used.values_list("name", flat=True)[:OFFERED])


def photos_with(user: User, name: str) -> PhotoQuerySet:
    """Return this user's photos with the tag; raise `Tag.DoesNotExist` or `BadName` without it."""
    tag = Tag.objects.get(owner_id=user.pk, name=clean_tag(name))
    return Photo.objects.visible_to(user).filter(tags=tag)
