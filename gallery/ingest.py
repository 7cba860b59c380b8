"""Taking a file into the gallery: check it, store it safely, record it, ring the doorbell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils import timezone

from gallery import files, originals_marker, places, stacks, trash
from gallery.apply_sidecar import may_give_time
from gallery.decoders import web_decoders
from gallery.decoding import DecodeError, DecoderPool, Probe
from gallery.facts import facts, place
from gallery.failpoints import failpoint
from gallery.models import (
    Companion,
    Embedding,
    EmbeddingModel,
    ExternalFile,
    Photo,
    SkippedFile,
)
from gallery.models.embeddings import retry
from gallery.names import clean_file_name
from gallery.quotas import require_room
from gallery.reasons import Reason
from gallery.signals import photos_changed
from gallery.taken_time import TIME_COLUMNS, taken_columns
from gallery.uploads import Refused

_SKIPPED_NAME_LIMIT = 500  # as the column has
_PLACE_KEYS = ("latitude", "longitude", "altitude")


@dataclass(frozen=True)
class IngestResult:
    """The photo that a file became, or of which it is a copy (`duplicate`).

    A photo found in the trash was `restored`, or is still `in_trash` if the caller asked for that.
    `replaced` is a photo whose file was a beginning of this one, and which is in the trash now.
    """

    photo: Photo
    duplicate: bool
    restored: bool = False
    in_trash: bool = False
    replaced: UUID | None = None


def ingest(
    owner: AbstractBaseUser,
    path: Path,
    name: str,
    *,
    pool: DecoderPool | None = None,
    from_trash: bool = True,
    note_copy: bool = True,
    modified: datetime | None = None,
    external: ExternalFile | None = None,
) -> IngestResult:
    """Take in the file at `path` for `owner`; on success the file is moved away.

    With `external`, whose `sha256` is known, it stays where it is, and a new photo refers to it.
    `modified` (aware) is when the file was last changed, where the caller knows it: the date of a
    photo that has no other.

    A copy of it in the owner's trash is restored, or left there if `from_trash` is false. A file
    that is a copy is recorded as a skipped upload (`SkippedFile`) unless `note_copy` is false.
    Raises `Refused` with a reason, `CannotStore`, or the pool's `PoolBusy`.
    """
    size = path.stat().st_size
    if not 0 < size <= settings.MAX_FILE_BYTES:
        raise Refused(Reason.TOO_LARGE if size else Reason.EMPTY)
    digest = external.sha256 if external else files.sha256(path)
    existing = _existing(owner, digest, from_trash=from_trash)
    if existing is not None:
        if external is None and not existing.in_trash:
            _keep_own_copy(existing.photo, path)
        return _note_copy(existing, name) if note_copy else existing
    if external is None:
        originals_marker.check()
    files.require_free_space(0 if external else size)
    require_room(owner.pk, 0 if external else size)
    try:
        probe = (pool or web_decoders(owner.pk)).probe(path, owner=owner.pk)
    except DecodeError as error:
        raise Refused(error.reason, error.detail) from error
    photo = _new_photo(owner, path, digest, clean_file_name(name), probe)
    photo.external = external is not None
    for column, value in taken_columns(photo, modified).items():
        setattr(photo, column, value)
    places.put_at(photo, place(photo.exif))
    result = _record(owner, path, photo, external, from_trash=from_trash)
    if not result.duplicate:
        result = replace(result, replaced=_replace_beginnings(result.photo))
    return _note_copy(result, name) if note_copy else result


def _note_copy(result: IngestResult, name: str) -> IngestResult:
    """Record an upload that is a copy of a photo in the gallery."""
    if result.duplicate and not (result.restored or result.in_trash):
        file_name = clean_file_name(name) or result.photo.name
        record_copy(result.photo, file_name, SkippedFile.Source.UPLOAD)
    return result


def record_copy(photo: Photo, name: str, source: SkippedFile.Source) -> None:
    """Record that the file `name` was not stored because it is a copy of `photo`; once a name."""
    SkippedFile.objects.update_or_create(
        photo=photo,
        source=source,
        name=name[:_SKIPPED_NAME_LIMIT],
        defaults={"owner_id": photo.owner_id, "skipped_at": timezone.now()},
    )


def _existing(owner: AbstractBaseUser, digest: str, *, from_trash: bool) -> IngestResult | None:
    """Return the owner's copy of a file, restored from the trash if need be; None without one."""
    copies = Photo.objects.not_deleted().filter(owner_id=owner.pk, sha256=digest)
    # Asked on its own, since most files are new, and asking for a whole row takes longer.
    photo = copies.first() if copies.exists() else None
    if photo is None:
        return None
    if photo.trashed_at is None:
        return IngestResult(photo, duplicate=True)
    if not from_trash:
        return IngestResult(photo, duplicate=True, in_trash=True)
    restored = trash.restore(copies)
    # In the meantime another request may have restored it or deleted it for ever.
    photo = copies.live().first()
    return IngestResult(photo, duplicate=True, restored=bool(restored)) if photo else None


