"""What people say about the date of a photo, and what its columns are then.

The local time is the fact, and the instant follows from it. A zone that nobody named stays as it
was; where it is that of the place or the gallery's, it is asked again for the new date, because the
offset of a zone differs between summer and winter.
"""

from __future__ import annotations

import calendar
import re
import zoneinfo
from dataclasses import dataclass, replace
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Any, Protocol

from django.conf import settings
from django.utils.translation import gettext as _

from gallery.models import Photo
from gallery.taken_time import FIRST_YEAR, Clock, TakenTime, clock_at, unknown_time
from gallery.user_errors import UserError

NOON = time(12)
"""The time of day of a photo of which only the day is known."""

_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>[01]\d):?(?P<minutes>[0-5]\d)", re.ASCII)
_FURTHEST = timedelta(hours=14)  # no place is further from UTC
ZONE_FORM = "[A-Za-z0-9_+/-]{1,64}|[+-][01][0-9]:[0-5][0-9]"
"""How zones are written, as a regular expression (ECMA 262). Not all that fits is one."""
UNITS = ("years", "days", "hours", "minutes")
_ZONE_CHARACTERS = re.compile(r"[A-Za-z0-9_+/-]{1,64}")
_CALCULATED = frozenset(
    {Photo.OffsetSource.UNKNOWN, Photo.OffsetSource.ASSUMED, Photo.OffsetSource.PLACE}
)
_SHOWN = 40  # characters of a wrong text that its sentence repeats


class BadDate(UserError):
    """A date, time, zone or shift cannot be used; the message says why."""

    code = "bad_date"


class Correction(Protocol):
    """Something that a person says about dates."""

    def columns(self, photo: Photo) -> dict[str, Any] | None:
        """Return the columns of a photo as they should be, or None if this says nothing of it.

        Raises `BadDate` if the photo would leave the calendar.
        """


@dataclass(frozen=True)
class SetDate:
    """A local date, and perhaps the time of day and the zone.

    Without `clock` each photo keeps its time of day, and one without a date gets noon. A clock to
    the second keeps the fraction of that second, which orders the photos of a burst.
    """

    day: date
    clock: time | None = None
    zone: tzinfo | None = None

    def columns(self, photo: Photo) -> dict[str, Any]:
        """Return the columns of a photo taken then."""
        wall = wall_of(photo)
        kept = wall.time() if wall else NOON
        clock = kept if self.clock in {None, kept.replace(microsecond=0)} else self.clock
        wall = datetime.combine(self.day, clock or kept)
        return _columns(photo, _taken(photo, wall, self.zone))


@dataclass(frozen=True)
class Shift:
    """How much later a photo was taken than its date says; negative for earlier.

    Years are those of the calendar, which puts 29 February on 28 February of other years.
    """

    years: int = 0
    days: int = 0
    hours: int = 0
    minutes: int = 0

    def __post_init__(self) -> None:
        if not any(getattr(self, unit) for unit in UNITS):
            raise BadDate(_("Enter by how much the dates should change."))

    def columns(self, photo: Photo) -> dict[str, Any] | None:
        """Return the columns of a photo whose clock was wrong by this much."""
        wall = wall_of(photo)
        if wall is None:
            return None
        try:
            days = timedelta(days=self.days, hours=self.hours, minutes=self.minutes)
            moved = _add_years(wall, self.years) + days
        except OverflowError:
            raise _outside(photo) from None
        return _columns(photo, _taken(photo, moved, None))


@dataclass(frozen=True)
class SetZone:
    """The zone that the clock of the camera showed.

    By default the local time stays and the instant changes, as in most galleries: only the zone was
    unknown. With `keep_instant` it is the other way round, for a clock that was left on the time of
    another zone: the local time changes to that of `zone`.
    """

    zone: tzinfo
    keep_instant: bool = False

    def columns(self, photo: Photo) -> dict[str, Any] | None:
        """Return the columns of a photo taken in this zone."""
        wall = wall_of(photo)
        if wall is None or photo.taken_at is None:
            return None
        clock = Clock(self.zone, Photo.OffsetSource.PERSON)
        source = Photo.DateSource.PERSON
        taken = clock.local(photo.taken_at, source) if self.keep_instant else clock.at(wall, source)
        if taken is None:
            raise _outside(photo)
        if taken.wall == wall:
            taken = replace(taken, date_source=photo.date_source)
        return _columns(photo, taken)


