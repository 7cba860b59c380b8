"""XMP sidecars (ISO 16684-1), as Lightroom, darktable, digiKam and others write them.

The XML is read by expat in one pass. A document type, and with it every entity, is refused.
"""

from __future__ import annotations

import re
from collections import defaultdict
from contextlib import suppress
from datetime import datetime
from typing import Any, BinaryIO
from xml.parsers import expat

from gallery.sidecars import (
    MAX_CAPTION,
    BadSidecar,
    Sidecar,
    clean_tags,
    contents,
    is_plausible,
    metres,
    place,
    printable,
)

_MAX_DEPTH = 100
_MAX_VALUES = 2000
"""Values of one property that are kept; lists of points and masks have no end."""
_MAX_TEXT = 64 << 10

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
# The namespaces that are asked for, by the prefixes that this module gives them.
_PREFIXES = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://cipa.jp/exif/1.0/": "exifEX",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/lightroom/1.0/": "lr",
    "http://www.digikam.org/ns/1.0/": "digiKam",
    "http://ns.microsoft.com/photo/1.0/": "MicrosoftPhoto",
    "http://ns.microsoft.com/photo/1.2/t/Region#": "MPReg",
    "http://www.metadataworkinggroup.com/schemas/regions/": "mwg-rs",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "iptcExt",
}
# Properties inside structures; all others count only where they say something of the photo itself.
_DEEP = {"mwg-rs:Name", "MPReg:PersonDisplayName"}

# When the shutter opened, the best first; photo managers correct both.
_SHOT_DATES = ("exif:DateTimeOriginal", "photoshop:DateCreated")
# When the picture was made into a file, which of a scan or an export is another time.
_FILE_DATES = ("exif:DateTimeDigitized", "xmp:CreateDate")
_DATE = re.compile(
    r"(\d{4})(?:[-:](\d\d)(?:[-:](\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(\.\d{1,6})?\d*)?)?)?)?"
    r"\s*(Z|[+-]\d\d:?\d\d)?"
)
_TOLD = {1: 4, 2: 7, 3: 10, 5: 16, 6: 19}
"""Parts of a date and time -> characters in ISO 8601 that they are."""
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
# "51,30.5N" and "51,30,30N" are XMP's own form. Some programs write "51.508333N", a number with a
# sign, or the letter into a property of its own.
_DEGREES = re.compile(
    r"(-?)(\d{1,3}(?:\.\d+)?)(?:,(\d{1,2}(?:\.\d+)?))?(?:,(\d{1,2}(?:\.\d+)?))?\s*([NSEW]?)"
)
_PERCENT_STARS = ((1, 1), (13, 2), (38, 3), (63, 4), (88, 5))
"""From which percentage on Windows shows how many stars."""
_FAVOURITE_LABELS = {"favorite", "favourite"}
_PICK_ACCEPTED = "3"
_OWN_TAGS = "darktable"
"""The branch of tags that darktable keeps for itself."""

Properties = dict[str, list[str]]


def read(file: BinaryIO) -> Sidecar:
    """Return what an XMP file says. Raises BadSidecar."""
    return _sidecar(_Reader().properties(contents(file)))


class _Reader:
    """Collects the values of properties, whether written as attributes, elements or lists."""

    def __init__(self) -> None:
        self._found: Properties = defaultdict(list)
        self._names: list[str] = []
        self._texts: list[str] = []
        self._is_xmp = False
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text

    def properties(self, data: bytes) -> Properties:
        """Return the values of each property, in order. Raises BadSidecar."""
        try:
            self._parser.Parse(data, True)  # noqa: FBT003 - expat takes no names
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise BadSidecar(f"no XMP: {error}") from error
        if not self._is_xmp:
            raise BadSidecar("XML without RDF")
        return self._found

    def _refuse(self, *_: Any) -> None:
        raise BadSidecar("a document type")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._names.append(_short(name))
        self._texts.append("")
        self._is_xmp = self._is_xmp or self._names[-1] == "rdf:RDF"
        if len(self._names) > _MAX_DEPTH:
            raise BadSidecar("nested too deeply")
        for attribute, value in attributes.items():
            self._keep(_short(attribute), value, self._depth() + 1)

    def _text(self, text: str) -> None:
        if self._texts and len(self._texts[-1]) < _MAX_TEXT:
            self._texts[-1] += text[:_MAX_TEXT]

    def _end(self, _: str) -> None:
        text = self._texts.pop().strip()
        own = next((name for name in reversed(self._names) if not name.startswith("rdf:")), "")
        if text:
            self._keep(own, text, self._depth())
        self._names.pop()

    def _depth(self) -> int:
        """Return in how many properties the current element is; 1 is a property of the photo."""
        inside = self._names[self._names.index("rdf:RDF") :] if "rdf:RDF" in self._names else []
        return sum(not name.startswith("rdf:") for name in inside)

    def _keep(self, name: str, value: str, depth: int) -> None:
        wanted = name.partition(":")[0] in _PREFIXES.values() and (depth == 1 or name in _DEEP)
        if wanted and len(self._found[name]) < _MAX_VALUES:
            self._found[name].append(value)