def _keep_own_copy(photo: Photo, path: Path) -> None:
    """Keep the file at `path` as the original of a photo that so far lies in an external folder.

    Whoever sent the file may delete theirs now, so that folder is no longer enough.
    """
    if not photo.external:
        return
    files.require_free_space(photo.size)
    require_room(photo.owner_id, photo.size)
    _store(path, files.own_copy(photo))
    Photo.objects.filter(pk=photo.pk).update(external=False)
    photo.external = False
    retry(photo.embeddings.filter(reason=Reason.MISSING_ORIGINAL))


def _store(path: Path, target: Path) -> None:
    originals_marker.check()
    try:
        files.store(path, target)
    except OSError as error:
        raise files.StorageFull from error


def _new_photo(owner: AbstractBaseUser, path: Path, digest: str, name: str, probe: Probe) -> Photo:
    return Photo(
        owner_id=owner.pk,
        sha256=digest,
        size=path.stat().st_size,
        format=probe.format,
        extension=probe.extension,
        name=name or f"photo.{probe.extension}",
        width=probe.width,
        height=probe.height,
        exif=dict(probe.exif),
        flaw=probe.flaw,
        motion=Photo.Motion.INSIDE if probe.has_video else Photo.Motion.NONE,
        **facts(probe.exif).columns(),
    )


def _record(
    owner: AbstractBaseUser,
    path: Path,
    photo: Photo,
    external: ExternalFile | None,
    *,
    from_trash: bool,
) -> IngestResult:
    """Store the file, then write the rows. Without rows, Scry's copy does not stay either."""
    if external is not None:
        return _insert_or_find(owner, photo, external, from_trash=from_trash)
    failpoint("upload_checked")
    _store(path, files.own_copy(photo))
    try:
        failpoint("original_stored")
        return _insert_or_find(owner, photo, None, from_trash=from_trash)
    except Exception:
        # What fails after the commit, as a signal's receiver, must not cost a photo its file.
        if not Photo.objects.filter(pk=photo.pk).exists():
            files.discard([files.own_copy(photo)])
        raise


def _insert_or_find(
    owner: AbstractBaseUser, photo: Photo, external: ExternalFile | None, *, from_trash: bool
) -> IngestResult:
    """Write the rows of a photo; the second of two equal files gets the first's photo."""
    try:
        _insert(photo, external)
    except IntegrityError:
        existing = _existing(owner, photo.sha256, from_trash=from_trash)
        if existing is None:
            # The other copy was deleted between the two statements, so there is room again.
            _insert(photo, external)
            return IngestResult(photo, duplicate=False)
        if external is None:
            _keep_own_copy(existing.photo, files.own_copy(photo))
            files.discard([files.own_copy(photo)])
        return existing
    return IngestResult(photo, duplicate=False)


def _insert(photo: Photo, external: ExternalFile | None) -> None:
    with transaction.atomic():
        require_room(photo.owner_id, 0 if external else photo.size, lock=True)
        photo.save(force_insert=True)
        if external is not None:
            external.photo = photo
            external.save()
        Embedding.objects.bulk_create(
            Embedding(photo=photo, model_id=model_id)
            for model_id in EmbeddingModel.objects.wanted().values_list("pk", flat=True)
        )
        stacks.stack_shot(photo)
        transaction.on_commit(lambda: failpoint("rows_written"))
        transaction.on_commit(lambda: photos_changed.send(sender=Photo))


