"""When a photo was taken: the wall clock, how far it was ahead of UTC, and the instant of both."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings

from gallery import dated_names, facts, gazetteer
from gallery.models import Photo

FIRST_YEAR = 1826
"""The year of the oldest photograph that is known."""

TIME_COLUMNS = (
    "wall_at", "utc_offset", "taken_at", "shown_at", "date_source", "offset_source",
)  # fmt: skip
"""The columns of `Photo` that say when it was taken; they change together."""

_MINUTE = timedelta(minutes=1)
_QUARTER = 15
"""Minutes to which the difference between a camera and the satellites is rounded."""
_WEST, _EAST = -12 * 60, 14 * 60
"""Minutes of the time zones that are furthest from Greenwich."""
# Offsets in use since 1970 that are no whole hours, in minutes.
_ODD_OFFSETS = {-570, -210, -150, 210, 270, 330, 345, 390, 525, 570, 630, 765, 825}
_FROM_CAMERA = {"exif", "digitized", "modified"}


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

    def columns(self, name: str = "") -> dict[str, Any]:
        """Return the values by the names of the columns of `Photo` that hold them.

        Photos of one second whose fractions are unknown are in the order of the numbers in their
        file `name`. Raises OverflowError at the ends of the calendar.
        """
        number = 0 if self.wall.microsecond else dated_names.number_in(name)
        return {
            "wall_at": self.wall.replace(tzinfo=UTC),
            "utc_offset": self.utc_offset,
            "taken_at": self.instant,
            "shown_at": self.instant + timedelta(microseconds=number),
            "date_source": self.date_source,
            "offset_source": self.offset_source,
        }


def taken_columns(photo: Photo, modified: datetime | None = None) -> dict[str, Any]:
    """Return the columns that say when a new photo was taken, from its EXIF, place and name.

    `modified` (aware) is when its file was last changed, where somebody knows it.
    """
    zone = ZoneInfo(settings.TIME_ZONE)
    taken = taken_time(photo.exif, photo.name, modified=modified, zone=zone)
    with suppress(OverflowError):
        if taken is not None:
            return taken.columns(photo.name)
    return unknown_time(photo.created_at, zone)


def taken_time(
    exif: Mapping[str, Any], name: str, *, modified: datetime | None = None, zone: tzinfo
) -> TakenTime | None:
    """Return when a photo was taken, or None if nothing tells.

    The camera's clock comes first, then other descriptions in the file, the satellites' clock, the
    file name, and `modified`. `exif` has the values of `gallery.decoding.answers.EXIF_KEYS`; `zone`
    is the gallery's.
    """
    clock = clock_at(exif, zone)
    if (wall := _wall(exif)) is not None:
        is_camera = exif.get("taken_from", "exif") in _FROM_CAMERA
        source = Photo.DateSource.CAMERA if is_camera else Photo.DateSource.METADATA
        return _camera_time(exif, wall, clock, source)
    if (instant := _moment(exif, "gps_at")) is not None:
        return clock.local(instant.replace(tzinfo=UTC), Photo.DateSource.GPS)
    if (named := dated_names.time_in(name)) is not None:
        if named.in_utc:
            return clock.local(named.at.replace(tzinfo=UTC), Photo.DateSource.NAME)
        return clock.at(named.at, Photo.DateSource.NAME)
    if modified is not None and _is_plausible(modified):
        return clock.local(modified, Photo.DateSource.FILE)
    return None


@dataclass(frozen=True)
class Clock:
    """A clock that showed the time of a zone; `source` says who knows (`Photo.OffsetSource`)."""

    zone: tzinfo
    source: str

    def at(self, wall: datetime, date_source: str) -> TakenTime:
        """Return the naive local time that the clock showed."""
        return TakenTime(wall, offset_of(wall, self.zone), date_source, self.source)

    def local(self, instant: datetime, date_source: str) -> TakenTime | None:
        """Return the local time of an aware instant; None at the ends of the calendar."""
        with suppress(OverflowError, ValueError):
            local = instant.astimezone(self.zone)
            minutes = round((local.utcoffset() or timedelta()) / _MINUTE)
            wall = (instant.astimezone(UTC) + timedelta(minutes=minutes)).replace(tzinfo=None)
            return TakenTime(wall, minutes, date_source, self.source)
        return None


def clock_at(exif: Mapping[str, Any], zone: tzinfo) -> Clock:
    """Return the clock where nobody says its zone: that of the place, or `zone`, the gallery's."""
    if (found := _zone_of_place(exif)) is not None:
        return Clock(found, Photo.OffsetSource.PLACE)
    return Clock(zone, Photo.OffsetSource.ASSUMED)


def _zone_of_place(exif: Mapping[str, Any]) -> tzinfo | None:
    place = facts.place(exif)
    key = gazetteer.zone_at(*place) if place else None
    with suppress(ZoneInfoNotFoundError, ValueError):
        return ZoneInfo(key) if key else None
    return None


def _camera_time(
    exif: Mapping[str, Any], wall: datetime, clock: Clock, date_source: str
) -> TakenTime:
    """Return the camera's time with the best offset that is known."""
    written = offset_in(exif)
    if written is not None:
        return TakenTime(wall, written, date_source, Photo.OffsetSource.CAMERA)
    satellites = _moment(exif, "gps_at")
    if satellites is not None:
        difference = _QUARTER * round((wall - satellites) / (_QUARTER * _MINUTE))
        if _is_offset(difference):
            return TakenTime(wall, difference, date_source, Photo.OffsetSource.GPS)
    return clock.at(wall, date_source)


def _is_offset(minutes: int) -> bool:
    """Tell whether clocks somewhere are that far ahead of UTC."""
    return _WEST <= minutes <= _EAST and (minutes % 60 == 0 or minutes in _ODD_OFFSETS)


def offset_in(exif: Mapping[str, Any]) -> int | None:
    """Return the minutes east of UTC that a camera wrote as "+09:00", or None."""
    with suppress(KeyError, TypeError, ValueError, AttributeError):
        sign, (hours, minutes) = exif["offset"][0], exif["offset"][1:].split(":")
        offset = int(hours) * 60 + int(minutes)
        offset = -offset if sign == "-" else offset
        return offset if sign in "+-" and _WEST <= offset <= _EAST else None
    return None


def _wall(exif: Mapping[str, Any]) -> datetime | None:
    """Return the camera's local time with its fraction of a second, or None."""
    wall = _moment(exif, "taken_at")
    digits = str(exif.get("subsec", ""))
    if wall is not None and digits.isascii() and digits.isdigit():
        wall = wall.replace(microsecond=int(digits[:6].ljust(6, "0")))
    return wall


def _moment(exif: Mapping[str, Any], key: str) -> datetime | None:
    """Return a naive time of whole seconds, or None."""
    with suppress(KeyError, TypeError, ValueError):
        moment = datetime.fromisoformat(exif[key]).replace(tzinfo=None, microsecond=0)
        return moment if _is_plausible(moment) else None
    return None


def _is_plausible(moment: datetime) -> bool:
    return FIRST_YEAR <= moment.year <= datetime.now(UTC).year + 1


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
    return round(offset / _MINUTE)


def offset_in_words(minutes: int) -> str:
    """Return an offset for people.

    >>> [offset_in_words(minutes) for minutes in (540, 0, -210)]
    ['UTC+9', 'UTC', 'UTC−3:30']
    """
    hours, rest = divmod(abs(minutes), 60)
    if not minutes:
        return "UTC"
    return f"UTC{'+' if minutes > 0 else '−'}{hours}" + (f":{rest:02}" if rest else "")
