"""Where a photo was taken, as EXIF and XMP write it in many ways."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from gallery.decoding import dates
from gallery.decoding.answers import ExifValue

_HIGHEST = 100_000
"""Metres; nobody takes photos higher than this with a gallery in mind."""

# Degrees, minutes and seconds with commas, as XMP writes them, and the letter of a hemisphere.
_PART = r"(?:,(\d+(?:\.\d+)?))?"
_XMP_DEGREES = re.compile(rf"(\d+(?:\.\d+)?){_PART}{_PART}\s*([NSEW])", re.IGNORECASE | re.ASCII)
_SIGNED = re.compile(r"[-+]?\d{1,3}\.\d+", re.ASCII)

Tags = Mapping[int, Any]


def of_tags(tags: Tags) -> dict[str, ExifValue]:
    """Return latitude and longitude in degrees, both or neither, and altitude in metres.

    Positive degrees without a hemisphere may be either of two places, and so are none.
    """
    values: dict[str, ExifValue] = {}
    with suppress(Exception):
        latitude = _signed(_degrees(tags[2]), tags.get(1), "N", "S")
        longitude = _signed(_degrees(tags[4]), tags.get(3), "E", "W")
        values = _on_earth(latitude, longitude)
    with suppress(Exception):
        below = tags.get(5) in (1, b"\x01")
        values.update(_height(float(_only(tags[6])), below=below))
    return values


def of_xmp(found: Mapping[str, str]) -> dict[str, ExifValue]:
    """Return the same from XMP (`xmp.properties`), where it is "51,30.5N" and a fraction."""
    values: dict[str, ExifValue] = {}
    with suppress(Exception):
        latitude = _xmp_degrees(found["exif:GPSLatitude"], "NS")
        longitude = _xmp_degrees(found["exif:GPSLongitude"], "EW")
        values = _on_earth(latitude, longitude)
    with suppress(Exception):
        above, _, below = found["exif:GPSAltitude"].partition("/")
        height = float(above) / float(below or 1)
        values.update(_height(height, below=found.get("exif:GPSAltitudeRef") == "1"))
    return values


def time_of(tags: Tags) -> datetime:
    """Return the satellites' time, naive, in UTC and whole seconds. Raises what tags may raise."""
    day = tags[29]
    day = day.decode("ascii") if isinstance(day, bytes) else day
    written = dates.read(day.strip("\0 "))
    hour, minute, second = (float(part) for part in tags[7])
    if written is None or not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 61):
        raise ValueError("no time")
    at = written.wall + timedelta(hours=hour, minutes=minute, seconds=min(second, 59))
    return at.replace(microsecond=0)


def _only(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) else value


def _degrees(parts: Any) -> float:
    """Return degrees from degrees, minutes and seconds, of which the last two may be missing."""
    parts = parts if isinstance(parts, tuple) else (parts,)
    if not 1 <= len(parts) <= 3:
        raise ValueError("not degrees, minutes and seconds")
    return sum((float(part) / 60.0**place for place, part in enumerate(parts)), 0.0)


def _signed(degrees: float, reference: Any, positive: str, negative: str) -> float:
    if isinstance(reference, bytes):
        reference = reference.decode("ascii")
    letter = str(reference or "").strip("\0 ")[:1].upper()
    if letter == positive:
        return degrees
    # Some programs write the sign, and the letter or nothing beside it.
    if letter == negative or degrees < 0:
        return -abs(degrees)
    raise ValueError("no hemisphere")


def _xmp_degrees(text: str, letters: str) -> float:
    if _SIGNED.fullmatch(text):
        return float(text)
    match = _XMP_DEGREES.fullmatch(text)
    if match is None:
        raise ValueError("no degrees")
    *parts, letter = match.groups()
    return _signed(_degrees(tuple(part or 0 for part in parts)), letter, *letters)


def _on_earth(latitude: float, longitude: float) -> dict[str, ExifValue]:
    """Return both degrees, rounded to some 10 cm; longitudes may run from 0 to 360.

    Devices without a fix write zeros; nobody photographs that spot in the Atlantic.
    """
    # False for NaN too.
    if not (abs(latitude) <= 90 and abs(longitude) <= 360) or not (latitude or longitude):
        return {}
    if abs(longitude) > 180:
        longitude -= math.copysign(360, longitude)
    return {"latitude": round(latitude, 6), "longitude": round(longitude, 6)}


def _height(metres: float, *, below: bool) -> dict[str, ExifValue]:
    if not abs(metres) < _HIGHEST:
        return {}
    return {"altitude": round(-metres if below else metres, 6)}
