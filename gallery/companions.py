"""Taking in files that belong to a photo: the video of a Live Photo, and sidecars.

They come with, after or long after their photo, and are matched by name, by Apple's identifier
and by time. A file that fits several photos equally well is refused rather than guessed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import or_
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import Q

from gallery import files, originals_marker
from gallery.apply_sidecar import apply_sidecar
from gallery.companion_names import VIDEOS, Neighbours, best_names, claims
from gallery.decoders import web_decoders
from gallery.decoding import DecodeError
from gallery.decoding.answers import RAW_FORMATS, Film
from gallery.failpoints import failpoint
from gallery.ingest import IngestResult, ingest
from gallery.models import Companion, Photo, PhotoQuerySet
from gallery.names import clean_file_name
from gallery.quotas import require_room
from gallery.reasons import Reason
from gallery.sidecars import Sidecar
from gallery.uploads import Refused

LIVE_SECONDS = 6.0
"""How long a video can be that only its name ties to a picture; phones record three seconds."""
_LIVE_BYTES = 16 << 20
"""How large it can be where its boxes do not tell its length, as in films that were streamed."""

_ONE_SHOT = timedelta(seconds=10)
_ONE_DAY = timedelta(hours=26)
"""How far two times of one shot can be apart: exactly known, and where a zone was assumed."""

_MOST_NAMES = 2000

_SIDECARS = {"xmp": Companion.Kind.XMP, "aae": Companion.Kind.AAE, "json": Companion.Kind.JSON}

Contents = Film | Sidecar


@dataclass(frozen=True)
class Kept:
    """The photo that a file is kept with; it was kept already if it is a `duplicate`."""

    photo: Photo
    duplicate: bool


def is_named_like_companion(name: str) -> bool:
    """Tell by its name whether a file may belong to a photo."""
    return _kind(name) is not None


def is_named_like_sidecar(name: str) -> bool:
    """Tell by its name whether a file may say something of a photo."""
    return _kind(name) in _SIDECARS.values()


def _kind(name: str) -> Companion.Kind | None:
    ending = name.rpartition(".")[2].lower()
    return Companion.Kind.VIDEO if ending in VIDEOS else _SIDECARS.get(ending)


def photos_with(owner_id: int, digest: str) -> list[UUID]:
    """Return the ids of an owner's photos that a file of this content is kept with."""
    kept = Companion.objects.filter(owner_id=owner_id, sha256=digest)
    # A join would let a database begin with all photos, and these are few.
    return list(kept.values_list("photo_id", flat=True))


def take_in(
    owner: AbstractBaseUser,
    path: Path,
    name: str,
    *,
    beside: Neighbours | None = None,
    from_trash: bool = True,
    note_copy: bool = True,
    modified: datetime | None = None,
) -> IngestResult | Kept:
    """Take in a picture, or keep a file with its photo; the content decides before the name.

    Takes what `ingest` takes, and raises what `ingest` and `keep` raise.
    """
    try:
        return ingest(
            owner, path, name, from_trash=from_trash, note_copy=note_copy, modified=modified
        )
    except Refused as refused:
        if refused.reason != Reason.UNSUPPORTED_TYPE or not is_named_like_companion(name):
            raise
    return keep(owner, path, name, beside)


def keep(owner: AbstractBaseUser, path: Path, name: str, beside: Neighbours | None = None) -> Kept:
    """Keep the file at `path` with the owner's photo that it belongs to.

    Photos of `beside` come first, then all of the owner's. The file stays where it is. Raises
    `Refused` with a reason, `CannotStore`, or the pool's `PoolBusy`.
    """
    kind, size = _kind(name), path.stat().st_size
    if kind is None:
        raise Refused(Reason.UNSUPPORTED_TYPE)
    if not 0 < size <= settings.MAX_FILE_BYTES:
        raise Refused(Reason.TOO_LARGE if size else Reason.EMPTY)
    contents = _read(owner, path, kind)
    photos = _photos_of(owner, name, contents, beside or Neighbours())
    digest = files.sha256(path)
    if not photos:
        mine = Photo.objects.visible_to(owner, hidden=True)
        return _kept_already(mine.filter(pk__in=photos_with(owner.pk, digest)), contents)
    files.require_free_space(size * len(photos))
    kept = [_keep(photo, path, clean_file_name(name), kind, digest, contents) for photo in photos]
    return Kept(photos[0], duplicate=not any(kept))


