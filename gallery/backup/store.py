"""Puts the files of a gallery into the store of a target, each content once."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import IO

from gallery.backup.file_list import Entry, Outcome, address
from gallery.backup.parts import sha256_of
from gallery.backup.targets import Target
from gallery.models import Companion, ExternalFile, Photo
from gallery.paths import to_text

_PIECE = 1 << 20


class _OtherContent(Exception):
    """What was read is not what was expected."""

    def __init__(self, sha256: str) -> None:
        super().__init__(sha256)
        self.sha256 = sha256


class _Unreadable(Exception):
    """The disk of the gallery does not give a file back."""


class Store:
    """The contents that a target keeps.

    Files are asked for in the order of their checksums, so each folder is listed once: a bucket
    answers one question for a thousand files.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._folder = ""
        self._sizes: dict[str, int] = {}

    def has(self, entry: Entry, *, reread: bool = False) -> bool:
        """Tell whether the content is there; with `reread`, also whether it is still whole."""
        path = address(entry.sha256)
        folder = path.rpartition("/")[0]
        if folder != self._folder:
            self._sizes = {stored.name: stored.size for stored in self._target.files(folder)}
            self._folder = folder
        if self._sizes.get(entry.sha256) != entry.size:
            return False
        if not reread:
            return True
        with self._target.open(path) as file:
            return sha256_of(file) == entry.sha256

    def keep(self, entry: Entry, *, reread: bool = False) -> Entry:
        """Put the content of a file into the store unless it is there; return what became of it.

        A file that is not what the database says is kept as it is found, so that the store never
        has a content under the checksum of another. Raises `OSError` if the target cannot be
        written.
        """
        if self.has(entry, reread=reread):
            return replace(entry, outcome=Outcome.KEPT)
        try:
            source = entry.source.open("rb")
        except FileNotFoundError:
            return _given_up(entry, Outcome.MISSING)
        except OSError:
            return _given_up(entry, Outcome.UNREADABLE)
        with source:
            try:
                _copy(source, self._target, entry.sha256)
            except _OtherContent as other:
                return _keep_other(self._target, source, entry, other.sha256)
            except _Unreadable:
                return _given_up(entry, Outcome.UNREADABLE)
        self._sizes[entry.sha256] = entry.size
        return replace(entry, outcome=Outcome.KEPT)


def _keep_other(target: Target, source: IO[bytes], entry: Entry, sha256: str) -> Entry:
    """Keep what was found in the place of a file, unless somebody is writing there.

    In an external folder it is something new, which the next scan takes in.
    """
    if _is_deleted(entry):
        return replace(entry, outcome=Outcome.DELETED)
    if entry.external:
        return replace(entry, outcome=Outcome.CHANGED)
    source.seek(0)
    try:
        _copy(source, target, sha256)
    except (_OtherContent, _Unreadable):
        return replace(entry, outcome=Outcome.UNREADABLE)
    return replace(entry, outcome=Outcome.CHANGED, found=sha256)


def _given_up(entry: Entry, fault: Outcome) -> Entry:
    return replace(entry, outcome=Outcome.DELETED if _is_deleted(entry) else fault)


def _copy(source: IO[bytes], target: Target, sha256: str) -> None:
    """Copy a file into the store; raise `_OtherContent` and keep nothing if it has other bytes."""
    digest = hashlib.sha256()
    with target.create(address(sha256)) as out:
        while piece := _read(source):
            digest.update(piece)
            out.write(piece)
        if digest.hexdigest() != sha256:
            raise _OtherContent(digest.hexdigest())


def _read(source: IO[bytes]) -> bytes:
    """Read a piece; a fault of this disk is told from one of the target."""
    try:
        return source.read(_PIECE)
    except OSError as error:
        raise _Unreadable from error


def _is_deleted(entry: Entry) -> bool:
    """Tell whether the gallery has given the file up since the list was made.

    The record is asked only after the file was not found: it goes before the file does.
    """
    if entry.external:
        rows = ExternalFile.objects.present().filter(sha256=entry.sha256)
        return not any(to_text(row.full_path) == entry.path for row in rows)
    photo = Photo.objects.not_deleted().filter(pk=entry.photo)
    if entry.path.startswith("companions/"):
        kept = Companion.objects.filter(pk=entry.source.stem, photo__in=photo)
        return not kept.exists()
    return not photo.filter(sha256=entry.sha256, external=False).exists()


def fetch(target: Target, sha256: str, place: Path) -> None:
    """Copy a content from the store to a place of this machine, synced and checked.

    Raises FileNotFoundError if the store lacks it, and ValueError if it is damaged.
    """
    digest = hashlib.sha256()
    with target.open(address(sha256)) as source, place.open("wb") as out:
        while piece := source.read(_PIECE):
            digest.update(piece)
            out.write(piece)
    if digest.hexdigest() != sha256:
        raise ValueError(f"{address(sha256)} in {target.name} is damaged.")