def _short(name: str) -> str:
    """Return a name with this module's prefix; of an unknown namespace, with `?`."""
    space, _, local = name.rpartition(" ")
    return f"{'rdf' if space == _RDF else _PREFIXES.get(space, '?')}:{local}"


def _sidecar(found: Properties) -> Sidecar:
    latitude, longitude = place(
        _degrees(found, "exif:GPSLatitude"), _degrees(found, "exif:GPSLongitude")
    )
    return Sidecar(
        latitude=latitude,
        longitude=longitude,
        altitude=_altitude(found),
        caption=_caption(found),
        rating=_stars(found),
        favourite=_is_favourite(found),
        tags=clean_tags([*_keywords(found), *_people(found)]),
        **_date(found),
    )


def _first(found: Properties, *names: str) -> str:
    return next(
        (text for name in names for text in found.get(name, []) if text.strip()), ""
    ).strip()


def _date(found: Properties) -> dict[str, Any]:
    for names in (_SHOT_DATES, _FILE_DATES):
        for name in names:
            wall, told, offset = _time(_first(found, name))
            if wall:
                if offset is None and name == "exif:DateTimeOriginal":
                    offset = _minutes(_first(found, "exifEX:OffsetTimeOriginal"))
                is_shot = names is _SHOT_DATES
                return {"wall": wall, "told": told, "utc_offset": offset, "is_shot": is_shot}
    return {}


def _time(text: str) -> tuple[str, int, int | None]:
    """Return a local time in ISO 8601, how many characters of it are told, and its offset.

    The offset is in minutes or None; the text is empty if it is no time. What a date leaves out
    counts as its beginning: XMP may know only the year.
    """
    match = _DATE.fullmatch(text)
    if match is None:
        return "", 0, None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    with suppress(ValueError):
        moment = datetime(
            int(year), int(month or 1), int(day or 1),
            int(hour or 0), int(minute or 0), int(second or 0),
            round(float(fraction or 0) * 1_000_000) % 1_000_000,
        )  # fmt: skip
        if is_plausible(moment):
            parts = sum(part is not None for part in match.groups()[:6])
            return moment.isoformat(), _TOLD[parts], _minutes(zone or "")
    return "", 0, None


def _minutes(zone: str) -> int | None:
    if zone == "Z":
        return 0
    match = _OFFSET.fullmatch(zone)
    if match is None or int(match[2]) > 14 or int(match[3]) > 59:
        return None
    minutes = 60 * int(match[2]) + int(match[3])
    return -minutes if match[1] == "-" else minutes


def _degrees(found: Properties, name: str) -> float | None:
    match = _DEGREES.fullmatch(_first(found, name))
    if match is None:
        return None
    degrees, minutes, seconds = (float(part or 0) for part in match.groups()[1:4])
    value = round(degrees + minutes / 60 + seconds / 3600, 6)
    letter = match[5] or _first(found, f"{name}Ref")
    return -value if match[1] or letter in {"S", "W"} else value


def _altitude(found: Properties) -> float | None:
    text = _first(found, "exif:GPSAltitude")
    above, _, below = text.partition("/")
    with suppress(ValueError, ZeroDivisionError):
        height = metres(float(above) / float(below or 1))
        is_below = _first(found, "exif:GPSAltitudeRef") == "1"
        return -height if height is not None and is_below else height
    return None


def _caption(found: Properties) -> str:
    """Return title and description, the title once."""
    title = printable(_first(found, "dc:title"), MAX_CAPTION, lines=True)
    text = printable(_first(found, "dc:description"), MAX_CAPTION, lines=True)
    both = text if title in text else f"{title}\n{text}"
    return both[:MAX_CAPTION].strip()


def _stars(found: Properties) -> int:
    """Return 1 to 5 stars, 0 without; -1 means that somebody rejected the photo."""
    with suppress(ValueError, OverflowError):
        if text := _first(found, "xmp:Rating"):
            return max(0, min(int(float(text)), 5))
        percent = float(_first(found, "MicrosoftPhoto:Rating"))
        return max((stars for least, stars in _PERCENT_STARS if percent >= least), default=0)
    return 0


def _is_favourite(found: Properties) -> bool:
    """Tell whether somebody said so: colours of labels mean something else to everyone."""
    label = _first(found, "xmp:Label").casefold()
    return label in _FAVOURITE_LABELS or _first(found, "digiKam:PickLabel") == _PICK_ACCEPTED


def _keywords(found: Properties) -> list[str]:
    """Return the keywords; of those in a tree, the leaves."""
    trees = [("lr:hierarchicalSubject", "|"), ("digiKam:TagsList", "/")]
    branches = [text.split(mark) for name, mark in trees for text in found.get(name, [])]
    words = [text for text in found.get("dc:subject", []) if not text.startswith(f"{_OWN_TAGS}|")]
    return words + [parts[-1] for parts in branches if parts[0] != _OWN_TAGS]


def _people(found: Properties) -> list[str]:
    names = ("mwg-rs:Name", "MPReg:PersonDisplayName", "iptcExt:PersonInImage")
    return [text for name in names for text in found.get(name, [])]
