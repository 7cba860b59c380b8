"""The date in a file name, as cameras, phones and messengers put it there.

    IMG_20190101_120000.jpg            VID_20190101_120000.mp4       20190101_120000.jpg
    Screenshot_20190303-101112.png     Screenshot 2024-01-02 at 10.11.12.png
    signal-2021-01-02-030405.jpg       WhatsApp Image 2019-06-07 at 08.09.10.jpeg
    2018-05-06 07.08.09.jpg            IMG-20190202-WA0001.jpg       PXL_20210404_123456789.jpg

Names are weak evidence, so a number counts only if it stands alone, is a real date of the age of
digital photos, and, where nothing but digits makes it up, has a time or a known word beside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_FIRST_YEAR, _FIRST_DIGITAL_YEAR = 1900, 1990
"""People write dates of scans with dashes; devices that write digits alone are younger."""

_FLAGS = re.IGNORECASE | re.ASCII
# Years begin with 19 or 20, which most other numbers do not.
_YEAR, _MONTH, _DAY = r"(?P<year>(?:19|20)\d\d)", r"(?P<month>0[1-9]|1[0-2])", r"(?P<day>[0-3]\d)"
_DIGITS = rf"{_YEAR}{_MONTH}{_DAY}"
_DASHED = rf"{_YEAR}(?P<dash>[-._]){_MONTH}(?P=dash){_DAY}"
_CLOCK = r"(?P<hour>[01]\d|2[0-3])(?P<minute>[0-5]\d)(?P<second>[0-5]\d)"
_FRACTION = r"(?:[._-]?(?P<fraction>\d{3}))?"
_SPACED_CLOCK = (
    r"(?P<hour>\d{1,2})[-.:_h ](?P<minute>[0-5]\d)[-.:_m ](?P<second>[0-5]\d)"
    r"(?:\s?(?P<half>[ap])\.?m\b)?"
)
# "at" in the languages of Macs and messengers.
_AT = r"(?:[-_T., ]{1,3}|\s(?:at|um|à|a las|alle|às|om|kl\.?|klo|在)\s)"
# Words before eight digits that make these a date.
_MARKS = (
    r"(?:^|[^A-Za-z])(?:IMG|VID|MVIMG|PANO|DSC|CIMG|WP|photo|image|video|screenshot|scan|signal)"
)
_NO_DIGIT_BEFORE, _NO_DIGIT_AFTER = r"(?<![\d.])", r"(?!\d)"
_NO_CLOCK_AFTER = r"(?![-_T., ]{0,2}(?:\d{6}|\d{1,2}[-.:_]\d{2}[-.:_]\d{2}))"

_PATTERNS = tuple(
    re.compile(pattern, _FLAGS)
    for pattern in (
        # 20190101_120000, 20190101T120000, 20190101-120000123
        rf"{_NO_DIGIT_BEFORE}{_DIGITS}[-_T. ]?{_CLOCK}{_FRACTION}{_NO_DIGIT_AFTER}",
        # 2021-01-02-030405
        rf"{_NO_DIGIT_BEFORE}{_DASHED}[-_T. ]{_CLOCK}{_FRACTION}{_NO_DIGIT_AFTER}",
        # 2018-05-06 07.08.09, 2019-06-07 at 8.09.10 PM, 20150102_12_34_56
        rf"{_NO_DIGIT_BEFORE}(?:{_DASHED}){_AT}{_SPACED_CLOCK}{_NO_DIGIT_AFTER}",
        rf"{_NO_DIGIT_BEFORE}(?:{_DIGITS})[-_ ]{_SPACED_CLOCK}{_NO_DIGIT_AFTER}",
        # 2019-06-07
        rf"{_NO_DIGIT_BEFORE}{_DASHED}{_NO_DIGIT_AFTER}{_NO_CLOCK_AFTER}",
        # IMG-20190202-WA0001, 20190202_IMG_1234, Scan 20190202
        rf"{_NO_DIGIT_BEFORE}{_DIGITS}[-_]WA\d+",
        rf"^{_DIGITS}(?=$|[-_ ]){_NO_CLOCK_AFTER}",
        rf"{_MARKS}[-_ ]?{_DIGITS}{_NO_DIGIT_AFTER}{_NO_CLOCK_AFTER}",
    )
)
# Google's Pixel phones name their files by UTC.
_IN_UTC = re.compile(r"(?:^|[^A-Za-z])PXL_\d{8}_\d{9}", _FLAGS)
_NUMBER = re.compile(r"(?<!\d)\d{1,8}(?!\d)", re.ASCII)
_SECOND = 1_000_000
_SIGNS = {"dash", "half"}


@dataclass(frozen=True)
class NamedTime:
    """The time in a name, naive; `in_utc` tells that it is that of UTC and not of the wall."""

    at: datetime
    in_utc: bool = False


def time_in(name: str) -> NamedTime | None:
    """Return the time in a file name, midnight if it has a day alone; None without a real date."""
    # Macs write narrow spaces, too.
    stem = " ".join(_stem(name).split())
    for pattern in _PATTERNS:
        for match in pattern.finditer(stem):
            at = _time_or_none(match.groupdict())
            if at is not None:
                return NamedTime(at, in_utc=bool(_IN_UTC.search(stem)))
    return None


def number_in(name: str) -> int:
    """Return the last number of a file name, below a million, 0 without one.

    Cameras count up: it orders photos that were taken in one second.
    """
    numbers = _NUMBER.findall(_stem(name))
    return int(numbers[-1]) % _SECOND if numbers else 0


def _stem(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    return stem if dot and extension.isalnum() and not extension.isdigit() else name


def _time_or_none(parts: dict[str, str | None]) -> datetime | None:
    numbers = {name: int(text or 0) for name, text in parts.items() if name not in _SIGNS}
    hour = numbers.get("hour", 0)
    if half := parts.get("half"):
        hour = hour % 12 + (12 if half.lower() == "p" else 0)
    try:
        day = datetime(numbers["year"], numbers["month"], numbers["day"])
        at = day.replace(
            hour=hour,
            minute=numbers.get("minute", 0),
            second=numbers.get("second", 0),
            microsecond=1000 * numbers.get("fraction", 0),
        )
    except ValueError:
        return None
    # By tomorrow it is today everywhere; later dates are those of appointments and tickets.
    latest = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1)
    first = _FIRST_YEAR if parts.get("dash") else _FIRST_DIGITAL_YEAR
    return at if first <= at.year and at <= latest else None
