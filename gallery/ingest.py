"""Taking a file in: checked, stored safely, recorded, and the doorbell rung."""

from __future__ import annotations

import hashlib
import re
import unicodedata
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils import timezone

from gallery import files, trash
from gallery.decoders import web_pool
from gallery.decoding import DecodeError, DecoderPool, Probe
from gallery.facts import facts
from gallery.models import Embedding, EmbeddingModel, Photo, SkippedFile
from gallery.reasons import Reason
from gallery.signals import photos_changed
from gallery.uploads import Refused

_NAME_LIMIT = 200  # characters, and as many bytes would overflow common file systems' 255
_SKIPPED_NAME_LIMIT = 500  # as the column has
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@dataclass(frozen=True)
class Ingested:
    """The photo that a file became, or that it already was.

    A copy that lay in the trash was `restored`, or is still `in_trash` where that was asked for.
    """

    photo: Photo
    duplicate: bool
    restored: bool = False
    in_trash: bool = False


def ingest(
    owner: AbstractBaseUser,
    path: Path,
    name: str,
    *,
    pool: DecoderPool | None = None,
    from_trash: bool = True,
    note_copy: bool = True,
) -> Ingested:
    """Take in the file at `path`, which is moved away on success, for `owner`.

    A copy of it in the owner's trash is brought back, or with `from_trash` false left there. That
    the file was a copy is remembered as of an upload (`SkippedFile`) unless `note_copy` is false.
    Raises `Refused` with a reason, `StorageFull`, or the pool's `PoolBusy`.
    """
    size = path.stat().st_size
    _check_size(size)
    digest = sha256(path)
    existing = _existing(owner, digest, from_trash=from_trash)
    if existing is not None:
        return _noted(existing, name) if note_copy else existing
    files.require_free_space(size)
    try:
        probe = (pool or web_pool()).probe(path)
    except DecodeError as error:
        raise Refused(error.reason, error.detail) from error
    result = _record(owner, path, digest, size, clean_name(name), probe, from_trash=from_trash)
    return _noted(result, name) if note_copy else result


def _noted(result: Ingested, name: str) -> Ingested:
    """Remember an upload that was a copy of a photo in the gallery."""
    if result.duplicate and not (result.restored or result.in_trash):
        shown = clean_name(name) or result.photo.name
        remember_copy(result.photo, shown, SkippedFile.Source.UPLOAD)
    return result


def remember_copy(photo: Photo, name: str, source: SkippedFile.Source) -> None:
    """Remember that the file `name` was not stored, being a copy of `photo`; once a name."""
    SkippedFile.objects.update_or_create(
        photo=photo,
        source=source,
        name=name[:_SKIPPED_NAME_LIMIT],
        defaults={"owner_id": photo.owner_id, "skipped_at": timezone.now()},
    )


def _check_size(size: int) -> None:
    if size == 0:
        raise Refused(Reason.EMPTY)
    if size > settings.MAX_FILE_BYTES:
        raise Refused(Reason.TOO_LARGE)


def sha256(path: Path) -> str:
    """Return the hex SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _existing(owner: AbstractBaseUser, digest: str, *, from_trash: bool) -> Ingested | None:
    """Return the owner's copy of a file, out of the trash if it lay there; None without one."""
    copies = Photo.objects.kept().filter(owner_id=owner.pk, sha256=digest)
    photo = copies.first()
    if photo is None:
        return None
    if photo.trashed_at is None:
        return Ingested(photo, duplicate=True)
    if not from_trash:
        return Ingested(photo, duplicate=True, in_trash=True)
    restored = trash.restore(copies)
    # Meanwhile it may have been restored elsewhere, or deleted for ever.
    photo = copies.live().first()
    return Ingested(photo, duplicate=True, restored=bool(restored)) if photo else None


def _record(
    owner: AbstractBaseUser,
    path: Path,
    digest: str,
    size: int,
    name: str,
    probe: Probe,
    *,
    from_trash: bool,
) -> Ingested:
    """Store the file, then write the rows; whoever comes second gets the first one's photo."""
    taken = taken_time(probe)
    photo = Photo(
        owner_id=owner.pk,
        sha256=digest,
        size=size,
        format=probe.format,
        extension=probe.extension,
        name=name or f"photo.{probe.extension}",
        width=probe.width,
        height=probe.height,
        taken_at=taken,
        exif=dict(probe.exif),
        **facts(probe.exif).columns(),
    )
    photo.shown_at = taken or photo.created_at
    target = files.original(photo)
    try:
        files.keep(path, target)
    except OSError as error:
        raise files.StorageFull from error
    try:
        _insert(photo)
    except IntegrityError:
        existing = _existing(owner, digest, from_trash=from_trash)
        if existing is None:
            # The other copy was deleted between the two statements, so the place is free again.
            _insert(photo)
            return Ingested(photo, duplicate=False)
        target.unlink(missing_ok=True)
        return existing
    return Ingested(photo, duplicate=False)


def _insert(photo: Photo) -> None:
    with transaction.atomic():
        photo.save(force_insert=True)
        Embedding.objects.bulk_create(
            Embedding(photo=photo, model=model) for model in EmbeddingModel.objects.wanted()
        )
        transaction.on_commit(lambda: photos_changed.send(sender=Photo))


def taken_time(probe: Probe) -> datetime | None:
    """Return when the picture was taken as an aware time, or None.

    EXIF times are local; without a recorded offset the gallery's own time zone is assumed.
    """
    if not probe.taken_at:
        return None
    try:
        taken = datetime.fromisoformat(probe.taken_at)
        if taken.tzinfo is None:
            taken = taken.replace(tzinfo=ZoneInfo(settings.TIME_ZONE))
        taken = taken.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return taken if 1826 <= taken.year <= datetime.now(UTC).year + 1 else None


def clean_name(name: str) -> str:
    """Return a file name that is safe to show: its last part, NFC, no invisible characters."""
    text = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))
    text = re.split(r"[\\/]", text)[-1]
    text = "".join(c for c in text if unicodedata.category(c) not in _INVISIBLE).strip(" .")
    if len(text) > _NAME_LIMIT:
        stem, dot, extension = text.rpartition(".")
        keep = _NAME_LIMIT - len(extension) - 1
        text = stem[:keep] + dot + extension if dot and keep > 100 else text[:_NAME_LIMIT]
    return text


def discard(paths: Iterable[Path]) -> None:
    """Remove files that were received but not taken in."""
    for path in paths:
        path.unlink(missing_ok=True)


def temporary_path() -> Path:
    """Return a fresh path on the same file system as the photos."""
    return Path(settings.UPLOAD_TMP_DIR) / f"{uuid.uuid4().hex}.upload"
