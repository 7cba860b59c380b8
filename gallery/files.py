"""Where the files of photos are on disk, and how to write them so that none is ever partial."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import uuid
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from gallery.user_errors import UserError

if TYPE_CHECKING:
    from gallery.models import Companion, Photo

_PIECE = 1 << 20
_MOST_NANOSECONDS = 2**63 - 1  # as the column has; odd file systems know stranger times


MARKER = ".scry-gallery"
"""The file in the folder of the originals that tells whose they are: `gallery.originals_marker`."""


class CannotStore(UserError):
    """Nothing can be stored just now, through no fault of a file; what is stored is safe."""


class StorageFull(CannotStore):
    """There is too little free disk space to store anything."""

    code = "storage_full"
    status = 507
    sentence = _(
        "The disk is nearly full, so nothing can be stored. Free some space and try again. "
        "Your photos are safe."
    )

    def __init__(self) -> None:
        super().__init__(str(self.sentence))


class ChangedMeanwhile(OSError):
    """Somebody put other bytes in the place of a file while it was read."""


@dataclass(frozen=True)
class Original:
    """Where the bytes of a photo are. `seen` is how a file that others may write to was then."""

    path: Path
    seen: tuple[int, ...] = ()

    @contextmanager
    def unchanged(self) -> Iterator[Path]:
        """Give the path to read; raise `ChangedMeanwhile` if it is another file afterwards.

        What was read then must be thrown away, whether reading it worked or not.
        """
        try:
            yield self.path
        finally:
            if self.seen and _seen(self.path) != self.seen:
                raise ChangedMeanwhile(str(self.path))


def original(photo: Photo, *, changed: bool = False) -> Path:
    """Return where the bytes of a photo are, to read them; see `find_original`."""
    return find_original(photo, changed=changed).path


def find_original(photo: Photo, *, changed: bool = False) -> Original:
    """Return where the bytes of a photo are: the one place that knows.

    That is Scry's own copy, or a file of an external folder, where nothing may ever be written.
    For an external photo whose file is not there, it is the place of the copy that Scry has not.

    A file to which somebody wrote since the last scan may show something else by now. It counts as
    not there until the next scan, unless `changed` files are asked for as well.
    """
    found = _external_original(photo, changed=changed) if photo.external else None
    return found or Original(own_copy(photo))


def own_copy(photo: Photo) -> Path:
    """Return the place of Scry's own copy of the original, to write or remove it."""
    return _path("originals", photo.pk, photo.extension)


def companion(companion: Companion) -> Path:
    """Return the path of a file that is kept with a photo."""
    return _path("companions", companion.pk, companion.extension)


def _external_original(photo: Photo, *, changed: bool) -> Original | None:
    for file in photo.external_files.present().select_related("folder"):
        path = file.full_path
        seen = _seen(path)
        is_known = changed or seen[:2] == file.signature
        if seen and is_known and is_plain_file(path, file.folder.root):
            return Original(path, seen)
    return None


def _seen(path: Path) -> tuple[int, ...]:
    """Return what tells a file from others at its path: its signature first; () if it is gone.

    A program that gives a file the size and time of another one cannot forge the rest.
    """
    try:
        status = path.lstat()
    except OSError:
        return ()
    return *signature(status), status.st_ino, status.st_ctime_ns


def signature(status: os.stat_result) -> tuple[int, int]:
    """Return what changes when somebody writes to a file: bytes, and nanoseconds since 1970."""
    modified = max(-_MOST_NANOSECONDS, min(status.st_mtime_ns, _MOST_NANOSECONDS))
    return status.st_size, modified


def is_plain_file(path: Path, root: Path) -> bool:
    """Tell whether a regular file is below a folder, without any link on the way to it."""
    try:
        real = root.resolve() / path.relative_to(root)
        return stat.S_ISREG(path.lstat().st_mode) and path.resolve() == real
    except (OSError, RuntimeError, ValueError):
        return False


def is_folder_away(folder: Path) -> bool:
    """Tell whether a folder is missing, unreadable or empty; an unmounted disk leaves it empty."""
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except OSError:
        return True


