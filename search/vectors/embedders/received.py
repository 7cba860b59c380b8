"""Weights that somebody uploads, in pieces, until they are a model's folder in `DATA_DIR/models`.

Servers and proxies limit the size of a request, so a file of gigabytes comes in many. Until the
upload is finished its files are in a hidden folder, and nothing else looks there.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from io import FileIO
from pathlib import Path

from django.utils.translation import gettext as _

from gallery import files, lived_time
from gallery.user_errors import UserError
from search.vectors.embedders import (
    catalog,
    digests,
    folders,
    keys,
    manifests,
    weights as weight_files,
)
from search.vectors.embedders.base import ModelUnavailable
from search.vectors.embedders.catalog import RecommendedModel
from search.vectors.embedders.folders import FolderRefused

PIECE_BYTES = 8 * 1024 * 1024
"""Size of one piece; the smallest limit on a request that proxies are set up with is larger."""

MAX_WEIGHT_BYTES = 12 * 1024**3
MAX_OTHER_BYTES = 100 * 1024**2
MAX_FILES = 20

ABANDONED_S = 15 * 60
"""Seconds without a new piece after which an upload is taken for interrupted."""

_WEIGHTS = ".safetensors"
_OTHERS = (".json", ".txt", ".model")  # configuration and tokenizers; never pickles
_ENDINGS = "|".join(ending.removeprefix(".") for ending in (_WEIGHTS, *_OTHERS))
NAMES = f"[A-Za-z0-9][A-Za-z0-9._-]{{0,80}}[.](?:{_ENDINGS})|{manifests.NAME}"
"""How files of a model are called, as a regular expression (ECMA 262)."""
_NAME = re.compile(NAMES)
_PLAN = ".plan"
_PREFIX = ".upload-"


class UnknownUpload(UserError):
    """There is no such upload, or not any more."""

    code = "unknown_upload"
    status = 404

    def __init__(self) -> None:
        super().__init__(_("This upload was interrupted; start it again."))


def begin(sizes: dict[str, int]) -> uuid.UUID:
    """Begin an upload of these files, of these sizes in bytes; return its id.

    Raises `FolderRefused` if they cannot make a model, `StorageFull` if the disk has no room.
    """
    _check_names(sizes)
    _check_sizes(sizes)
    files.require_free_space(sum(sizes.values()))
    upload_id = uuid.uuid4()
    folder = _folder(upload_id)
    folder.mkdir(parents=True)
    (folder / _PLAN).write_text(json.dumps(sizes), encoding="utf-8")
    return upload_id


def _check_names(names: Iterable[str]) -> None:
    names = list(names)
    for name in names:
        if not _NAME.fullmatch(name):
            message = _(
                "%(name)s cannot be taken: only .safetensors, .json, .txt and .model files and "
                "%(list)s are."
            )
            raise FolderRefused(message % {"name": name[:100], "list": manifests.NAME})
    if sum(name.endswith(_WEIGHTS) for name in names) != 1:
        raise FolderRefused(
            _("Choose one .safetensors file, and with it the other files of the same model.")
        )
    if len(names) > MAX_FILES:
        message = _("A model has at most %(limit)d files; leave out what does not belong to it.")
        raise FolderRefused(message % {"limit": MAX_FILES})


def _check_sizes(sizes: dict[str, int]) -> None:
    for name, size in sizes.items():
        limit = MAX_WEIGHT_BYTES if name.endswith(_WEIGHTS) else MAX_OTHER_BYTES
        if not 0 < size <= limit:
            message = _("%(name)s is empty or larger than the limit of %(limit)d MB.")
            names = {"name": name, "limit": limit // 1024**2}
            raise FolderRefused(message % names, code="too_large", status=413)


def append(upload_id: uuid.UUID, name: str, offset: int, pieces: Iterable[bytes]) -> int:
    """Add bytes to a file of the upload at `offset`, its present size; return the new size.

    A piece counts as a whole or not at all. One that is here already is not added again, because
    whoever sent it may have lost the answer. Raises `UnknownUpload`, `FolderRefused` and
    `StorageFull`.
    """
    folder, plan = _upload(upload_id)
    if name not in plan:
        raise FolderRefused(_("This file is not part of the upload."))
    try:
        size = _append(folder / name, offset, pieces, min(plan[name], offset + PIECE_BYTES))
        os.utime(folder)  # It is not abandoned.
    except FileNotFoundError:
        raise UnknownUpload from None  # It was cancelled meanwhile.
    if name.endswith(_WEIGHTS) and offset == 0 and size == min(plan[name], PIECE_BYTES):
        _recognise_early(upload_id, folder / name, plan)
    return size


def _append(path: Path, offset: int, pieces: Iterable[bytes], limit: int) -> int:
    """Add bytes to a file up to the size `limit`, or none of them; return its size."""
    # Without a buffer, what could not be written is not kept to be written later.
    with path.open("ab", buffering=0) as file:
        # Two requests for the same piece take turns, and the second one finds it done.
        fcntl.flock(file, fcntl.LOCK_EX)
        end = file.seek(0, os.SEEK_END)
        if offset < end:
            return end
        if offset > end:
            raise FolderRefused(_("A piece of the file is missing; start the upload again."))
        try:
            return _write(file, pieces, limit)
        except BaseException:
            file.truncate(offset)
            raise


def _write(file: FileIO, pieces: Iterable[bytes], limit: int) -> int:
    files.require_free_space()
    size = file.tell()
    for piece in pieces:
        size += len(piece)
        if size > limit:
            raise FolderRefused(_("The piece or its file is larger than was announced."))
        try:
            _write_all(file, piece)
        except OSError as error:
            raise files.StorageFull from error
    return size


def _write_all(file: FileIO, piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[file.write(left) :]


def _recognise_early(upload_id: uuid.UUID, file: Path, plan: dict[str, int]) -> None:
    """Refuse weights of an unknown model by their header, before the rest is sent."""
    try:
        _recognise(file, plan)
    except FolderRefused:
        discard(upload_id)
        raise


def _recognise(file: Path, plan: dict[str, int]) -> RecommendedModel:
    try:
        shapes = weight_files.shapes(file, plan[file.name])
    except ModelUnavailable as error:
        raise FolderRefused(str(error)) from error
    model = next((model for model in catalog.MODELS if model.recognises(shapes)), None)
    if model is None:
        raise FolderRefused(
            _("%(name)s holds the weights of no recommended model.") % {"name": file.name}
        )
    folders.require_tokenizer(model, set(plan))
    return model


def finish(upload_id: uuid.UUID) -> RecommendedModel:
    """Make the complete upload the folder of its model, in place of an earlier one, and choose it.

    Raises `UnknownUpload` or `FolderRefused`; in the latter case the upload is discarded.
    """
    folder, plan = _upload(upload_id)
    try:
        model = _checked(folder, plan)
    except FolderRefused:
        discard(upload_id)
        raise
    target = folders.own() / model.architecture
    with folders.alone():
        _upload(upload_id)  # Another request may have finished it meanwhile.
        (folder / _PLAN).unlink()
        put_in_place(folder, target)
    folders.choose(model, target)
    return model


def _checked(folder: Path, plan: dict[str, int]) -> RecommendedModel:
    """Return the model of a complete upload whose files are as they were sent."""
    for name, size in plan.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != size:
            raise FolderRefused(_("%(name)s did not arrive completely.") % {"name": name})
    weights = next(name for name in plan if name.endswith(_WEIGHTS))
    model = _recognise(folder / weights, plan)
    try:
        manifests.verify(folder)
    except ModelUnavailable as error:
        raise FolderRefused(str(error)) from error
    return model


def put_in_place(folder: Path, target: Path) -> None:
    """Move a folder to `target` in one step each, so that no reader sees a mixture of files.

    To be called by who holds `folders.alone`.

    Other weights that were there are kept, because their model answers until the new one does.
    """
    for path in folder.iterdir():
        files.sync(path)
    old = folder.with_name(f"{_PREFIX}{uuid.uuid4()}")
    kept = _place_to_keep(target, folder)
    if target.exists():
        target.rename(old)
    folder.rename(target)
    if kept is not None and not kept.exists():
        old.rename(kept)
    files.sync(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _place_to_keep(target: Path, folder: Path) -> Path | None:
    """Return where to keep the weights of `target`; None if there are none or the same arrived."""
    try:
        former, new = (_sha256(place, target.name) for place in (target, folder))
    except ModelUnavailable:
        return None
    return None if former == new else folders.kept_folder(keys.key_of(target.name, former))


def _sha256(place: Path, architecture: str) -> str:
    return digests.sha256_of(weight_files.locate(place, architecture))


def discard(upload_id: uuid.UUID) -> None:
    """Remove an upload and all of its files, if there is one."""
    shutil.rmtree(_folder(upload_id), ignore_errors=True)


def remove_abandoned() -> None:
    """Remove uploads that were interrupted: without a new piece for a quarter of an hour.

    Lived time is counted in hours, so it may be two hours.
    """
    since = lived_time.older_than(timedelta(seconds=ABANDONED_S)).timestamp()
    for folder in folders.own().glob(f"{_PREFIX}*"):
        with suppress(FileNotFoundError):  # It may be finished or cancelled just now.
            if folder.stat().st_mtime < since:
                shutil.rmtree(folder, ignore_errors=True)


def _folder(upload_id: uuid.UUID) -> Path:
    return folders.own() / f"{_PREFIX}{upload_id}"


def _upload(upload_id: uuid.UUID) -> tuple[Path, dict[str, int]]:
    """Return the folder of an upload, and the sizes of its files; raise `UnknownUpload`."""
    folder = _folder(upload_id)
    try:
        return folder, json.loads((folder / _PLAN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise UnknownUpload from None
