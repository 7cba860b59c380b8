"""Comparing photos for duplicates: what was indexed just now, and everything when asked.

`Embedding.compared_at` says what is left, so that comparing goes on wherever it was interrupted.
The newest photos come first: an upload does not wait for a search through the whole gallery.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from uuid import UUID

import numpy as np
from django.db import DatabaseError
from numpy.typing import NDArray

from gallery import request_priority
from gallery.decoding import PoolBusy, PoolClosed
from gallery.models import Embedding, EmbeddingModel
from search.duplicates.find import compare
from search.duplicates.find.prefilter import save_fingerprints
from search.vectors.index import IndexUnavailable
from workers import heartbeat, look_ahead, watchdog
from workers.failpoints import failpoint

logger = logging.getLogger(__name__)

BATCH = 128
"""Photos compared at a time: less than a second's work, which is lost when it is interrupted."""

RETRY_AFTER_SECONDS = 10.0

RENDITIONS_KEPT = 32
"""Decoded renditions held while a batch is judged; at most 0.8 MB each."""

AHEAD = 8
"""Renditions that are being read while others are judged."""

Stop = Callable[[], bool]
Pixels = NDArray[np.uint8]

_comparing = threading.Lock()
_again = threading.Event()
_not_before = 0.0


def compare_due(
    model: EmbeddingModel, *, stop: Stop | None = None, limit: int | None = None
) -> int:
    """Compare what waits for it, the newest first, and return how many photos were compared.

    Ends when `stop` says so after a batch, or when about `limit` photos were compared. One thread
    of a process compares at a time; a call while another one does makes that one look once more.
    """
    _again.set()
    total = 0
    while _again.is_set() and not is_paused() and _comparing.acquire(blocking=False):
        try:
            _again.clear()
            total += _compare_due(model, stop or _never, limit)
        finally:
            _comparing.release()
    return total


def is_comparing_due() -> bool:
    """Tell whether photos wait to be compared and nobody in this process is at it."""
    model = EmbeddingModel.objects.active()
    return (
        model is not None
        and not _comparing.locked()
        and not is_paused()
        and Embedding.objects.to_compare(model).exists()
    )


def is_paused() -> bool:
    """Tell whether comparing was impossible a moment ago, so that trying again is too soon."""
    return time.monotonic() < _not_before


def resume() -> None:
    """Forget that comparing was impossible."""
    global _not_before
    _not_before = 0.0


def wait_until_idle(timeout: float) -> bool:
    """Wait until no thread compares; return False when `timeout` seconds were not enough."""
    acquired = _comparing.acquire(timeout=timeout)
    if acquired:
        _comparing.release()
    return acquired


def _never() -> bool:
    return False


def _compare_due(model: EmbeddingModel, stop: Stop, limit: int | None) -> int:
    total = 0
    detail = _Renditions()
    try:
        if limit is None:
            _make_fingerprints(model, stop)
        while not is_paused() and (limit is None or total < limit):
            rows = _next_rows(model)
            if not rows:
                compare.finish(model)
                break
            with watchdog.working():
                total += _compare(model, rows, detail)
                watchdog.progress()
            if stop():
                break
    except (PoolBusy, PoolClosed, CancelledError) as error:
        logger.warning("Comparing goes on later: %s", error)
        _pause()
    return total


def _next_rows(model: EmbeddingModel) -> list[Embedding]:
    rows = Embedding.objects.to_compare(model).select_related("photo")
    return list(rows.order_by("-pk")[:BATCH])


def _compare(model: EmbeddingModel, rows: Sequence[Embedding], detail: _Renditions) -> int:
    """Compare the photos of `rows`; where that fails, find the one that it fails for."""
    try:
        failpoint("comparing")
        compare.compare(model, rows, detail, expect=detail.expect)
        failpoint("compared")
    except IndexUnavailable as error:
        heartbeat.tell("comparing", f"Photos wait to be compared. {error}")
        _pause()
        return 0
    except (DatabaseError, PoolBusy, PoolClosed, CancelledError):
        raise
    except Exception:
        if len(rows) > 1:
            half = len(rows) // 2
            return _compare(model, rows[:half], detail) + _compare(model, rows[half:], detail)
        logger.exception("Photo %s cannot be compared; it is left out.", rows[0].photo_id)
        compare.mark_compared(rows)
    heartbeat.tell("comparing", "")
    return len(rows)


def _pause() -> None:
    global _not_before
    _not_before = time.monotonic() + RETRY_AFTER_SECONDS


def _make_fingerprints(model: EmbeddingModel, stop: Stop) -> None:
    """Make the fingerprints that photos of before lack, by many children at once.

    Comparing would make them too, but one by one, and first of all those of all neighbours.
    """
    below = None
    while rows := compare.without_fingerprint(model, below=below, limit=BATCH):
        with watchdog.working():
            ids = [row.photo_id for row in rows]
            save_fingerprints(look_ahead.shared().fingerprints(ids))
            watchdog.progress()
        if stop():
            break
        below = rows[-1].pk


class _Renditions:
    """Reads the renditions of photos, some ahead, and keeps a few: a photo is in several pairs."""

    def __init__(self) -> None:
        self._kept: OrderedDict[UUID, Pixels | None] = OrderedDict()
        self._wanted: deque[UUID] = deque()
        self._coming: OrderedDict[UUID, Future[Pixels | None]] = OrderedDict()

    def expect(self, photo_ids: Sequence[UUID]) -> None:
        """Begin to read what will probably be asked for, in this order."""
        self._wanted = deque(dict.fromkeys(photo_ids))
        self._coming.clear()
        self._read_ahead()

    def __call__(self, photo_id: UUID) -> Pixels | None:
        """Return the pixels of at most 512 px, uint8 (height, width, 3), or None without any."""
        if photo_id not in self._kept:
            self._kept[photo_id] = self._arrived(photo_id)
            if len(self._kept) > RENDITIONS_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(photo_id)
        self._read_ahead()
        watchdog.progress()
        request_priority.yield_to_requests()
        return self._kept[photo_id]

    def _arrived(self, photo_id: UUID) -> Pixels | None:
        if photo_id not in self._coming:
            return look_ahead.shared().rendition(photo_id)
        # What was expected before it was not asked for.
        while True:
            expected, rendition = self._coming.popitem(last=False)
            if expected == photo_id:
                return rendition.result()

    def _read_ahead(self) -> None:
        while self._wanted and len(self._coming) < AHEAD:
            photo_id = self._wanted.popleft()
            if photo_id not in self._kept:
                self._coming[photo_id] = look_ahead.shared().start_rendition(photo_id)
