"""XMP, the description that programs put into files as XML (ISO 16684-1), cut down to a few values.

The XML comes from anywhere: it may have no document type, and so no entities, and its size is
limited. What stands before a fault counts.
"""

from __future__ import annotations

from contextlib import suppress
from xml.parsers import expat

from gallery.decoding.answers import MAX_TEXT

MAX_BYTES = 1 << 20
"""Larger blocks are not read; programs that put pictures into XMP write them."""

_PREFIXES = {
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf",
}
_NAMES = frozenset({
    "exif:DateTimeOriginal", "exif:DateTimeDigitized", "exif:GPSTimeStamp", "exif:GPSLatitude",
    "exif:GPSLongitude", "exif:GPSAltitude", "exif:GPSAltitudeRef", "photoshop:DateCreated",
    "xmp:CreateDate", "xmp:Rating",
})  # fmt: skip


class _DocumentType(Exception):
    """The XML declares entities or could do so."""


class _Reader:
    """Collects the properties of the file itself, not those of the pictures that it was made of."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._prefixes = {"xap": "xmp"}
        self._descriptions = 0
        self._property = ""
        self._text = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        for name, value in attributes.items():
            if name.startswith("xmlns:"):
                prefix = name.removeprefix("xmlns:")
                self._prefixes[prefix] = _PREFIXES.get(value, prefix)
        name = self._named(tag)
        self._descriptions += name == "rdf:Description"
        if self._descriptions > 1:
            return
        for attribute, value in attributes.items():
            self._note(self._named(attribute), value)
        if name in _NAMES:
            self._property, self._text = name, ""

    def data(self, text: str) -> None:
        if self._property and len(self._text) < MAX_TEXT:
            self._text += text

    def end(self, tag: str) -> None:
        name = self._named(tag)
        self._descriptions -= name == "rdf:Description"
        if name == self._property:
            self._note(name, self._text)
            self._property = ""

    def _named(self, name: str) -> str:
        prefix, colon, local = name.rpartition(":")
        return f"{self._prefixes.get(prefix, prefix)}{colon}{local}"

    def _note(self, name: str, value: str) -> None:
        if name in _NAMES and value.strip():
            self.found.setdefault(name, value.strip()[:MAX_TEXT])


def properties(data: bytes) -> dict[str, str]:
    """Return the properties of `_NAMES` in a block of XMP, at most 200 characters each.

    Their names have the usual prefixes, as in "exif:DateTimeOriginal". A block with a document
    type has none.
    """
    if len(data) > MAX_BYTES:
        return {}
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.data
    parser.StartDoctypeDeclHandler = _refuse
    try:
        with suppress(expat.ExpatError):
            parser.Parse(data.strip(b"\0 \t\r\n"), True)  # noqa: FBT003 - takes no keyword
    except _DocumentType:
        return {}
    return reader.found


def _refuse(*_: object) -> None:
    raise _DocumentType
