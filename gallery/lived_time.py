"""The age of things, by how long the gallery has run: a clock that jumps makes nothing older.

Whatever is deleted by its age asks here. Each process adds the time that passed on its monotonic
clock, which nobody can set. Time in which nothing of the gallery ran does not count, so things
may be kept longer than they have to, but never shorter.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic

from django.db.models import Min
from django.utils import timezone

from gallery.models import LivedHour, LivedTime
from gallery.models.lived_time import ONLY

LONGEST_STEP = timedelta(hours=1)
"""The most that one process may add at once: one that was stopped for long has not seen the time.

Since several processes add, a moment is known to within one such step.
"""
_HOUR = 3600
_HOURS_KEPT = 24 * 45
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class _Reading:
    """What this process read last: its monotonic clock, and the lived time of the gallery."""

    at: float | None = None
    lived: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


_last = _Reading()


def tick() -> int:
    """Add the time since the last call of this process; return the lived time in seconds.

    Of several processes, the one that has seen most counts.
    """
    with _last.lock:
        total = float(LivedTime.objects.get_or_create(pk=ONLY)[0].seconds)
        now = monotonic()
        if _last.at is not None:
            passed = min(now - _last.at, LONGEST_STEP.total_seconds())
            total = max(total, _last.lived + passed)
        # What is less than a second stays in the reading, so that short steps add up as well.
        _last.at, _last.lived = now, total
    LivedTime.objects.filter(pk=ONLY, seconds__lt=int(total)).update(seconds=int(total))
    _note_clock(int(total))
    return int(total)


def total() -> int:
    """Return the lived time in seconds as it was last noted; to show it, as it may be late."""
    row = LivedTime.objects.filter(pk=ONLY).first()
    return row.seconds if row else 0


def forget() -> None:
    """Forget what this process read, as a new process does."""
    _last.at, _last.lived = None, 0.0


def _note_clock(total: int) -> None:
    """Note what the clock shows, if it is the earliest in this hour of lived time."""
    hour, now = total // _HOUR, timezone.now()
    _row, is_new = LivedHour.objects.get_or_create(hour=hour, defaults={"earliest": now})
    if is_new:
        LivedHour.objects.filter(hour__lt=hour - _HOURS_KEPT).delete()
    else:
        LivedHour.objects.filter(hour=hour, earliest__gt=now).update(earliest=now)


def before(now: int, age: timedelta) -> int:
    """Return up to which lived time something was stamped that is surely `age` old, in seconds.

    It is negative if the gallery has not run for so long.
    """
    return now - int((age + LONGEST_STEP).total_seconds())


def older_than(age: timedelta) -> datetime:
    """Return a time of the clock; whatever was marked with an earlier one is older than `age`.

    That is the earliest which the clock showed within this age. It is long ago while the gallery
    has not run for so long. For ages of up to 45 days.
    """
    since = before(tick(), age) // _HOUR
    seen = LivedHour.objects.filter(hour__gte=since)
    if since < 0 or not LivedHour.objects.filter(hour__lte=since).exists():
        return _NEVER
    earliest: datetime = seen.aggregate(at=Min("earliest"))["at"] or _NEVER
    return min(earliest, timezone.now() - age)
