"""The folder of an embedded index: its lock, its stamp, its free space, and setting it aside."""

from __future__ import annotations

import fcntl
import json
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from search.vectors.index.base import IndexFull, IndexLocked

MIB = 1024 * 1024

OTHER_PROCESS = "Another Scry process has this data folder open."


class IndexFolder:
    """The folder at `path`; what lies beside it carries its name and a suffix."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock_file: IO[str] | None = None

    def lock(self) -> None:
        """Keep other processes out until `unlock`. Raises `IndexLocked`.

        The engine has a lock too, but lets go of it while a shard is dropped or set aside.
        """
        if self._lock_file is not None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock_file = self._beside("lock").open("a", encoding="utf-8")
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock_file.close()
            raise IndexLocked(OTHER_PROCESS) from error
        self._lock_file = lock_file

    def unlock(self) -> None:
        """Let other processes in; does nothing when the lock is not held."""
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None

    def has_stamp(self, stamp: Mapping[str, str | int]) -> bool:
        """Say whether the folder was finished by the same engine for the same model."""
        try:
            return bool(json.loads(self._stamp_file.read_bytes()) == stamp)
        except (OSError, ValueError):
            return False

    def write_stamp(self, stamp: Mapping[str, str | int]) -> None:
        """Mark the folder as finished. A folder without its stamp is never trusted."""
        self._stamp_file.write_text(json.dumps(stamp), encoding="utf-8")

    def distrust(self) -> None:
        """Take the stamp away, so that the next opening sets the folder aside."""
        self._stamp_file.unlink(missing_ok=True)

    def set_aside(self) -> None:
        """Move the folder out of the way; only the newest one set aside is kept."""
        if not self.path.exists():
            return
        for older in self.path.parent.glob(f"{self.path.name}.bad-*"):
            shutil.rmtree(older, ignore_errors=True)
        self.path.rename(self._beside(f"bad-{time.strftime('%Y%m%dT%H%M%S')}"))

    def remove(self) -> None:
        """Delete the folder with all that lies in it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def require_space(self, wanted: int) -> None:
        """Raise `IndexFull` unless `wanted` bytes are free: a full disk kills the process."""
        existing = next(part for part in (self.path, *self.path.parents) if part.exists())
        free = shutil.disk_usage(existing).free
        if free < wanted:
            raise IndexFull(
                f"Only {free // MIB} MB are free on the disk of the index; "
                f"it needs {wanted // MIB} MB to write safely."
            )

    def bytes_on_disk(self) -> int:
        """Return allocated bytes; the engine's files are sparse, so their sizes say little."""
        total = 0
        for path in self.path.rglob("*"):
            with suppress(FileNotFoundError):
                total += path.stat().st_blocks * 512
        return total

    @property
    def _stamp_file(self) -> Path:
        return self.path / "STAMP"

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{suffix}")
