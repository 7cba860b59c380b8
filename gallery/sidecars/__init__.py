"""Sidecars: small files in which other programs keep what they know of a photo beside it.

They are read in decoder children, like pictures. This package loads no Django.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any, BinaryIO

MAX_BYTES = 16 << 20
"""The largest sidecar that is read. Masks drawn by hand make XMP files of some megabytes."""

MAX_CAPTION, MAX_TAG, MAX_TAGS, MAX_NAME = 2000, 60, 100, 500
"""Characters of a caption, a tag and a file name, and how many tags are taken from a sidecar."""

_FIRST_YEAR = 1826
"""The year of the oldest photograph that is known."""


class BadSidecar(ValueError):
    """A sidecar is damaged, too large, or not what its name says. The text is for the log."""


@dataclass(frozen=True)
class Sidecar:
    """What a sidecar says of its photo; empty values say nothing.

    `wall` is the local time in ISO 8601 without a zone, of which the sidecar told the first `told`
    characters, and `utc_offset` the minutes that it was ahead of UTC; `instant` is a time in UTC
    whose local time is unknown, also in ISO 8601. With `is_shot` the time is surely that of the
    shot. Degrees come together or not at all, the altitude is in metres, `rating` in stars (0 to
    5). `title` is the name that the picture's file had.
    """

    wall: str = ""
    told: int = 0
    utc_offset: int | None = None
    instant: str = ""
    is_shot: bool = False
    latitude: float | None = None
    longitude: float | None = None
    altitude: float | None = None
    caption: str = ""
    rating: int = 0
    favourite: bool = False
    tags: tuple[str, ...] = ()
    title: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the values by name, for the pipe between a decoder child and its parent."""
        return asdict(self)


def from_json(values: Any) -> Sidecar:
    """Return the sidecar that a child's answer describes. Raises ValueError or TypeError."""
    if not isinstance(values, dict) or values.keys() != {field.name for field in fields(Sidecar)}:
        raise ValueError("not the fields of a sidecar")
    sidecar = Sidecar(**{**values, "tags": tuple(values["tags"])})
    for text in (sidecar.wall, sidecar.instant, sidecar.caption, sidecar.title, *sidecar.tags):
        if not isinstance(text, str) or len(text) > MAX_CAPTION:
            raise ValueError("a text that is none or too long")
    for moment in (sidecar.wall, sidecar.instant):
        if moment:
            datetime.fromisoformat(moment)
    if type(sidecar.told) is not int:
        raise ValueError("no number of characters")
    if sidecar.utc_offset is not None and not -1440 < sidecar.utc_offset < 1440:
        raise ValueError("no offset")
    if place(sidecar.latitude, sidecar.longitude) != (sidecar.latitude, sidecar.longitude):
        raise ValueError("no place")
    if sidecar.altitude is not None and metres(sidecar.altitude) != sidecar.altitude:
        raise ValueError("no altitude")
    if type(sidecar.rating) is not int or not 0 <= sidecar.rating <= 5:
        raise ValueError("no rating")
    if type(sidecar.favourite) is not bool:
        raise ValueError("neither a favourite nor none")
    return sidecar


def contents(file: BinaryIO) -> bytes:
    """Return the whole of a sidecar. Raises BadSidecar for one of more than `MAX_BYTES`."""
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise BadSidecar("too large")
    return data


def is_plausible(moment: datetime) -> bool:
    """Tell whether a photo may have been taken in the year of a time."""
    return _FIRST_YEAR <= moment.year <= datetime.now(UTC).year + 1


def place(latitude: Any, longitude: Any) -> tuple[float | None, float | None]:
    """Return both degrees, or None twice unless they are numbers and on Earth.

    Zeros are what devices and services write that know no place.
    """
    numbers = all(type(value) in (int, float) for value in (latitude, longitude))
    if not numbers or not (abs(latitude) <= 90 and abs(longitude) <= 180):
        return None, None
    return (latitude, longitude) if latitude or longitude else (None, None)


def metres(value: Any) -> float | None:
    """Return a height that is possible on Earth, or None."""
    if type(value) not in (int, float) or not math.isfinite(value):
        return None
    return float(value) if value and abs(value) < 100_000 else None


def printable(text: Any, limit: int, *, lines: bool = False) -> str:
    """Return text without invisible characters, cut at `limit`; line breaks only with `lines`."""
    if not isinstance(text, str):
        return ""
    kept = (c for c in text[: 4 * limit] if unicodedata.category(c) not in {"Cc", "Cs", "Co"})
    if lines:
        whole = text[: 4 * limit].replace("\r\n", "\n").replace("\r", "\n")
        kept = (c for c in whole if c == "\n" or unicodedata.category(c) not in {"Cc", "Cs", "Co"})
    return "".join(kept).strip()[:limit].strip()


def clean_tags(names: Iterable[Any]) -> tuple[str, ...]:
    """Return texts as tags can be: no slash and no comma, single spaces, once each, in order."""
    tags: dict[str, str] = {}
    for name in names:
        words = printable(name, 4 * MAX_TAG).replace("/", " ").replace(",", " ").split()
        tag = " ".join(words)[:MAX_TAG].strip()
        if tag.strip("."):
            tags.setdefault(tag.casefold(), tag)
        if len(tags) == MAX_TAGS:
            break
    return tuple(tags.values())
