"""When a photo was taken: the wall clock, how far it was ahead of UTC, and the instant of both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from gallery.models import Photo


@dataclass(frozen=True)
class TakenTime:
    """A local time without a zone, the minutes that it was ahead of UTC, and where both come from.

    `wall` is naive. `date_source` and `offset_source` are values of `Photo.DateSource` and
    `Photo.OffsetSource`.
    """

    wall: datetime
    utc_offset: int
    date_source: str
    offset_source: str

    @property
    def instant(self) -> datetime:
        """The aware time in UTC. Raises OverflowError at the ends of the calendar."""
        return self.wall.replace(tzinfo=UTC) - timedelta(minutes=self.utc_offset)

    def columns(self) -> dict[str, Any]:
        """Return the values by the names of the columns of `Photo` that hold them."""
        return {
            "wall_at": self.wall.replace(tzinfo=UTC),
            "utc_offset": self.utc_offset,
            "taken_at": self.instant,
            "shown_at": self.instant,
            "date_source": self.date_source,
            "offset_source": self.offset_source,
        }


def unknown_time(uploaded: datetime, zone: tzinfo) -> dict[str, Any]:
    """Return the columns of a photo whose date is unknown: it shows when it was uploaded.

    `uploaded` is aware; the wall clock is that of `zone`, the gallery's.
    """
    return {
        "wall_at": uploaded.astimezone(zone).replace(tzinfo=UTC),
        "utc_offset": None,
        "taken_at": None,
        "shown_at": uploaded,
        "date_source": Photo.DateSource.UNKNOWN,
        "offset_source": Photo.OffsetSource.UNKNOWN,
    }


def offset_of(wall: datetime, zone: tzinfo) -> int:
    """Return how many minutes the naive local time is ahead of UTC in a time zone."""
    offset = wall.replace(tzinfo=zone).utcoffset() or timedelta()
    return round(offset / timedelta(minutes=1))
