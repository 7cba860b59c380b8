"""Files that lie beside pictures, made here: videos of Live Photos, XMP, AAE and Takeout's JSON."""

from __future__ import annotations

import json
import plistlib
import struct
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from tests import images

IDENTIFIER = "1AF9E8D4-7C52-4B0C-9A27-6D2C7B3C5E10"
_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)


def box(kind: bytes, content: bytes) -> bytes:
    """Return a box of an ISO base media file."""
    return struct.pack(">I4s", 8 + len(content), kind) + content


def video(
    seconds: float = 2.5,
    *,
    content_id: str = "",
    created: datetime | None = None,
    date: str = "",
    brand: bytes = b"qt  ",
    long: bool = False,
    sound_only: bool = False,
) -> bytes:
    """Return a QuickTime film without pictures, as far as its boxes tell its length and maker.

    `created` is the time in its header, `date` the one in Apple's keys; `long` takes 64 bits.
    """
    since = int((created - _EPOCH).total_seconds()) if created else 0
    layout = ">B3xQQIQ" if long else ">B3xIIII"
    header = struct.pack(layout, long, since, since, 600, round(600 * seconds)) + bytes(80)
    handler = b"soun" if sound_only else b"vide"
    track = box(b"trak", box(b"mdia", box(b"hdlr", bytes(8) + handler + bytes(12))))
    keys = {"com.apple.quicktime.content.identifier": content_id}
    keys |= {"com.apple.quicktime.creationdate": date, "com.apple.quicktime.make": "Apple"}
    movie = box(b"mvhd", header) + track + _meta({k: v for k, v in keys.items() if v}, brand)
    start = box(b"ftyp", brand + bytes(4) + brand)
    return start + box(b"mdat", bytes(400)) + box(b"moov", movie)


def _meta(keys: dict[str, str], brand: bytes) -> bytes:
    names = b"".join(box(b"mdta", key.encode()) for key in keys)
    values = b"".join(
        box(struct.pack(">I", place), box(b"data", struct.pack(">II", 1, 0) + text.encode()))
        for place, text in enumerate(keys.values(), start=1)
    )
    boxes = box(b"hdlr", bytes(8) + b"mdta" + bytes(12))
    boxes += box(b"keys", struct.pack(">II", 0, len(keys)) + names) + box(b"ilst", values)
    return box(b"meta", boxes if brand == b"qt  " else bytes(4) + boxes)


def maker_note(content_id: str = IDENTIFIER) -> bytes:
    """Return Apple's maker note with the identifier of a Live Photo."""
    text = content_id.encode() + b"\0"
    entries = struct.pack(">HHII", 1, 9, 1, 14) + struct.pack(">HHII", 0x11, 2, len(text), 44)
    return b"Apple iOS\0\0\1MM" + struct.pack(">H", 2) + entries + bytes(4) + text


def live_picture(
    content_id: str = IDENTIFIER, *, taken: str = "2024:05:31 18:30:15", heic: bool = False
) -> bytes:
    """Return the picture of a Live Photo."""
    photo: dict[int, Any] = {0x9003: taken, 0x9011: "+02:00"}
    if content_id:
        photo[0x927C] = maker_note(content_id)
    block = images.exif({0x010F: "Apple", 0x0110: "iPhone 15"}, photo)
    if heic:
        return images.heic(images.gradient(), exif=block)
    return images.encode(images.gradient(), exif=block)


_SPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "exifEX": "http://cipa.jp/exif/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "MicrosoftPhoto": "http://ns.microsoft.com/photo/1.0/",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "MPRI": "http://ns.microsoft.com/photo/1.2/t/RegionInfo#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "darktable": "http://darktable.sf.net/",
}


def xmp(elements: str = "", **attributes: str) -> bytes:
    """Return an XMP sidecar; `xmp__Rating="3"` is an attribute, `elements` are written as given."""
    spaces = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in _SPACES.items())
    values = " ".join(
        f"{name.replace('__', ':')}={quoteattr(value)}" for name, value in attributes.items()
    )
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {spaces} {values}>{elements}</rdf:Description>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def bag(name: str, *values: str, kind: str = "Bag") -> str:
    """Return a property with a list of values."""
    items = "".join(f"<rdf:li>{escape(value)}</rdf:li>" for value in values)
    return f"<{name}><rdf:{kind}>{items}</rdf:{kind}></{name}>"


def alternatives(name: str, text: str) -> str:
    """Return a property with a text in the default language."""
    item = f'<rdf:li xml:lang="x-default">{escape(text)}</rdf:li>'
    return f"<{name}><rdf:Alt>{item}</rdf:Alt></{name}>"


def takeout(title: str = "IMG_1.jpg", seconds: int | str = 1_557_000_000, **values: Any) -> bytes:
    """Return Takeout's JSON beside a photo that was taken at a time in UTC."""
    whole = {
        "title": title,
        "description": "",
        "imageViews": "12",
        "creationTime": {"timestamp": "1600000000", "formatted": "13 Sept 2020, 12:26:40 UTC"},
        "photoTakenTime": {"timestamp": str(seconds), "formatted": "some day"},
        "geoData": {"latitude": 0.0, "longitude": 0.0, "altitude": 0.0},
        "url": "https://photos.google.com/photo/1",
    }
    return json.dumps(whole | values).encode()


def aae(*, binary: bool = False) -> bytes:
    """Return the edits of a picture, as an iPhone lists them."""
    values = {
        "adjustmentBaseVersion": 0,
        "adjustmentData": b"\x05\xcb",
        "adjustmentFormatIdentifier": "com.apple.photo",
        "adjustmentFormatVersion": "1.4",
        "adjustmentTimestamp": datetime(2024, 6, 1, 9, 30),
    }
    return plistlib.dumps(values, fmt=plistlib.FMT_BINARY if binary else plistlib.FMT_XML)
