"""What surrounds the embedded engine: the folder of an index, and the engine's errors.

A folder has a lock, a stamp and a need for free space. One that cannot be read is set aside.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from django.utils.translation import gettext as _

from search.vectors.index.base import IndexDamaged, IndexFull, IndexLocked, IndexUnavailable

MIB = 1024 * 1024


class IndexFolder:
    """The folder at `path`; files beside it have its name and a suffix."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock_file: IO[str] | None = None

    def lock(self) -> None:
        """Keep other processes out until `unlock`. Raises `IndexLocked`.

        The engine has a lock too, but releases it while a shard is dropped or set aside.
        """
        if self._lock_file is not None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock_file = self._beside("lock").open("a", encoding="utf-8")
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock_file.close()
            raise _locked() from error
        self._lock_file = lock_file

    def unlock(self) -> None:
        """Release the lock; does nothing if it is not held."""
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None

    def has_stamp(self, stamp: Mapping[str, str | int]) -> bool:
        """Return whether the same engine completed the folder for the same model."""
        try:
            return bool(json.loads(self._stamp_file.read_bytes()) == stamp)
        except (OSError, ValueError):
            return False

    def write_stamp(self, stamp: Mapping[str, str | int]) -> None:
        """Mark the folder as complete. A folder without its stamp is never trusted."""
        self._stamp_file.write_text(json.dumps(stamp), encoding="utf-8")

    def remove_stamp(self) -> None:
        """Make the next opening set the folder aside."""
        self._stamp_file.unlink(missing_ok=True)

    def set_aside(self) -> None:
        """Move the folder out of the way; only the newest such folder is kept."""
        if not self.path.exists():
            return
        for older in self.path.parent.glob(f"{self.path.name}.bad-*"):
            shutil.rmtree(older, ignore_errors=True)
        self.path.rename(self._beside(f"bad-{time.strftime('%Y%m%dT%H%M%S')}"))

    def remove(self) -> None:
        """Delete the folder and its content."""
        shutil.rmtree(self.path, ignore_errors=True)

    def require_space(self, wanted: int) -> None:
        """Raise `IndexFull` unless `wanted` bytes are free: a full disk kills the process."""
        existing = next(part for part in (self.path, *self.path.parents) if part.exists())
        free = shutil.disk_usage(existing).free
        if free < wanted:
            raise IndexFull(
                _(
                    "Only %(free)d MB are free on the disk of the index; it needs %(wanted)d MB to "
                    "write safely."
                )
                % {"free": free // MIB, "wanted": wanted // MIB}
            )

    def bytes_on_disk(self) -> int:
        """Return the allocated bytes; the engine's files are sparse, so their sizes say little."""
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


@contextmanager
def engine_errors() -> Iterator[None]:
    """Turn what the engine raises, a bare `Exception` or a Rust panic, into errors of the port."""
    try:
        yield
    except IndexUnavailable:
        raise
    except Exception as error:
        if "WouldBlock" in str(error):
            raise _locked() from error
        message = _("The embedded index failed: %(error)s") % {"error": error}
        raise IndexUnavailable(message) from error
    except BaseException as panic:
        if type(panic).__name__ != "PanicException":
            raise
        message = _("The embedded index is damaged (%(error)s); restart Scry to build it again.")
        raise IndexDamaged(message % {"error": panic}) from panic


def _locked() -> IndexLocked:
    return IndexLocked(_("Another Scry process has this data folder open."))
