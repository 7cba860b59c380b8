"""EXIF cut down to a short list of harmless values."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from PIL import Image

from gallery.decoding import dates, descriptions, positions
from gallery.decoding.answers import MAX_TEXT, ExifValue
from gallery.decoding.dates import Written
from gallery.decoding.live_photos import content_identifier

_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_ORIENTATION = 0x0112
_COLOUR_SPACE, _INTEROPERABILITY = 0xA001, 0xA005
_ADOBE_RGB, _UNCALIBRATED = 2, 0xFFFF
# No camera writes a larger block of EXIF; a JPEG segment has at most 64 kB.
_MAX_BYTES = 1 << 20
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


def _whole_stars(value: float | None) -> int | None:
    return stars(value) if value is not None and value == int(value) else None


def digits(value: Any) -> str | None:
    """Return a text of at most nine digits, or None."""
    printed = text(value)
    return (
        printed
        if printed and printed.isascii() and printed.isdigit() and len(printed) < 10
        else None
    )


def _time(value: Any) -> Written | None:
    """Return the time of a tag, or None."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    printed = text(value.partition("\0")[0]) if isinstance(value, str) else None
    return dates.read(printed) if printed else None


_Field = tuple[str, int, Callable[[Any], ExifValue | None]]
_BASE: tuple[_Field, ...] = (
    ("make", 0x010F, text),
    ("model", 0x0110, text),
    ("software", 0x0131, text),
    ("rating", 0x4746, stars),
)
_PHOTO: tuple[_Field, ...] = (
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
# When the shutter opened, rather than when it was scanned or edited: source, the tags of the time,
# of its digits behind the decimal point, and of its offset.
_TIMES = (
    ("exif", 0x9003, 0x9291, 0x9011),
    ("digitized", 0x9004, 0x9292, 0x9012),
    ("modified", 0x0132, 0x9290, 0x9010),
)
_SAME_TIME = timedelta(minutes=1)  # a camera takes a moment to write the file
_HOURS_FROM_UTC = 0x882A  # of TIFF/EP, for when the shutter opened


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
    """Return the values of an opened picture that are on the allow-list (`answers.EXIF_KEYS`).

    What its EXIF does not say is taken from its description.
    """
    exif = _read(image)
    return completed(values_of(exif), descriptions.of_image(image, exif))


def values_of(
    exif: Image.Exif, photo: Image.Exif | None = None, position: Image.Exif | None = None
) -> dict[str, ExifValue]:
    """Return the values of a block of EXIF that are on the allow-list.

    `photo` and `position` are blocks of their own where a format keeps them apart.
    """
    values: dict[str, ExifValue] = {}
    base = _tags_or_none(lambda: dict(exif))
    shot = _tags_or_none(lambda: dict(photo or exif.get_ifd(_EXIF_IFD)))
    place = _tags_or_none(lambda: dict(position or exif.get_ifd(_GPS_IFD)))
    _take(values, base, _BASE)
    _take(values, shot, _PHOTO)
    values.update(_taken({**shot, **base}))
    values.update(positions.of_tags(place))
    with suppress(Exception):
        values["gps_at"] = positions.time_of(place).isoformat()
    if _ORIENTATION in exif:
        values["orientation"] = _orientation(exif)
    return values


def completed(
    values: dict[str, ExifValue], described: descriptions.Description
) -> dict[str, ExifValue]:
    """Return the values of EXIF with those that a description adds.

    Its date counts more than the time at which the file was last written.
    """
    if values.get("taken_from", "modified") == "modified" and described.written:
        values = {key: value for key, value in values.items() if key not in _OF_TIME}
        values.update(_as_values(described.source, described.written))
    if "rating" not in values and (rating := _whole_stars(described.rating)):
        values["rating"] = rating
    if "latitude" not in values:
        values.update(described.position)
    if "gps_at" not in values and described.gps_at:
        values["gps_at"] = described.gps_at
    return values


_OF_TIME = frozenset({"taken_at", "taken_from", "offset", "subsec"})


def _as_values(source: str, written: Written) -> dict[str, ExifValue]:
    values: dict[str, ExifValue] = {"taken_at": written.wall.isoformat(), "taken_from": source}
    if written.offset is not None:
        values["offset"] = _in_hours(written.offset)
    if written.subsec:
        values["subsec"] = written.subsec
    return values


def _in_hours(offset: int) -> str:
    """Return minutes as EXIF writes them, like "+09:00"."""
    hours, minutes = divmod(abs(offset), 60)
    return f"{'-' if offset < 0 else '+'}{hours:02}:{minutes:02}"


def _taken(tags: Tags) -> dict[str, ExifValue]:
    """Return the first time that can be, with the digits and the offset that belong to it."""
    times = {source: _time_or_none(tags, tag) for source, tag, _, _ in _TIMES}
    for source, _, subsec, _ in _TIMES:
        written = times[source]
        if written is None:
            continue
        values = _as_values(source, written)
        if "offset" not in values and (offset := _offset(tags, source, written, times)):
            values["offset"] = offset
        with suppress(Exception):
            values["subsec"] = digits(tags[subsec]) or values["subsec"]
        return values
    return {}


def _time_or_none(tags: Tags, tag: int) -> Written | None:
    with suppress(Exception):
        return _time(tags[tag])
    return None


def _offset(tags: Tags, source: str, written: Written, times: Mapping[str, Written | None]) -> str:
    """Return the offset of a time: its own, or that of another tag that means the same time.

    Phones write one offset for all three times, and some programs no time beside it.
    """
    ordered = sorted(_TIMES, key=lambda time: time[0] != source)
    for other, _, _, tag in ordered:
        there = times[other]
        with suppress(Exception):
            found = dates.offset_of(text(tags[tag]) or "")
            if found is not None and (
                there is None or abs(there.wall - written.wall) <= _SAME_TIME
            ):
                return _in_hours(found)
    if source == "exif":
        with suppress(Exception):
            hours = tags[_HOURS_FROM_UTC]
            number = int(hours[0] if isinstance(hours, tuple) else hours)
            found = dates.offset_of(f"{number:+}")
            return "" if found is None else _in_hours(found)
    return ""


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