def _read(owner: AbstractBaseUser, path: Path, kind: Companion.Kind) -> Contents:
    pool = web_decoders(owner.pk)
    try:
        if kind == Companion.Kind.VIDEO:
            return pool.film(path, owner=owner.pk)
        return pool.sidecar(path, kind, owner=owner.pk)
    except DecodeError as error:
        is_damaged = error.reason == Reason.CORRUPT
        raise Refused(Reason.BAD_COMPANION if is_damaged else error.reason, error.detail) from error


def _kept_already(copies: PhotoQuerySet, contents: Contents) -> Kept:
    """Return the photo that has the file, which the name no longer tells; raise `Refused`."""
    photo = copies.first()
    if photo is not None:
        return Kept(photo, duplicate=True)
    is_long = isinstance(contents, Film) and not _is_short(contents)
    raise Refused(Reason.UNSUPPORTED_TYPE if is_long else Reason.NO_PHOTO_FOR_COMPANION)


# --- whose it is ----------------------------------------------------------------------------------


def _photos_of(
    owner: AbstractBaseUser, name: str, contents: Contents, beside: Neighbours
) -> list[Photo]:
    """Return the photos that a file belongs to: of a video one, of a sidecar all of one shot."""
    mine = Photo.objects.visible_to(owner, hidden=True)
    if isinstance(contents, Film):
        return _photo_of_film(mine, name, contents, _neighbours(mine, name, beside))
    # The title is that of a first `IMG_1.jpg` too, so it says nothing beside a number.
    is_clear = contents.title and "(" not in name
    names = [name, f"{contents.title}.json"] if is_clear else [name]
    near = next((found for one in names if (found := _neighbours(mine, one, beside))), [])
    if near:
        return near
    named = next((found for one in names if (found := _named(mine, one))), [])
    return _if_one_shot(_in_time(named, contents))


def _photo_of_film(mine: PhotoQuerySet, name: str, film: Film, near: list[Photo]) -> list[Photo]:
    """Return the photo that has the film's identifier, else the one that its name tells."""

    def candidates() -> Iterator[Photo]:
        yield from near
        yield from _named(mine, name)
        yield from _of_that_day(mine, film)

    if film.content_id:
        tied = next(
            (one for one in candidates() if one.exif.get("content_id") == film.content_id), None
        )
        if tied is not None:
            return [tied]
    if not _is_short(film):
        return []
    if own := [photo for photo in near if not _is_foreign(photo, film)]:
        return _best_picture(own)
    named = [photo for photo in _named(mine, name) if _is_near(photo, film)]
    return _best_picture(_if_one_shot([one for one in named if not _is_foreign(one, film)]))


def _is_short(film: Film) -> bool:
    return film.seconds <= LIVE_SECONDS if film.seconds else film.size <= _LIVE_BYTES


def _is_foreign(photo: Photo, film: Film) -> bool:
    """Tell whether picture and video belong to two different Live Photos."""
    other = photo.exif.get("content_id")
    return bool(film.content_id and other and other != film.content_id)


def _best_picture(photos: list[Photo]) -> list[Photo]:
    """Return the picture that phones make Live Photos of: HEIC before others, RAW last."""
    order = sorted(photos, key=lambda photo: (photo.format in RAW_FORMATS, photo.format != "HEIF"))
    return order[:1]


def _neighbours(mine: PhotoQuerySet, name: str, beside: Neighbours) -> list[Photo]:
    """Return the photos that fit among those that lay beside a file."""
    ids = beside.of(name)
    found = mine.in_bulk(ids)
    return [found[photo_id] for photo_id in ids if photo_id in found]


