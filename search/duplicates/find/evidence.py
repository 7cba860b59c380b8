"""What the cameras wrote: it may say that two photos are two shots, however alike they look.

A copy keeps the EXIF of its original or loses it. So what is missing on one side says nothing, and
what differs says that the shutter opened twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

Exif = Mapping[str, Any]

_BY_CAMERA = frozenset({"exif", "digitized"})  # sources of a time that editors leave alone
_MOMENT = timedelta(seconds=1)
_HOUR = timedelta(hours=1)
_EARTH = timedelta(hours=26)  # between the earliest and the latest time zone
_SETTINGS = ("exposure", "f_number", "iso")
_NUMBERS = ("image_number", "image_id")
_TOLERANCE = 0.05  # programs round exposure times and apertures
_BIAS_STEP = 0.1  # of an exposure value; cameras go by thirds


def other_shot(a: Exif, b: Exif) -> bool:
    """Tell whether the EXIF of two photos (`EXIF_KEYS`) says that they are two shots.

    That is another time, another exposure, or another number of the camera's own. A time that is
    whole hours away may be the same one, corrected for a time zone; see `moved_clock`.
    """
    return _other_time(a, b) or _other_exposure(a, b) or _other_number(a, b)


def moved_clock(a: Exif, b: Exif) -> bool:
    """Tell whether the times are whole hours apart, so that only the pixels tell two shots."""
    gap = _gap(a, b)
    return gap is not None and _is_zone_shift(gap) and gap != timedelta(0)


def camera_time(exif: Exif) -> datetime | None:
    """Return when the shutter opened by the camera's clock, with sub-seconds, or None.

    A time from a file name, or one that an editor wrote, is none.
    """
    if exif.get("taken_from", "exif") not in _BY_CAMERA:
        return None
    try:
        taken = datetime.fromisoformat(exif["taken_at"]).replace(tzinfo=None)
    except (KeyError, TypeError, ValueError):
        return None
    return taken.replace(microsecond=_microseconds(exif) or 0)


def _microseconds(exif: Exif) -> int | None:
    """Return EXIF's SubSecTime, the digits after the decimal point, in microseconds."""
    digits = str(exif.get("subsec", "")).strip()
    return int(digits[:6].ljust(6, "0")) if digits.isascii() and digits.isdigit() else None


def _gap(a: Exif, b: Exif) -> timedelta | None:
    """Return the time between two shots, of whole seconds unless both have sub-seconds."""
    here, there = camera_time(a), camera_time(b)
    if here is None or there is None:
        return None
    if _microseconds(a) is None or _microseconds(b) is None:
        here, there = here.replace(microsecond=0), there.replace(microsecond=0)
    return abs(here - there)


def _other_time(a: Exif, b: Exif) -> bool:
    gap = _gap(a, b)
    if gap is None or _is_zone_shift(gap):
        return False
    fine = _microseconds(a) is not None and _microseconds(b) is not None
    return gap >= _MOMENT or (fine and gap > timedelta(0))


def _is_zone_shift(gap: timedelta) -> bool:
    return gap <= _EARTH and gap % _HOUR == timedelta(0)


def _other_exposure(a: Exif, b: Exif) -> bool:
    for key in _SETTINGS:
        one, other = _number(a, key), _number(b, key)
        if one and other and abs(one - other) > _TOLERANCE * max(abs(one), abs(other)):
            return True
    one, other = _number(a, "bias"), _number(b, "bias")
    return one is not None and other is not None and abs(one - other) > _BIAS_STEP


def _number(exif: Exif, key: str) -> float | None:
    value = exif.get(key)
    return float(value) if isinstance(value, int | float) else None


def _other_number(a: Exif, b: Exif) -> bool:
    return any(a.get(key) and b.get(key) and a[key] != b[key] for key in _NUMBERS)
