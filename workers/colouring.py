"""Naming the colours of photos that were decoded before there were names, from thumbnails.

Whatever is decoded anew gets its colours then, so one walk over the photos ends this for good.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError
from uuid import UUID

from django.db import transaction

from gallery import colours, request_priority
from gallery.decoding import PoolBusy, PoolClosed
from gallery.models import Embedding, Photo, PhotoQuerySet
from workers import look_ahead, watchdog

logger = logging.getLogger(__name__)

BATCH = 64
"""Photos named in one transaction: about a second's work, which is lost when interrupted."""

AHEAD = 8
"""Thumbnails that are being read at a time."""

RETRY_AFTER_SECONDS = 10.0

Stop = Callable[[], bool]

_naming = threading.Lock()
_finished = False
_after: UUID | None = None
_not_before = 0.0


def fill_due(stop: Stop) -> int:
    """Name the colours of photos that lack them until `stop` says so; return of how many.

    One thread of a process does this at a time; another one returns at once.
    """
    global _after
    total = 0
    if _finished or is_paused() or not _naming.acquire(blocking=False):
        return 0
    try:
        while not stop() and (some := _next()):
            with watchdog.working():
                total += _save(_named(some))
                watchdog.progress()
            _after = some[-1]
    except (PoolBusy, PoolClosed, CancelledError) as error:
        logger.warning("Naming colours goes on later: %s", error)
        _pause()
    finally:
        _naming.release()
    return total


def is_due() -> bool:
    """Tell whether photos may lack the names of their colours, and nobody here is at it."""
    return not _finished and not is_paused() and not _naming.locked() and bool(_next())


def is_paused() -> bool:
    """Tell whether thumbnails could not be read a moment ago."""
    return time.monotonic() < _not_before


def begin_again() -> None:
    """Look through all photos again."""
    global _finished, _after, _not_before
    _finished, _after, _not_before = False, None, 0.0


def _next() -> list[UUID]:
    """Return the next photos without colours; once there are none, nobody asks any more."""
    global _finished
    rows = _lacking().order_by("pk")
    rows = rows if _after is None else rows.filter(pk__gt=_after)
    found = list(rows.values_list("pk", flat=True)[:BATCH])
    _finished = not found
    return found


def _lacking() -> PhotoQuerySet:
    return Photo.objects.not_deleted().filter(colours="").exclude(decoded_at=None)


def _named(photo_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the column of each photo; a thumbnail that cannot be read has no colours."""
    waiting = list(photo_ids)
    found: dict[UUID, str] = {}
    while waiting:
        some, waiting = waiting[:AHEAD], waiting[AHEAD:]
        coming = [(pk, look_ahead.shared().start_rendition(pk)) for pk in some]
        for pk, rendition in coming:
            pixels = rendition.result()
            names = [] if pixels is None else colours.main_colours(pixels)
            found[pk] = colours.column(names)
        request_priority.yield_to_requests()
    return found


def _save(named: Mapping[UUID, str]) -> int:
    """Keep the names, and have the index told; return of how many photos."""
    with transaction.atomic():
        rows = list(_lacking().filter(pk__in=list(named)).order_by("pk").only("pk"))
        for row in rows:
            row.colours = named[row.pk]
        Photo.objects.bulk_update(rows, ["colours"])
        Embedding.objects.project_again([row.pk for row in rows])
    return len(rows)


def _pause() -> None:
    global _not_before
    _not_before = time.monotonic() + RETRY_AFTER_SECONDS
