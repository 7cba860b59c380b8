"""Times in the many spellings of cameras and programs.

EXIF asks for "2024:05:31 12:00:00", XMP for ISO 8601, IPTC for digits alone and PNG for RFC 1123.
Programs write all of these anywhere, and some spellings that no standard knows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

FIRST_YEAR = 1826
"""The year of the oldest photograph that is known."""

# What devices whose clock was never set write: the epochs of Unix and of QuickTime.
_NEVER_SET = {datetime(1970, 1, 1), datetime(1904, 1, 1)}
_MAX_TEXT = 64
_WEST, _EAST = -12 * 60, 14 * 60
"""Minutes of the time zones that are furthest from Greenwich."""

_FLAGS = re.IGNORECASE | re.ASCII
_DAY = r"(\d{4})\s*[-:/.年]\s*(\d{1,2})\s*[-:/.月]\s*(\d{1,2})日?"
_CLOCK = r"(\d{1,2})\s*[:.h]\s*(\d{1,2})(?:\s*[:.m]\s*(\d{1,2})(?:[.,](\d{1,9}))?)?\s*([ap])?"
_ZONE = r"(?:\.?m\.?)?\s*(z|(?:utc|gmt)?\s*[-+−]\d{1,2}(?::?\d{2})?|utc|gmt)?"
_SPELLED = re.compile(rf"{_DAY}(?:[t:,_\s-]+{_CLOCK}{_ZONE})?(?!\d)", _FLAGS)
_DIGITS = re.compile(
    r"(\d{4})(\d{2})(\d{2})(?:[t\s_-]?(\d{2})(\d{2})(\d{2})?()()\s*(z|[-+]\d{2}:?\d{2})?)?(?!\d)",
    _FLAGS,
)
_NAMED_ZONE = re.compile(r"(?:[-+]\d{4}|gmt|utc?|z|[ecmp][sd]t)\W*$", _FLAGS)
# XMP may leave out the day, and the month too.
_MONTH = re.compile(r"(\d{4})(?:-(\d{2}))?(?![-:/.\d])", _FLAGS)
_OFFSET = re.compile(r"(?:utc|gmt)?\s*([-+−])\s*(\d{1,2})(?::?(\d{2}))?", _FLAGS)


@dataclass(frozen=True)
class Written:
    """A local time as it was written.

    `wall` is naive and has whole seconds; `subsec` are the digits behind its decimal point;
    `offset` is in minutes east of UTC, or None where none was written.
    """

    wall: datetime
    subsec: str = ""
    offset: int | None = None


def read(text: str) -> Written | None:
    """Return the time that a text begins with; None if it has none, or one that cannot be.

    A date alone is its midnight. Dates of zeros, before photography and more than a year ahead are
    none, nor is what clocks that were never set show.
    """
    text = text.strip()[:_MAX_TEXT]
    try:
        written = _read_numbers(text) or _read_words(text)
    except (ValueError, OverflowError, TypeError, IndexError):  # the last two of `email`
        return None
    return written if written and is_plausible(written.wall) else None


def is_plausible(wall: datetime) -> bool:
    """Tell whether a photo can be of this time: from 1826 to the end of the next year."""
    return FIRST_YEAR <= wall.year <= datetime.now(UTC).year + 1


def offset_of(text: str) -> int | None:
    """Return the minutes east of UTC that "+09:00", "+0900", "+9" or "Z" mean, or None."""
    text = text.strip()
    if text.lower() in {"z", "utc", "gmt"}:
        return 0
    match = _OFFSET.fullmatch(text)
    if match is None:
        return None
    sign, hours, minutes = match.groups()
    offset = int(hours) * 60 + int(minutes or 0)
    offset = offset if sign == "+" else -offset
    return offset if _WEST <= offset <= _EAST and int(minutes or 0) < 60 else None


def _read_numbers(text: str) -> Written | None:
    match = _SPELLED.match(text) or _DIGITS.match(text)
    if match is None:
        month = _MONTH.match(text)
        return Written(datetime(int(month[1]), int(month[2] or 1), 1)) if month else None
    year, month_, day, hour, minute, second, subsec, half, zone = match.groups()
    at = _day(int(year), int(month_), int(day))
    if hour is None:
        # So people date scans, even of 1 January 1970.
        return Written(at)
    at += _clock(_hour(int(hour), half), int(minute), int(second or 0))
    offset = offset_of(zone) if zone else None
    if at - timedelta(minutes=offset or 0) in _NEVER_SET:
        raise ValueError("the clock was never set")
    return Written(at, subsec or "", offset)


def _day(year: int, month: int, day: int) -> datetime:
    """Return midnight of a day; IPTC writes zeros for a day, or a month and day, not known."""
    if day == 0:
        month, day = month or 1, 1
    return datetime(year, month, day)


def _hour(hour: int, half: str | None) -> int:
    if not half:
        return hour
    return hour % 12 + (12 if half.lower() == "p" else 0)


def _clock(hour: int, minute: int, second: int) -> timedelta:
    """Return the time since midnight.

    24:00:00 is the end of a day (ISO 8601). 24:10 is ten past midnight on phones that number the
    hours from 1 to 24. A leap second counts with the one before it.
    """
    if (hour, minute, second) > (24, 0, 0):
        hour %= 24 if hour == 24 else 100
    if hour > 24 or minute > 59 or second > 60:
        raise ValueError("no such time")
    return timedelta(hours=hour, minutes=minute, seconds=min(second, 59))


def _read_words(text: str) -> Written | None:
    """Read "Thu, 02 Feb 2012 02:02:02 +0000" (RFC 1123), and dates like that of the C library."""
    # Imported here because it is slow to load and few pictures need it.
    from email.utils import parsedate_tz

    found = parsedate_tz(text)
    if found is None:
        return None
    wall = datetime(*found[:3]) + _clock(*found[3:6])
    # The parser says 0 where there is no zone too; "-0000" means that it is unknown.
    seconds = found[9] if _NAMED_ZONE.search(text) and "-0000" not in text else None
    return Written(wall, offset=None if seconds is None else seconds // 60)
