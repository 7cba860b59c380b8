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

from gallery import files
from gallery.decoders import web_pool
from gallery.decoding import DecodeError, DecoderPool, Probe
from gallery.models import Embedding, EmbeddingModel, Photo
from gallery.reasons import Reason
from gallery.signals import photos_changed
from gallery.uploads import Refused

_NAME_LIMIT = 200  # characters, and as many bytes would overflow common file systems' 255
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@dataclass(frozen=True)
class Ingested:
    """The photo that a file became, or that it already was."""

    photo: Photo
    duplicate: bool


def ingest(
    owner: AbstractBaseUser, path: Path, name: str, *, pool: DecoderPool | None = None
) -> Ingested:
    """Take in the file at `path`, which is moved away on success, for `owner`.

    Raises `Refused` with a reason, `StorageFull`, or the pool's `PoolBusy`.
    """
    size = path.stat().st_size
    _check_size(size)
    digest = sha256(path)
    existing = _existing(owner, digest)
    if existing is not None:
        return Ingested(existing, duplicate=True)
    files.require_free_space(size)
    try:
        probe = (pool or web_pool()).probe(path)
    except DecodeError as error:
        raise Refused(error.reason, error.detail) from error
    return _record(owner, path, digest, size, clean_name(name), probe)


def _check_size(size: int) -> None:
    if size == 0:
        raise Refused(Reason.EMPTY)
    if size > settings.MAX_FILE_BYTES:
        raise Refused(Reason.TOO_LARGE)


def sha256(path: Path) -> str:
    """Return the hex SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _existing(owner: AbstractBaseUser, digest: str) -> Photo | None:
    return Photo.objects.visible_to(owner).filter(sha256=digest).first()


def _record(
    owner: AbstractBaseUser, path: Path, digest: str, size: int, name: str, probe: Probe
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
        existing = _existing(owner, digest)
        if existing is None:
            # The other copy was deleted between the two statements, so the place is free again.
            _insert(photo)
            return Ingested(photo, duplicate=False)
        target.unlink(missing_ok=True)
        return Ingested(existing, duplicate=True)
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