def originals() -> Path:
    """Return the folder of the originals."""
    return Path(settings.MEDIA_DIR) / "originals"


def thumbnail(photo_id: uuid.UUID) -> Path:
    """Return the path of the 512 px WebP rendition, which may not exist yet."""
    return _path("thumbnails", photo_id, "webp")


def small_thumbnail(photo_id: uuid.UUID) -> Path:
    """Return the path of the 320 px WebP rendition, which smaller and older photos lack."""
    return _path("small-thumbnails", photo_id, "webp")


def preview(photo_id: uuid.UUID) -> Path:
    """Return the path of the 1440 px JPEG rendition, made when first requested."""
    return _path("previews", photo_id, "jpg")


def _path(kind: str, file_id: uuid.UUID, extension: str) -> Path:
    name = str(file_id)
    return Path(settings.MEDIA_DIR) / kind / name[:2] / f"{name}.{extension}"


def temporary_path() -> Path:
    """Return a new path on the same file system as the photos."""
    return Path(settings.UPLOAD_TMP_DIR) / f"{uuid.uuid4().hex}.upload"


def discard(paths: Iterable[Path]) -> None:
    """Remove files that were received but not stored."""
    for path in paths:
        path.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """Return the hex SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_beginnings(path: Path, lengths: Collection[int]) -> dict[int, str]:
    """Return the hex SHA-256 of the first bytes of a file, for each of these numbers of bytes."""
    digest, place, found = hashlib.sha256(), 0, {}
    with path.open("rb") as file:
        for length in sorted(lengths):
            while place < length and (piece := file.read(min(_PIECE, length - place))):
                digest.update(piece)
                place += len(piece)
            found[length] = digest.hexdigest()
    return found


def write_atomically(path: Path, data: bytes) -> None:
    """Write a rendition so that readers see all of it or nothing; it can be made again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_thumbnails(photo_id: uuid.UUID, large: bytes, small: bytes) -> None:
    """Write both thumbnails, the large one last, by which it is told that they are there.

    `small` is empty for small pictures.
    """
    if small:
        write_atomically(small_thumbnail(photo_id), small)
    write_atomically(thumbnail(photo_id), large)


def store(source: Path, target: Path) -> None:
    """Move an upload to its final place so that it survives a power loss.

    `source` is on the same file system. The bytes reach the disk before the name does.
    """
    new_folder = not target.parent.exists()
    target.parent.mkdir(parents=True, exist_ok=True)
    sync(source)
    source.replace(target)
    sync(target.parent)
    if new_folder:
        sync(target.parent.parent)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_files(photo: Photo) -> None:
    """Remove Scry's own copy, what is kept with it and all renditions; some may be gone already.

    A file of an external folder stays where it is.
    """
    remove_renditions(photo.pk)
    beside = [companion(one) for one in photo.companions.all()]
    for path in (*beside, own_copy(photo)):
        path.unlink(missing_ok=True)


def remove_renditions(photo_id: uuid.UUID) -> None:
    """Remove what was made of a photo and can be made again."""
    for path in (thumbnail(photo_id), small_thumbnail(photo_id), preview(photo_id)):
        path.unlink(missing_ok=True)


def free_bytes() -> int:
    """Return the free bytes of the file system that holds the data; none if it is not there."""
    try:
        return shutil.disk_usage(settings.DATA_DIR).free
    except OSError:
        return 0


@dataclass(frozen=True)
class Disk:
    """The bytes of the file system that holds the data, and how many of them are free."""

    total: int
    free: int

    @property
    def used(self) -> int:
        """The bytes in use, by whatever it is."""
        return self.total - self.free


def disk() -> Disk | None:
    """Return the size of the file system that holds the data; None if it is not there."""
    try:
        usage = shutil.disk_usage(settings.DATA_DIR)
    except OSError:
        return None
    return Disk(usage.total, usage.free)


def require_free_space(needed: int = 0) -> None:
    """Raise `StorageFull` unless `needed` bytes and the reserve are free."""
    if free_bytes() < settings.MIN_FREE_BYTES + needed:
        raise StorageFull