def _named(mine: PhotoQuerySet, name: str) -> list[Photo]:
    """Return the photos of the whole library that fit a file by their names."""
    starts = {claim.start for claim in claims(name) if claim.start}
    if not starts:
        return []
    begun = mine.filter(reduce(or_, (Q(name__istartswith=start) for start in starts)))
    names = dict(begun.order_by("-created_at", "pk").values_list("pk", "name")[:_MOST_NAMES])
    fitting = set(best_names(name, names.values()))
    found = mine.in_bulk([pk for pk, picture in names.items() if picture in fitting])
    return sorted(found.values(), key=lambda photo: (photo.name, photo.pk))


def _of_that_day(mine: PhotoQuerySet, film: Film) -> Iterable[Photo]:
    """Return the photos that were taken when a video with an identifier was."""
    if film.created is None or not film.content_id:
        return []
    days = (film.created - _ONE_DAY, film.created + _ONE_DAY)
    return mine.filter(shown_at__range=days).order_by("shown_at", "pk")[:_MOST_NAMES]


def _is_near(photo: Photo, film: Film) -> bool:
    """Tell whether the times of both allow one shot; where one is unknown, they do."""
    if film.created is None or photo.taken_at is None:
        return True
    return abs(photo.taken_at - film.created) <= _ONE_DAY


def _in_time(photos: list[Photo], sidecar: Sidecar) -> list[Photo]:
    """Return those of several photos of one name that were taken when a sidecar says."""
    if len(photos) < 2 or not (sidecar.wall or sidecar.instant):
        return photos
    moment = datetime.fromisoformat(sidecar.instant or sidecar.wall)
    if sidecar.instant:
        return [p for p in photos if p.taken_at and abs(p.taken_at - moment) <= _ONE_DAY]
    return [p for p in photos if abs(p.wall_at - moment.replace(tzinfo=UTC)) <= _ONE_SHOT]


def _if_one_shot(photos: list[Photo]) -> list[Photo]:
    """Return the photos if they are one or of one stack, none if nobody can tell which is meant."""
    stacks = {photo.stack_id for photo in photos}
    return photos if len(photos) < 2 or (len(stacks) == 1 and None not in stacks) else []


# --- keeping it -----------------------------------------------------------------------------------


def _keep(
    photo: Photo, path: Path, name: str, kind: Companion.Kind, digest: str, contents: Contents
) -> bool:
    """Store a copy of the file with a photo; return False if it has one."""
    if photo.companions.filter(sha256=digest).exists():
        return False
    companion = Companion(
        photo=photo,
        kind=kind,
        name=name,
        extension=name.rpartition(".")[2].lower(),
        sha256=digest,
        size=path.stat().st_size,
    )
    originals_marker.check()
    require_room(photo.owner_id, companion.size)
    target = files.companion(companion)
    copy = files.temporary_path()
    try:
        shutil.copyfile(path, copy)
        files.store(copy, target)
    except OSError as error:
        raise files.StorageFull from error
    finally:
        files.discard([copy])
    try:
        failpoint("companion_stored")
        _record(companion, contents)
    except IntegrityError:
        # Another request was quicker.
        target.unlink(missing_ok=True)
        return False
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    failpoint("companion_recorded")
    return True


def _record(companion: Companion, contents: Contents) -> None:
    """Write the row, and give the photo what the file says of it; raise `Refused` if it is gone."""
    with transaction.atomic():
        rows = Photo.objects.live().select_for_update()
        photo = rows.filter(pk=companion.photo_id).first()
        if photo is None:
            raise Refused(Reason.NO_PHOTO_FOR_COMPANION)
        companion.save(force_insert=True)
        if isinstance(contents, Sidecar):
            apply_sidecar(photo, companion, contents)
        elif photo.motion == Photo.Motion.NONE:
            photo.motion = Photo.Motion.BESIDE
            photo.save(update_fields=["motion"])
