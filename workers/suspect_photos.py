"""Looks for sensitive pictures: by texts in all vectors at once, by the network one by one.

Both are resumed where they were interrupted: what was looked at has rows. Only people decide what
is done with a photo that is suspected.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError

from gallery import request_priority
from gallery.logs.log_context import about_photo
from gallery.models import EmbeddingModel, Photo, WorkKind
from gallery.models.owners_in_turn import in_turn
from search.understanding.sensitive import nudity, suspicions
from workers import activity, heartbeat, look_ahead

AHEAD = 8
"""Renditions read ahead while others are looked at."""


def is_wanted(model: EmbeddingModel) -> bool:
    """Tell whether there are photos to look at."""
    return bool(suspicions.due(model)) or _lacking()


def _lacking() -> bool:
    return nudity.is_installed() and nudity.unmeasured().exists()


def look(model: EmbeddingModel, *, stop: Callable[[], bool] = lambda: False) -> int:
    """Look at the photos that need it, the newest of each owner first; return how many.

    Libraries that were looked at by texts count, too.

    Asks `stop` after each. Raises `ModelUnavailable`, `PoolBusy`, `PoolClosed` and OSError.
    """
    done = 0
    for user in suspicions.due(model):
        with heartbeat.working():
            done += suspicions.scan(user, model)
            heartbeat.progress()
        if stop():
            return done
    return done + (_look_at_pixels(stop) if nudity.is_installed() else 0)


def _look_at_pixels(stop: Callable[[], bool]) -> int:
    total = 0
    while not stop():
        batch = in_turn(nudity.unmeasured(), AHEAD, "-created_at", "-pk")
        if not batch:
            break
        with heartbeat.working():
            total += _measure(batch, stop)
            heartbeat.progress()
    return total


def _measure(photos: list[Photo], stop: Callable[[], bool]) -> int:
    pictures = [look_ahead.shared().start_rendition(photo.pk) for photo in photos]
    done = 0
    for photo, picture in zip(photos, pictures, strict=True):
        if stop():
            picture.cancel()
            continue
        try:
            pixels = picture.result()
        except CancelledError:
            continue
        request_priority.yield_to_requests()
        with about_photo(photo.pk):
            nudity.remember(photo, pixels)
        done += 1
    activity.count(WorkKind.SENSITIVE, done)
    return done
