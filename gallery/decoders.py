"""The decoder children that serve requests, shared by all threads of this process."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Hashable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings

from gallery.decoding import DecoderPool
from gallery.decoding.frames import Header
from gallery.decoding.reader import QUICK_JOBS, Reader
from gallery.failed_reads import FailedReads
from gallery.turns import Turns

T = TypeVar("T")

NICE = 5
"""Pictures are read with less priority than pages, and with more than what waits for nobody."""

_lock = threading.Lock()
_web: _Web | None = None


class _Web:
    """The children, and what they could not read a moment ago."""

    def __init__(self) -> None:
        # `Turns` has one more child, for what is quick and for whoever has none at work.
        size, most = settings.DECODER_CHILDREN, settings.MAX_PIXELS
        self.pool = DecoderPool(size, turns=Turns, max_pixels=most, nice=NICE)
        self.failed = FailedReads()


class Decoders(Reader):
    """The children of this process as one person may use them: in turn with all others.

    `asker` tells people apart; `owner` is whose file it is, who need not be the same. What could
    not be read a moment ago is not read again.
    """

    def __init__(self, web: _Web, asker: Hashable) -> None:
        self._web, self._asker = web, asker

    def read(
        self,
        kind: str,
        path: Path | str,
        owner: Hashable,
        convert: Callable[[Header, list[bytes]], T],
        *details: Any,
    ) -> T:
        """Have a child do a job when it is the turn of this person; see `Reader`."""
        known = self._web.failed.remembered(kind, Path(path))
        with nullcontext() if kind in QUICK_JOBS else known:
            return self._web.pool.read(kind, path, owner, convert, *details, asker=self._asker)

    def layers(self) -> tuple[str, ...]:
        """Return those of `answers.LAYERS` that hold around the children of this machine."""
        return self._web.pool.layers()


def web_decoders(asker: Hashable) -> Decoders:
    """Return the decoders of this process for one person, by id; the first call starts them."""
    global _web
    with _lock:
        if _web is None:
            _web = _Web()
            atexit.register(close)
        return Decoders(_web, asker)


def close() -> None:
    """Stop the children; the next `web_decoders` starts new ones."""
    global _web
    with _lock:
        web, _web = _web, None
    if web is not None:
        web.pool.close()