class Unknown:
    """The date is wrong, and nobody knows the right one."""

    def columns(self, photo: Photo) -> dict[str, Any]:
        """Return the columns of a photo without a date."""
        return unknown_time(photo.created_at, _gallery_zone())


def wall_of(photo: Photo) -> datetime | None:
    """Return the local time at which a photo was taken, naive, or None if that is unknown."""
    return photo.wall_at.replace(tzinfo=None) if photo.taken_at else None


def _taken(photo: Photo, wall: datetime, zone: tzinfo | None) -> TakenTime:
    """Return a local time in a zone; without one, in that of the photo."""
    source = Photo.DateSource.PERSON
    if zone is not None:
        return Clock(zone, Photo.OffsetSource.PERSON).at(wall, source)
    if photo.utc_offset is None or photo.offset_source in _CALCULATED:
        place = {"latitude": photo.latitude, "longitude": photo.longitude}
        return clock_at(place, _gallery_zone()).at(wall, source)
    return TakenTime(wall, photo.utc_offset, source, photo.offset_source)


def _columns(photo: Photo, taken: TakenTime) -> dict[str, Any]:
    """Return the columns of a photo that was taken then; raise `BadDate` outside the calendar."""
    if not FIRST_YEAR <= taken.wall.year <= _last_year():
        raise _outside(photo)
    return taken.columns(photo.name)


def _outside(photo: Photo) -> BadDate:
    message = _("%(name)s would be from before %(first)d or after %(last)d. Choose another date.")
    years = {"first": FIRST_YEAR, "last": _last_year()}
    return BadDate(message % {"name": photo.name, **years})


def _last_year() -> int:
    """Return next year, in which it is already somewhere at the end of this one."""
    return datetime.now(UTC).year + 1


def _add_years(wall: datetime, years: int) -> datetime:
    """Return the same day of another year; raise OverflowError if the calendar has none."""
    year = wall.year + years
    if not MINYEAR <= year <= MAXYEAR:
        raise OverflowError
    return wall.replace(year=year, day=min(wall.day, calendar.monthrange(year, wall.month)[1]))


def _gallery_zone() -> tzinfo:
    return zoneinfo.ZoneInfo(settings.TIME_ZONE)


def read_day(text: str) -> date:
    """Return the day that ISO 8601 writes so; raise `BadDate`."""
    if not text.strip():
        raise BadDate(_("Enter a date."))
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        message = _("There is no day %(text)s. Write it as 2024-05-31.")
        raise BadDate(message % {"text": text[:_SHOWN]}) from None


def read_clock(text: str) -> time | None:
    """Return the time of day that ISO 8601 writes so, None for ""; raise `BadDate`."""
    if not text.strip():
        return None
    try:
        clock = time.fromisoformat(text.strip())
    except ValueError:
        clock = time(tzinfo=UTC)
    if clock.tzinfo is not None:
        message = _("There is no time of day %(text)s. Write it as 18:30 or 18:30:15.")
        raise BadDate(message % {"text": text[:_SHOWN]})
    return clock


def read_local(text: str) -> tuple[date, time | None]:
    """Return the day, and the time if one follows, of an ISO 8601 text; raise `BadDate`."""
    day, _sign, clock = text.strip().replace(" ", "T", 1).partition("T")
    return read_day(day), read_clock(clock)


def read_zone(text: str) -> tzinfo:
    """Return the zone that an offset (`+02:00`) or a name (`Europe/Lisbon`) means.

    Raises `BadDate` for anything else.
    """
    name = text.strip()
    zone = _fixed(name) or _named(name)
    if zone is None:
        message = _("There is no time zone %(text)s. Write it as +02:00 or Europe/Lisbon.")
        raise BadDate(message % {"text": text[:_SHOWN]})
    return zone


def _fixed(text: str) -> tzinfo | None:
    match = _OFFSET.fullmatch(text)
    if match is None:
        return None
    ahead = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"]))
    if ahead > _FURTHEST:
        return None
    return timezone(ahead if match["sign"] == "+" else -ahead)


def _named(text: str) -> tzinfo | None:
    if not _ZONE_CHARACTERS.fullmatch(text):
        return None
    try:
        return zoneinfo.ZoneInfo(text)
    # A folder of zones is a name too, and so is a file that holds none.
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None
