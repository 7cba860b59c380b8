"""Which pictures could not be read a moment ago, so that no request tries that again and again.

A large file that broke off takes seconds to fail. It is remembered in the memory of the process,
until somebody writes to the file, and only for a while where another try may help.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gallery.decoding import DecodeError
from gallery.reasons import LASTING, Reason

KEPT = 10_000
"""Files at most, about 3 MB; the one that failed first is forgotten first."""
TRY_AGAIN_SECONDS = 600.0
"""A machine that was short of time or memory gets another try."""

_Signature = tuple[int, ...]


@dataclass(frozen=True)
class _Failure:
    signature: _Signature
    reason: str
    detail: str
    until: float


class FailedReads:
    """Failures by what was asked of which file; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: OrderedDict[tuple[str, str], _Failure] = OrderedDict()

    @contextmanager
    def remembered(self, kind: str, path: Path) -> Iterator[None]:
        """Read `path` inside; a failure is remembered, and raised at once the next time.

        Raises the DecodeError of then.
        """
        key, seen = (kind, str(path)), _signature(path)
        known = self._failures.get(key)
        if known is not None and known.signature == seen and time.monotonic() < known.until:
            raise DecodeError(known.reason, known.detail)
        try:
            yield
        except DecodeError as error:
            if seen and error.reason != Reason.MISSING_ORIGINAL:
                self._note(key, seen, error)
            raise

    def _note(self, key: tuple[str, str], seen: _Signature, error: DecodeError) -> None:
        lasts = error.reason in LASTING
        until = float("inf") if lasts else time.monotonic() + TRY_AGAIN_SECONDS
        with self._lock:
            self._failures.pop(key, None)
            self._failures[key] = _Failure(seen, error.reason, error.detail, until)
            if len(self._failures) > KEPT:
                self._failures.popitem(last=False)


def _signature(path: Path) -> _Signature:
    """Return what tells a file from others at its path, () without one."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns
