"""Reads the originals, and the files kept with them, whole: does the disk still have each byte?

A disk loses bytes in silence. Only reading tells, while a backup still has the file. What is found
is told to the owner and never repaired here: nothing is deleted or replaced because of it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, Min, OuterRef, Q
from django.utils import timezone

from gallery import files, originals_marker
from gallery.models import Companion, FileDamage, Photo, User
from gallery.models.owners_in_turn import in_turn, take_turns
from gallery.request_priority import yield_to_requests

AGAIN = timedelta(hours=1)
"""How soon a damaged file is read again, since somebody may have restored it."""
_PIECE = 1 << 20
_AT_ONCE = 8
_TOLERANCE = timedelta(days=1)

Row: TypeAlias = Photo | Companion
Kind: TypeAlias = FileDamage.Kind


def is_due() -> bool:
    """Tell whether a file has to be read now; cheap enough to be asked often."""
    return _can_read() and bool(_due(1))


def read_due(stop: Callable[[], bool]) -> int:
    """Read the files that are due, of each owner in turn; return how many were read.

    Asks `stop` before each file.
    """
    done = 0
    while _can_read() and (rows := _due(_AT_ONCE)):
        for row in rows:
            if stop() or not _can_read():
                return done
            read(row)
            done += 1
    return done


def _can_read() -> bool:
    return bool(settings.SCRUB_DAYS) and not originals_marker.is_away()


def read(row: Row) -> Kind | None:
    """Read the file of a photo or companion whole, and note what was found; None if it is sound.

    Nothing is noted if the photo was deleted meanwhile, or while the originals are away.
    """
    found = look_at(path_of(row), row.sha256)
    if found is not None and originals_marker.is_away():
        return None
    with transaction.atomic():
        same = type(row).objects.filter(pk=row.pk)
        if not same.update(read_at=timezone.now()):
            return None
        _note(row, found)
    return found


def path_of(row: Row) -> Path:
    """Return where Scry's own file of a photo or companion is."""
    return files.own_copy(row) if isinstance(row, Photo) else files.companion(row)


def look_at(path: Path, sha256: str) -> Kind | None:
    """Read a file from the disk and compare it with its checksum; None if it is sound."""
    try:
        return None if _sha256_from_disk(path) == sha256 else FileDamage.Kind.CHANGED
    except FileNotFoundError:
        return FileDamage.Kind.MISSING
    except OSError:
        return FileDamage.Kind.UNREADABLE


def _sha256_from_disk(path: Path) -> str:
    """Return the hex SHA-256 of a file; requests go first, and memory is not filled with it."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        _forget_cached(file.fileno())  # What is in memory says nothing about the disk.
        while piece := file.read(_PIECE):
            digest.update(piece)
            yield_to_requests()
        _forget_cached(file.fileno())
    return digest.hexdigest()


def _forget_cached(descriptor: int) -> None:
    with suppress(AttributeError, OSError):  # Not every system has it.
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def _note(row: Row, found: Kind | None) -> None:
    of_photo = isinstance(row, Photo)
    key: dict[str, Any] = {
        "photo_id": row.pk if of_photo else row.photo_id,  # type: ignore[union-attr]
        "companion_id": None if of_photo else row.pk,
    }
    if found is None:
        FileDamage.objects.filter(**key).delete()
    else:
        FileDamage.objects.update_or_create(**key, defaults={"kind": found})


# --- what is due ----------------------------------------------------------------------------------


def _photos() -> Any:
    return Photo.objects.not_deleted().filter(external=False)


def _companions() -> Any:
    return Companion.objects.filter(photo__deleted_at=None)


def _due(limit: int) -> list[Row]:
    """Return what to read next, at most so many files for each of the reasons, in turn.

    Each part is a few looks into an index, whatever the number of files.
    """
    lines = [line for rows in (_photos(), _companions()) for line in _lines(rows, limit)]
    return list(dict.fromkeys(take_turns(lines)))


def _lines(rows: Any, limit: int) -> Iterator[Iterable[Row]]:
    now = timezone.now()
    yield in_turn(rows.filter(read_at=None), limit)
    yield _damaged(rows).filter(read_at__lt=now - AGAIN).order_by("read_at")[:limit]
    yield rows.filter(read_at__lt=_since(now)).order_by("read_at")[:limit]
    # A clock that was ahead must not keep files from being read.
    yield rows.filter(read_at__gt=now + _TOLERANCE).order_by("read_at")[:limit]


def _damaged(rows: Any) -> Any:
    is_photo = rows.model is Photo
    damage = FileDamage.objects.filter(companion__isnull=is_photo)
    return rows.filter(pk__in=damage.values("photo_id" if is_photo else "companion_id"))


def _since(now: datetime) -> datetime:
    return now - timedelta(days=settings.SCRUB_DAYS)


# --- for people -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Readings:
    """How many files a person has, of how many the last reading is recent, and the oldest one.

    `never` have not been read since they came; their checksum was taken then.
    """

    files: int
    recent: int
    never: int
    oldest: datetime | None


def readings(user: User) -> Readings:
    """Return when the files of a user were last read whole."""
    parts = [_of(rows) for rows in _owned(user)]
    oldest = [part.oldest for part in parts if part.oldest is not None]
    return Readings(
        files=sum(part.files for part in parts),
        recent=sum(part.recent for part in parts),
        never=sum(part.never for part in parts),
        oldest=min(oldest, default=None),
    )


def _owned(user: User) -> tuple[Any, Any]:
    if not user.is_authenticated:
        return Photo.objects.none(), Companion.objects.none()
    # No join: SQLite would begin with the photos, which are many where few have companions.
    own = Photo.objects.filter(pk=OuterRef("photo_id"), owner_id=user.pk, deleted_at=None)
    return _photos().filter(owner_id=user.pk), Companion.objects.filter(Exists(own))


def _of(rows: Any) -> Readings:
    """Count in one walk over the rows."""
    since = _since(timezone.now())
    return Readings(
        **rows.aggregate(
            files=Count("pk"),
            recent=Count("pk", filter=Q(read_at__gte=since)),
            never=Count("pk", filter=Q(read_at=None)),
            oldest=Min("read_at"),
        )
    )
