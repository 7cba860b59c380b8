"""Uploads that come in pieces and outlive a break of the connection, the browser or the server.

Each is two files in the folder of uploads: the bytes, whose number is what has arrived, and a note
of whose they are. Nothing else remembers it. Housekeeping removes both a day after the last piece.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from io import FileIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.utils.translation import gettext as _

from gallery import files, originals_marker
from gallery.failpoints import failpoint
from gallery.quotas import require_room
from gallery.reasons import Reason
from gallery.uploads import Refused, why_not_stored
from gallery.user_errors import UserError

Json = dict[str, Any]

KEPT = timedelta(days=1)
"""How long an upload is kept after its last piece."""
IDLE_SECONDS = 3600.0
"""Without a piece for so long, it gives way to new ones."""

_FILES = 10
"""Files of the largest size that all uploads in pieces may have together."""
_SHARE_OF_ONE = 2
"""One account may use up a half of it."""
_NOTE = ".part.json"


class UnknownUpload(UserError):
    """There is no such upload of this account, or not any more."""

    code = "unknown_upload"
    status = 404

    def __init__(self) -> None:
        super().__init__(_("This upload has expired or does not exist. Send the file again."))


class WrongOffset(UserError):
    """A piece begins elsewhere than what has arrived ends."""

    code = "wrong_offset"
    status = 409

    def __init__(self) -> None:
        super().__init__(
            _("The piece does not begin where the last one ended. Ask for the offset and go on.")
        )


class InUse(UserError):
    """Another request adds to the upload just now."""

    code = "upload_in_use"
    status = 423

    def __init__(self) -> None:
        super().__init__(
            _("Another request sends a piece of this file just now. Ask for the offset and go on.")
        )


@dataclass(frozen=True)
class PartialUpload:
    """A file of `length` bytes that an account sends in pieces.

    `beside` are the pictures that lay in its folder, as the request told them. `answer` is what
    became of the file, once that is known.
    """

    id: UUID
    owner: int
    length: int
    name: str
    beside: str = ""
    answer: Json | None = None

    @property
    def path(self) -> Path:
        """Where the bytes are until the file is taken in."""
        return _folder() / f"{self.id}.part"

    @property
    def offset(self) -> int:
        """How many bytes have arrived."""
        if self.answer is not None:
            return self.length
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            raise UnknownUpload from None

    @property
    def touched(self) -> float:
        """When the last piece came, in seconds since 1970."""
        try:
            return _note(self.id).stat().st_mtime
        except FileNotFoundError:
            raise UnknownUpload from None

    def is_idle(self) -> bool:
        """Tell whether nothing came for so long that it gives way to others."""
        return self.touched < time.time() - IDLE_SECONDS


# --- their beginning and end ----------------------------------------------------------------------


def begin(owner_id: int, length: int, name: str, beside: str) -> PartialUpload:
    """Begin an upload; raise `Refused`, `CannotStore`, or `UserError` if there are too many."""
    if not 0 < length <= settings.MAX_FILE_BYTES:
        raise Refused(Reason.TOO_LARGE if length else Reason.EMPTY)
    originals_marker.check()
    _make_room(owner_id, length)
    upload = PartialUpload(uuid4(), owner_id, length, name, beside)
    try:
        upload.path.touch(mode=0o600)
        _write_down(upload)
    except OSError as error:
        raise why_not_stored() from error
    return upload


def find(owner_id: int, upload_id: UUID) -> PartialUpload:
    """Return an upload of an account; raise `UnknownUpload` if there is none."""
    upload = _read(_note(upload_id))
    if upload is None or upload.owner != owner_id:
        raise UnknownUpload
    return upload


def kept_uploads() -> list[PartialUpload]:
    """Return all uploads; of one that ended just now a part may be gone."""
    found = (_read(note) for note in _folder().glob(f"*{_NOTE}"))
    return [upload for upload in found if upload and (upload.answer or upload.path.exists())]


def discard(upload: PartialUpload) -> None:
    """Forget an upload; raise `InUse` while a piece of it is being added."""
    with suppress(UnknownUpload), _held(upload):
        upload.path.unlink()
    files.discard([_note(upload.id)])


def _make_room(owner_id: int, length: int) -> None:
    pending = [upload for upload in kept_uploads() if upload.answer is None]
    limit = _FILES * settings.MAX_FILE_BYTES
    mine = [upload for upload in pending if upload.owner == owner_id]
    _fit(mine, length, limit // _SHARE_OF_ONE)
    _fit([upload for upload in pending if _note(upload.id).exists()], length, limit)
    to_come = [upload for upload in kept_uploads() if upload.answer is None]
    files.require_free_space(length + sum(upload.length - upload.offset for upload in to_come))
    live = sum(one.length for one in to_come if one.owner == owner_id and not one.is_idle())
    require_room(owner_id, length + live)


def _fit(uploads: list[PartialUpload], length: int, limit: int) -> None:
    """Discard idle uploads until one more fits beside the others; raise `UserError` otherwise."""
    taken = sum(upload.length for upload in uploads)
    for upload in sorted(uploads, key=lambda upload: upload.touched):
        if taken + length <= limit or not upload.is_idle():
            break
        discard(upload)
        taken -= upload.length
    if taken + length > limit:
        told = _("Too many large files are being sent at once. Try again shortly.")
        raise UserError(told, code="busy", status=503)


# --- pieces ---------------------------------------------------------------------------------------


def receive(
    upload: PartialUpload,
    offset: int,
    pieces: Iterable[bytes],
    take_in: Callable[[PartialUpload], Json],
) -> Json | None:
    """Add bytes at `offset`; with the last one, return what `take_in` made of the file.

    Without an answer, which may be lost on its way, the same request with no bytes at the end gets
    it again. What fails through no fault of the file may be asked for again, too; after `Refused`
    nothing is kept. Raises `WrongOffset`, `InUse`, `UnknownUpload` and what `take_in` raises.
    """
    try:
        with _held(upload) as file:
            if file.seek(0, os.SEEK_END) != offset:
                raise WrongOffset
            size = _append(file, pieces, upload.length)
            os.utime(_note(upload.id))
            failpoint("piece_stored")
            return _finish(upload, take_in) if size == upload.length else None
    except UnknownUpload:
        return _answer_again(upload, offset)


@contextmanager
def _held(upload: PartialUpload) -> Iterator[FileIO]:
    """Give the bytes to one request at a time; raise `UnknownUpload` once they are taken in."""
    with ExitStack() as stack:
        try:
            # Without a buffer, what could not be written is not kept to be written later.
            file = stack.enter_context(upload.path.open("r+b", buffering=0))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The one that held it may have moved it to where originals are.
            if not os.path.samestat(os.fstat(file.fileno()), upload.path.stat()):
                raise UnknownUpload
        except BlockingIOError:
            raise InUse from None
        except FileNotFoundError:
            raise UnknownUpload from None
        yield file


def _append(file: FileIO, pieces: Iterable[bytes], length: int) -> int:
    """Add all the bytes or none of them, and return the size; they are on the disk then."""
    offset = file.tell()
    files.require_free_space()
    try:
        for piece in pieces:
            if file.tell() + len(piece) > length:
                told = _("The piece goes beyond the end of the file, as its length was told.")
                raise UserError(told, code="too_long", status=413)
            _write(file, piece)
        os.fsync(file.fileno())
    except BaseException as error:
        file.truncate(offset)
        if isinstance(error, OSError):
            raise why_not_stored() from error
        raise
    return file.tell()


def _write(file: FileIO, piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[file.write(left) :]


def _finish(upload: PartialUpload, take_in: Callable[[PartialUpload], Json]) -> Json:
    try:
        answer = take_in(upload)
    except Refused:
        files.discard([_note(upload.id), upload.path])
        raise
    failpoint("upload_taken_in")
    with suppress(OSError):  # The photo is stored; sent again, the file would be found as a copy.
        _write_down(replace(upload, answer=answer))
    files.discard([upload.path])
    return answer


def _answer_again(upload: PartialUpload, offset: int) -> Json:
    known = find(upload.owner, upload.id)
    if known.answer is None:
        raise UnknownUpload
    if offset != known.length:
        raise WrongOffset
    return known.answer


# --- notes ----------------------------------------------------------------------------------------


def _folder() -> Path:
    return Path(settings.UPLOAD_TMP_DIR)


def _note(upload_id: UUID) -> Path:
    return _folder() / f"{upload_id}{_NOTE}"


def _write_down(upload: PartialUpload) -> None:
    told = asdict(upload) | {"id": str(upload.id)}
    files.write_atomically(_note(upload.id), json.dumps(told).encode())


def _read(note: Path) -> PartialUpload | None:
    try:
        told = json.loads(note.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return PartialUpload(**told | {"id": UUID(told["id"])})
