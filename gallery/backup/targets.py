"""Where backups are kept: a folder. `s3_target` offers the same over a bucket.

Paths are relative to the target and use `/`. Whatever is written appears as a whole or not at all.
"""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from gallery import files
from gallery.paths import shown

_UNFINISHED = "unfinished"
_ABANDONED_SECONDS = 24 * 60 * 60


@dataclass(frozen=True, order=True)
class Stored:
    """One file of a target: its name in its folder, bytes, and seconds since 1970."""

    name: str
    size: int
    modified: float


class Target(Protocol):
    """What a backup asks of the place that keeps it. All methods raise `OSError` on faults."""

    name: str
    """What people call it; two spellings of one place have one name."""

    def is_empty(self) -> bool:
        """Tell whether nothing is there, or not even the place itself."""

    def size(self, path: str) -> int | None:
        """Return the bytes of a file, or None if there is none."""

    def open(self, path: str) -> IO[bytes]:
        """Open a file to read it; raise FileNotFoundError if there is none."""

    def create(self, path: str, *, private: bool = False) -> AbstractContextManager[IO[bytes]]:
        """Return a file to write, which appears under its path when the block ends well."""

    def files(self, folder: str) -> list[Stored]:
        """Return the files of a folder in the order of their names."""

    def folders(self, folder: str) -> list[str]:
        """Return the names of the folders in a folder, in order."""

    def remove(self, path: str) -> None:
        """Remove a file if it is there, and the folders that it leaves empty."""

    def free_bytes(self) -> int | None:
        """Return how much more can be written, or None if nobody knows."""

    def settle(self) -> None:
        """Wait until the names of all files written so far are on the disk."""

    def clear(self) -> None:
        """Remove what runs that were killed a day ago or longer left unfinished."""


class FolderTarget:
    """A folder of this machine, on any disk that is mounted."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.name = shown(self.root)
        self._touched: set[Path] = set()

    def is_empty(self) -> bool:
        try:
            # A new file system has this folder.
            return all(path.name == "lost+found" for path in self.root.iterdir())
        except FileNotFoundError:
            return True

    def size(self, path: str) -> int | None:
        try:
            return (self.root / path).stat().st_size
        except FileNotFoundError:
            return None

    def open(self, path: str) -> IO[bytes]:
        return (self.root / path).open("rb")

    @contextmanager
    def create(self, path: str, *, private: bool = False) -> Iterator[IO[bytes]]:
        final = self.root / path
        part = self.root / _UNFINISHED / uuid.uuid4().hex
        for folder in (part.parent, final.parent):
            self._make(folder)
        descriptor = os.open(
            part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600 if private else 0o666
        )
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            part.replace(final)
        finally:
            part.unlink(missing_ok=True)
        self._touched.add(final.parent)

    def _make(self, folder: Path) -> None:
        """Make a folder, and remember that the name of each new one is not on the disk yet."""
        while not folder.is_dir():
            with suppress(FileNotFoundError, FileExistsError):
                folder.mkdir()
                self._touched.add(folder.parent)
                return self._make(folder)
            self._make(folder.parent)
        return None

    def files(self, folder: str) -> list[Stored]:
        return sorted(
            Stored(path.name, path.stat().st_size, path.stat().st_mtime)
            for path in self._entries(folder)
            if path.is_file()
        )

    def folders(self, folder: str) -> list[str]:
        return sorted(path.name for path in self._entries(folder) if path.is_dir())

    def _entries(self, folder: str) -> Iterator[Path]:
        with suppress(FileNotFoundError):
            yield from (self.root / folder).iterdir()

    def remove(self, path: str) -> None:
        gone = self.root / path
        gone.unlink(missing_ok=True)
        with suppress(OSError):  # Others are still in one of the folders.
            for folder in gone.parents:
                if folder == self.root:
                    break
                folder.rmdir()

    def free_bytes(self) -> int | None:
        place = self.root
        while not place.exists():
            place = place.parent
        return shutil.disk_usage(place).free

    def settle(self) -> None:
        for folder in self._touched:
            with suppress(FileNotFoundError):
                files.sync(folder)
        self._touched.clear()

    def clear(self) -> None:
        for stored in self.files(_UNFINISHED):
            if time.time() - stored.modified > _ABANDONED_SECONDS:
                (self.root / _UNFINISHED / stored.name).unlink(missing_ok=True)


def open_target(text: str) -> Target:
    """Return the target that a person named: a folder, or `s3://bucket/prefix`."""
    if text.startswith("s3://"):
        from gallery.backup.s3_target import BucketTarget

        return BucketTarget(text)
    return FolderTarget(Path(text).expanduser())