def _replace_beginnings(photo: Photo) -> UUID | None:
    """Let a new file take the place of copies of it that broke off; return one of those.

    They go to the trash, and the new photo gets what people said of them.
    """
    shorter = Photo.objects.live().filter(owner_id=photo.owner_id, size__lt=photo.size)
    if not shorter.flawed().exists():
        return None
    flawed = list(shorter.flawed().order_by("-created_at"))
    digests = files.sha256_of_beginnings(files.original(photo), {one.size for one in flawed})
    beginnings = [one for one in flawed if digests[one.size] == one.sha256]
    if not beginnings:
        return None
    # It may have been stacked when it came.
    photo.refresh_from_db(fields=["stack"])
    with transaction.atomic():
        for old in beginnings:
            inherit(photo, old)
        trash.trash(Photo.objects.filter(pk__in=[old.pk for old in beginnings]))
    return beginnings[0].pk


def inherit(photo: Photo, old: Photo) -> None:
    """Give a photo what people and sidecars said of another one: marks, date, place and the rest.

    It gets the files that were kept with the other one too. Runs inside a transaction.
    """
    photo.favourite = photo.favourite or old.favourite
    photo.rating = photo.rating or old.rating
    photo.caption = photo.caption or old.caption
    if old.motion == Photo.Motion.BESIDE and not photo.motion:
        photo.motion = old.motion
    columns = [*_inherit_time(photo, old), *_inherit_place(photo, old)]
    photo.save(update_fields=["favourite", "rating", "caption", "motion", *columns])
    if columns:
        Embedding.objects.project_again([photo.pk])
    known = list(photo.companions.values_list("sha256", flat=True))
    old.companions.exclude(sha256__in=known).update(photo=photo)
    photo.tags.add(*old.tags.all())
    photo.albums.add(*old.albums.all())
    if old.stack is not None and photo.stack is None:
        is_cover = old.stack.cover_id == old.pk
        stacks.join(old.stack, photo)
        if is_cover:
            stacks.set_cover(old.stack, photo)


class _Word(IntEnum):
    """Whose word the date of a photo is; the higher one counts."""

    FILE = 0
    SIDECAR = 1
    PERSON = 2


def _word_on_time(photo: Photo) -> _Word:
    sources = {str(photo.date_source), str(photo.offset_source)}
    # "Unknown" is a person's word too, and shows only in the corrections.
    if Photo.DateSource.PERSON in sources or photo.date_corrections.exists():
        return _Word.PERSON
    return _Word.SIDECAR if Photo.DateSource.SIDECAR in sources else _Word.FILE


def _inherit_time(photo: Photo, old: Photo) -> Sequence[str]:
    """Take over a date that weighs more, with what it was before; return the columns to save."""
    theirs = _word_on_time(old)
    if theirs <= _word_on_time(photo):
        return ()
    if theirs is _Word.SIDECAR and not may_give_time(old, photo):
        return ()
    for column in TIME_COLUMNS:
        setattr(photo, column, getattr(old, column))
    old.date_corrections.update(photo=photo)
    return TIME_COLUMNS


def _inherit_place(photo: Photo, old: Photo) -> Sequence[str]:
    """Take over a place that a sidecar gave; return the columns to save.

    Sidecars are read only once, so nothing else would give it again.
    """
    givers = old.companions.filter(given__has_key="place").values_list("kind", flat=True)
    has_own = photo.latitude is not None
    # Takeout only fills gaps, and XMP corrects.
    if not givers or (has_own and Companion.Kind.XMP not in givers):
        return ()
    told = {key: old.exif[key] for key in _PLACE_KEYS if key in old.exif}
    photo.exif = {key: photo.exif[key] for key in photo.exif if key not in _PLACE_KEYS} | told
    places.put_at(photo, place(photo.exif))
    return ("exif", *places.COLUMNS)
