"""What ties the two files of a Live Photo together, and how long the video is.

A camera of Apple writes one identifier into the picture's maker note and into the video's keys.
Videos are QuickTime or MP4 files; of those, only a few boxes are read, and no pictures.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

from gallery.decoding.answers import MAX_TEXT, DecodeError
from gallery.decoding.isobmff import boxes_of, outer_boxes
from gallery.sidecars import is_plausible

_MAX_MOVIE = 8 << 20
"""Bytes of the box `moov` that are read; that of a video of some seconds has about 10 kB."""

_FIRST_BOXES = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}
_CONTENT_KEY = b"com.apple.quicktime.content.identifier"
_DATE_KEY = b"com.apple.quicktime.creationdate"
_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)

# Apple's maker note: 12 bytes that name it, the order of bytes, and a directory like TIFF's.
_NOTE_START = b"Apple iOS\0"
_CONTENT_TAG, _TEXT_TYPE = 0x0011, 2
_MAX_ENTRIES = 200

Boxes = list[tuple[bytes, bytes]]


def content_identifier(note: Any) -> str | None:
    """Return the identifier in a picture's maker note, or None."""
    if not isinstance(note, bytes) or not note.startswith(_NOTE_START):
        return None
    order = "<" if note[12:14] == b"II" else ">"
    (count,) = struct.unpack_from(f"{order}H", note, 14)
    for place in range(16, 16 + 12 * min(count, _MAX_ENTRIES), 12):
        tag, kind, length, start = struct.unpack_from(f"{order}HHII", note, place)
        if tag == _CONTENT_TAG and kind == _TEXT_TYPE and length > 4:
            return _identifier(note[start : start + length])
    return None


def _identifier(data: bytes) -> str | None:
    text = data.split(b"\0")[0].decode("ascii", "replace").strip()
    return text[:MAX_TEXT] if text.isprintable() and text.isascii() and text else None


def read_film(file: BinaryIO) -> dict[str, Any]:
    """Return the facts of a video: `seconds` (0 if unknown), `size`, `content_id` and `created`.

    `size` counts bytes; `created` is an instant in ISO 8601 with its offset; both texts are empty
    where the file says nothing, or no year in which it can have been made. Raises DecodeError
    (unsupported_type) for any other file.
    """
    movie = list(boxes_of(_movie(file)))
    header = dict(movie).get(b"mvhd")
    tracks = [body for kind, body in movie if kind == b"trak"]
    if header is None or (tracks and not any(map(_is_video, tracks))):
        raise DecodeError("unsupported_type", "a film without pictures")
    created, seconds = _times(header)
    keys = _keys(dict(movie).get(b"meta", b""))
    return {
        "seconds": seconds,
        "size": file.seek(0, os.SEEK_END),
        "content_id": _identifier(keys.get(_CONTENT_KEY, b"")) or "",
        "created": _iso(keys.get(_DATE_KEY, b"")) or created,
    }


def _movie(file: BinaryIO) -> bytes:
    """Return the content of the box that describes the film."""
    for place, (kind, start, end) in enumerate(outer_boxes(file)):
        if place == 0 and kind not in _FIRST_BOXES:
            break
        if kind == b"moov":
            file.seek(start)
            return file.read(min(end - start, _MAX_MOVIE))
    raise DecodeError("unsupported_type", "no film")


def _is_video(track: bytes) -> bool:
    media = dict(boxes_of(dict(boxes_of(track)).get(b"mdia", b"")))
    return media.get(b"hdlr", b"")[8:12] == b"vide"


def _times(header: bytes) -> tuple[str, float]:
    """Return when a film was made, and its seconds, from its box `mvhd`."""
    layout, place = (">QQIQ", 4) if header[:1] == b"\1" else (">IIII", 4)
    with suppress(struct.error, OverflowError):
        created, _, scale, duration = struct.unpack_from(layout, header, place)
        unknown = not scale or duration in (2**32 - 1, 2**64 - 1)
        return _made(created), 0.0 if unknown else round(duration / scale, 3)
    return "", 0.0


def _made(seconds: int) -> str:
    """Return the instant that many seconds after 1904; cameras without a clock write zero."""
    with suppress(OverflowError):
        moment = _EPOCH + timedelta(seconds=seconds)
        return moment.isoformat() if seconds and is_plausible(moment) else ""
    return ""


def _keys(meta: bytes) -> dict[bytes, bytes]:
    """Return the texts of a `meta` box by their keys; QuickTime's box has no version, MP4's has."""
    boxes = dict(boxes_of(meta, 0 if meta[4:8] == b"hdlr" else 4))
    names = [name for _, name in boxes_of(boxes.get(b"keys", b""), 8)]
    values: dict[bytes, bytes] = {}
    for number, body in boxes_of(boxes.get(b"ilst", b"")):
        place = int.from_bytes(number, "big") - 1
        for text in _texts(body):
            if 0 <= place < len(names):
                values.setdefault(names[place], text)
    return values


def _texts(body: bytes) -> Iterator[bytes]:
    """Yield the values in an entry of a list of keys, without their type and language."""
    yield from (value[8:] for kind, value in boxes_of(body) if kind == b"data")


def _iso(data: bytes) -> str:
    """Return an instant as Apple writes it (2024-05-31T18:30:15+0200), "" for anything else."""
    with suppress(ValueError):
        moment = datetime.fromisoformat(data[:40].decode("ascii", "replace"))
        return moment.isoformat() if moment.tzinfo and is_plausible(moment) else ""
    return ""
