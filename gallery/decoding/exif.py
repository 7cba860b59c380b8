"""EXIF cut down to a short list of harmless values."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from PIL import Image

from gallery.decoding.answers import MAX_TEXT, ExifValue
from gallery.decoding.live_photos import content_identifier

_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_ORIENTATION = 0x0112
_XMP_OF_TIFF = 700
_COLOUR_SPACE, _INTEROPERABILITY = 0xA001, 0xA005
_ADOBE_RGB, _UNCALIBRATED = 2, 0xFFFF
# No camera writes a larger block of EXIF; a JPEG segment has at most 64 kB.
_MAX_BYTES = 1 << 20
# XMP writes it as an attribute or as an element; only these few bytes of the XML are read.
_XMP_RATING = re.compile(
    rb"xmp:Rating\s{0,8}(?:=\s{0,8}[\"']|>)\s{0,8}([0-5])(?:\.0+)?\s{0,8}[\"'<]"
)
_MAX_STARS = 5

Tags = dict[int, Any]


def text(value: Any) -> str | None:
    """Return printable text of at most 200 characters, or None when nothing is left."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return None
    # Everything of category C is dropped: controls, NUL, direction marks, lone surrogates.
    printable = "".join(c for c in value if unicodedata.category(c)[0] != "C")
    return printable.strip()[:MAX_TEXT].strip() or None


def number(value: Any) -> float | None:
    """Return a finite number, or None."""
    if isinstance(value, tuple):
        value = value[0]
    result = float(value)
    return round(result, 6) if math.isfinite(result) else None


def positive(value: Any) -> float | None:
    """Return a finite number over zero, or None."""
    result = number(value)
    return result if result is not None and result > 0 else None


def whole(value: Any) -> int | None:
    """Return a whole number that fits into 32 bits, or None."""
    result = positive(value)
    return int(result) if result is not None and result < 2**31 else None


def stars(value: Any) -> int | None:
    """Return a rating of 1 to 5 stars, or None; 0 is no rating, and -1 of XMP a rejected one."""
    result = whole(value)
    return result if result is not None and result <= _MAX_STARS else None


def digits(value: Any) -> str | None:
    """Return a text of at most nine digits, or None."""
    printed = text(value)
    return (
        printed
        if printed and printed.isascii() and printed.isdigit() and len(printed) < 10
        else None
    )


def time(value: Any) -> str | None:
    """Return EXIF's "2024:05:31 12:00:00" in ISO 8601, or None."""
    printed = text(value)
    if printed is None:
        return None
    return datetime.strptime(printed[:19], "%Y:%m:%d %H:%M:%S").isoformat()


_Field = tuple[str, int, Callable[[Any], ExifValue | None]]
_BASE: tuple[_Field, ...] = (
    ("make", 0x010F, text),
    ("model", 0x0110, text),
    ("software", 0x0131, text),
    ("rating", 0x4746, stars),
    ("taken_at", 0x0132, time),
)
_PHOTO: tuple[_Field, ...] = (
    # The later one wins: when the shutter opened, rather than when it was scanned or edited.
    ("taken_at", 0x9004, time),
    ("taken_at", 0x9003, time),
    ("offset", 0x9011, text),
    ("subsec", 0x9291, digits),
    ("bias", 0x9204, number),
    ("image_number", 0x9211, whole),
    ("image_id", 0xA420, text),
    ("content_id", 0x927C, content_identifier),
    ("lens", 0xA434, text),
    ("exposure", 0x829A, positive),
    ("f_number", 0x829D, positive),
    ("iso", 0x8827, whole),
    ("focal_length", 0x920A, positive),
    ("focal_35mm", 0xA405, whole),
)


