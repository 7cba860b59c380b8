"""What a file's description says beside EXIF: XMP, IPTC and the texts of PNGs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from gallery.decoding import dates, positions, xmp
from gallery.decoding.answers import ExifValue
from gallery.decoding.dates import Written

XMP_TAG = 700
"""The tag of a TIFF that holds XMP."""
_IPTC_TAG, _PHOTOSHOP_TAG = 33723, 34377
_PHOTOSHOP_IPTC = 0x0404
_RAW_PROFILES = ("Raw profile type iptc", "Raw profile type xmp")
# The first that can be read counts. `date:create` of ImageMagick is the file's, not the photo's.
_XMP_DATES = ("exif:DateTimeOriginal", "photoshop:DateCreated")
_XMP_LATER_DATES = ("exif:DateTimeDigitized", "xmp:CreateDate")
_PNG_DATES = ("exif:DateTimeOriginal", "DateTimeOriginal", "Creation Time", "Create Date")
_MAX_BYTES = 1 << 20
_IPTC_DAYS = tuple(
    re.compile(rb"\x1c\x02" + kind + rb"\0\x08(\d{8})") for kind in (b"\x37", b"\x3e")
)
_IPTC_CLOCKS = tuple(
    re.compile(rb"\x1c\x02" + kind + rb"\0.(\d{6}(?:[-+]\d{4})?)") for kind in (b"\x3c", b"\\x3f")
)


@dataclass(frozen=True)
class Description:
    """What a description adds: `source` is one of `answers.TAKEN_FROM`, "" without a date."""

    source: str = ""
    written: Written | None = None
    rating: float | None = None
    position: dict[str, ExifValue] = field(default_factory=dict)
    gps_at: str = ""


def of_image(image: Image.Image, exif: Image.Exif) -> Description:
    """Return the description of an opened picture, an empty one if it is broken."""
    with suppress(Exception):
        texts = {str(key): value for key, value in image.info.items() if isinstance(value, str)}
        return of_blocks(_xmp(image, exif), _iptc(image, exif), texts)
    return Description()


def of_blocks(
    xmp_block: bytes, iptc_block: bytes = b"", texts: Mapping[str, str] | None = None
) -> Description:
    """Return what blocks of XMP and IPTC and the texts of a PNG say."""
    found, texts = xmp.properties(xmp_block), texts or {}
    source, written = _date(found, iptc_date(iptc_block), texts)
    at = dates.read(found.get("exif:GPSTimeStamp", ""))
    return Description(
        source,
        written,
        _number(found.get("xmp:Rating", "")),
        positions.of_xmp(found),
        at.wall.isoformat() if at and not at.offset else "",
    )


def iptc_date(data: bytes) -> str:
    """Return when a picture was made, as IPTC says it (IIM 4.2, 2:55 and 2:60, or 2:62 and 2:63).

    The answer is date and time like "20140404T040404+0000", a date alone, or "" without one.
    JPEGs and TIFFs keep IPTC in blocks of Photoshop; the data sets are found wherever they stand.
    """
    for day, clock in zip(_IPTC_DAYS, _IPTC_CLOCKS, strict=True):
        date = day.search(data[:_MAX_BYTES])
        if date and int(date[1]):
            time = clock.search(data[:_MAX_BYTES])
            return date[1].decode() + (f"T{time[1].decode()}" if time else "")
    return ""


def raw_profile(text: str) -> bytes:
    """Return the bytes in a text of a PNG as ImageMagick writes it; none if it is senseless.

    It has a line with the kind, a line with the length, and the bytes in hexadecimal.
    """
    if len(text) <= 3 * _MAX_BYTES:
        with suppress(ValueError, IndexError):
            return bytes.fromhex("".join(text.split()[2:]))
    return b""


def _date(
    found: Mapping[str, str], iptc_date: str, texts: Mapping[str, str]
) -> tuple[str, Written | None]:
    candidates: list[tuple[str, str]] = [
        *(("xmp", found.get(name, "")) for name in _XMP_DATES),
        ("iptc", iptc_date),
        *(("xmp", found.get(name, "")) for name in _XMP_LATER_DATES),
        *(("png", texts.get(name, "")) for name in _PNG_DATES),
    ]
    for source, text in candidates:
        if written := dates.read(text):
            return source, written
    return "", None


def _number(text: str) -> float | None:
    with suppress(ValueError):
        return float(text)
    return None


def _xmp(image: Image.Image, exif: Image.Exif) -> bytes:
    own = exif.get(XMP_TAG) if image.format == "TIFF" else image.info.get("xmp")
    return _bytes(own) or raw_profile(str(image.info.get(_RAW_PROFILES[1], "")))


def _iptc(image: Image.Image, exif: Image.Exif) -> bytes:
    if image.format == "TIFF":
        return _bytes(exif.get(_IPTC_TAG)) + _bytes(exif.get(_PHOTOSHOP_TAG))
    blocks = image.info.get("photoshop")
    own = _bytes(blocks.get(_PHOTOSHOP_IPTC)) if isinstance(blocks, dict) else b""
    return own or raw_profile(str(image.info.get(_RAW_PROFILES[0], "")))


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) and len(value) <= _MAX_BYTES else b""
