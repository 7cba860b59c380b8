"""Compares photos to find duplicates: new ones after indexing, all of them on request.

`Embedding.compared_at` is empty for photos that still wait, so comparing resumes where it was
interrupted. The newest come first: an upload does not wait for a search through the whole gallery.
"""

from __future__ import annotations

import logging
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
from search.vectors.index import IndexUnavailable
from workers import heartbeat, look_ahead
from workers.failpoints import failpoint

logger = logging.getLogger(__name__)

BATCH = 128
"""Photos compared at a time: less than a second of work, which an interruption loses."""

RENDITIONS_KEPT = 32
"""Decoded renditions in memory while a batch is judged; at most 0.8 MB each."""

AHEAD = 8
"""Renditions read ahead while others are judged."""

Pixels = NDArray[np.uint8]


def compare_due(model: EmbeddingModel, *, stop: Callable[[], bool] = lambda: False) -> int:
    """Compare the photos that wait, the newest first; return how many were compared.

    Asks `stop` after each batch. Raises `IndexUnavailable`, `PoolBusy` and `PoolClosed`.
    """
    total = 0
    renditions = _Renditions()
    while rows := _next_rows(model):
        with heartbeat.working():
            _compare(model, rows, renditions)
            heartbeat.progress()
        total += len(rows)
        if stop():
            break
    compare.finish(model)
    return total


def _next_rows(model: EmbeddingModel) -> list[Embedding]:
    rows = Embedding.objects.to_compare(model).select_related("photo")
    return list(rows.order_by("-pk")[:BATCH])


def _compare(model: EmbeddingModel, rows: Sequence[Embedding], renditions: _Renditions) -> None:
    """Compare the photos of `rows`; if that fails, leave out the photo that causes it."""
    try:
        failpoint("comparing")
        compare.compare(model, rows, renditions, expect=renditions.expect)
        failpoint("compared")
    except (DatabaseError, IndexUnavailable, PoolBusy, PoolClosed, CancelledError):
        raise
    except Exception:
        if len(rows) > 1:
            half = len(rows) // 2
            _compare(model, rows[:half], renditions)
            _compare(model, rows[half:], renditions)
        else:
            logger.exception("Photo %s cannot be compared; it is left out.", rows[0].photo_id)
            compare.mark_compared(rows)


class _Renditions:
    """Reads renditions ahead and keeps the last few, since a photo is in several pairs."""

    def __init__(self) -> None:
        self._kept: OrderedDict[UUID, Pixels | None] = OrderedDict()
        self._wanted: deque[UUID] = deque()
        self._coming: OrderedDict[UUID, Future[Pixels | None]] = OrderedDict()

    def expect(self, photo_ids: Sequence[UUID]) -> None:
        """Start to read the renditions that will probably be needed, in this order."""
        self._wanted = deque(dict.fromkeys(photo_ids))
        self._coming.clear()
        self._read_ahead()

    def __call__(self, photo_id: UUID) -> Pixels | None:
        """Return pixels, uint8 (height, width, 3), at most 512 px a side; None if unreadable."""
        if photo_id not in self._kept:
            self._kept[photo_id] = self._read(photo_id)
            if len(self._kept) > RENDITIONS_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(photo_id)
        self._read_ahead()
        heartbeat.progress()
        request_priority.yield_to_requests()
        return self._kept[photo_id]

    def _read(self, photo_id: UUID) -> Pixels | None:
        if photo_id not in self._coming:
            return look_ahead.shared().rendition(photo_id)
        # Renditions that were expected before this one turned out not to be needed.
        while True:
            expected, rendition = self._coming.popitem(last=False)
            if expected == photo_id:
                return rendition.result()

    def _read_ahead(self) -> None:
        while self._wanted and len(self._coming) < AHEAD:
            photo_id = self._wanted.popleft()
            if photo_id not in self._kept:
                self._coming[photo_id] = look_ahead.shared().start_rendition(photo_id)