def _read(image: Image.Image) -> Image.Exif:
    """Return the EXIF block of an opened picture, empty when it has none or a broken one."""
    exif = Image.Exif()
    # Broken EXIF raises almost anything, and is no reason to refuse a picture.
    with suppress(Exception):
        if image.format == "TIFF":
            return image.getexif()
        # Not getexif() for the other formats: it decodes all of a PNG to find a late block.
        data = image.info.get("exif")
        if isinstance(data, bytes) and len(data) <= _MAX_BYTES:
            exif.load(data)
    return exif


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF orientation of an opened picture, 1 to 8; anything else counts as 1."""
    return _orientation(_read(image))


def _orientation(exif: Image.Exif) -> int:
    value: Any = None
    with suppress(Exception):
        value = exif.get(_ORIENTATION)
    return value if type(value) is int and 1 <= value <= 8 else 1


def is_adobe_rgb(image: Image.Image) -> bool:
    """Tell whether the EXIF of a picture without a profile says that it is in Adobe RGB.

    Cameras write it as colour space 2, or as "uncalibrated" with the interoperability R03.
    """
    exif = _read(image)
    photo = _tags_or_none(lambda: exif.get_ifd(_EXIF_IFD))
    space = photo.get(_COLOUR_SPACE)
    if space != _UNCALIBRATED:
        return bool(space == _ADOBE_RGB)
    with suppress(Exception):
        return text(exif.get_ifd(_INTEROPERABILITY)[1]) == "R03"
    return False


def allowed_values(image: Image.Image) -> dict[str, ExifValue]:
    """Return the values of an opened picture that are on the allow-list (`answers.EXIF_KEYS`)."""
    exif = _read(image)
    values = values_of(exif)
    if "rating" not in values and (rating := _xmp_rating(image, exif)):
        values["rating"] = rating
    return values


def values_of(
    exif: Image.Exif, photo: Image.Exif | None = None, position: Image.Exif | None = None
) -> dict[str, ExifValue]:
    """Return the values of a block of EXIF that are on the allow-list.

    `photo` and `position` are blocks of their own where a format keeps them apart.
    """
    values: dict[str, ExifValue] = {}
    _take(values, _tags_or_none(lambda: dict(exif)), _BASE)
    _take(values, _tags_or_none(lambda: dict(photo or exif.get_ifd(_EXIF_IFD))), _PHOTO)
    values.update(_position(_tags_or_none(lambda: dict(position or exif.get_ifd(_GPS_IFD)))))
    if _ORIENTATION in exif:
        values["orientation"] = _orientation(exif)
    return values


def _xmp_rating(image: Image.Image, exif: Image.Exif) -> int | None:
    """Return the stars in the XMP, where photo managers write them without the EXIF tag."""
    with suppress(Exception):
        data = exif.get(_XMP_OF_TIFF) if image.format == "TIFF" else image.info.get("xmp")
        if isinstance(data, bytes) and len(data) <= _MAX_BYTES:
            match = _XMP_RATING.search(data)
            return stars(int(match[1])) if match else None
    return None


def _tags_or_none(read: Callable[[], Tags]) -> Tags:
    with suppress(Exception):
        return read()
    return {}


def _take(values: dict[str, ExifValue], tags: Tags, fields: tuple[_Field, ...]) -> None:
    for key, tag, convert in fields:
        with suppress(Exception):
            value = convert(tags[tag])
            if value is not None:
                values[key] = value


def _position(tags: Tags) -> dict[str, ExifValue]:
    """Return latitude and longitude in degrees, both or neither, and altitude in metres."""
    values: dict[str, ExifValue] = {}
    with suppress(Exception):
        latitude = _degrees(tags[2], tags.get(1), "S", 90)
        longitude = _degrees(tags[4], tags.get(3), "W", 180)
        # Devices without a fix write zeros; nobody photographs that spot in the Atlantic.
        if latitude or longitude:
            values = {"latitude": latitude, "longitude": longitude}
    with suppress(Exception):
        height = number(tags[6])
        if height is not None and abs(height) < 100_000:
            values["altitude"] = -height if tags.get(5) in (1, b"\x01") else height
    return values


def _degrees(parts: Any, reference: Any, negative: str, limit: int) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    value = degrees + minutes / 60 + seconds / 3600
    if not 0 <= value <= limit:  # False for NaN too.
        raise ValueError("not on Earth")
    return round(-value if text(reference) == negative else value, 6)
