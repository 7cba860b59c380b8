"""Boxes of ISO base media files (ISO 14496-12): HEIC, AVIF, CR3, and the videos of phones.

Only the few boxes that say something about a still picture are read, each up to a limit.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

_MAX_META = 4 << 20
_MAX_BOXES = 4096
_CR3_TAGS = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
# A `ftyp` box has 16 bytes, and 4 more for each further brand.
_SMALLEST, _LARGEST = 16, 256
_MOVIES = {b"moov", b"moof", b"mdat"}

Codes = tuple[int, int]
"""Numbers of primaries and of the transfer curve (ITU-T H.273)."""


def boxes_of(data: bytes, start: int = 0) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and content of the boxes in `data`, up to the first that does not fit."""
    for _ in range(_MAX_BOXES):
        size, kind, head = (
            int.from_bytes(data[start : start + 4], "big"),
            data[start + 4 : start + 8],
            8,
        )
        if size == 1:
            size, head = int.from_bytes(data[start + 8 : start + 16], "big"), 16
        end = start + size if size else len(data)
        if len(kind) < 4 or (size and size < head) or end > len(data):
            return
        yield kind, data[start + head : end]
        start = end


def outer_boxes(file: BinaryIO, start: int = 0) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and end of the content of a file's boxes, as positions in the file.

    The end of the last box may lie behind that of the file, if the file is cut.
    """
    length = file.seek(0, os.SEEK_END)
    for _ in range(_MAX_BOXES):
        file.seek(start)
        header = file.read(16)
        size, kind, head = int.from_bytes(header[:4], "big"), header[4:8], 8
        if size == 1:
            size, head = int.from_bytes(header[8:16], "big"), 16
        end = start + size if size else length
        if len(kind) < 4 or (size and size < head):
            return
        yield kind, start + head, end
        if end >= length:
            return
        start = end


def _content(file: BinaryIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(min(end - start, _MAX_META))


def colour_codes(file: BinaryIO) -> Codes | None:
    """Return what the primary picture's `nclx` box says of its colours, or None."""
    for kind, start, end in outer_boxes(file):
        if kind == b"meta":
            with suppress(IndexError):
                return _codes_of_meta(_content(file, start, end)[4:])
    return None


def _codes_of_meta(meta: bytes) -> Codes | None:
    """Read the properties of the primary item, or of all items if the item is not clear."""
    found = dict(boxes_of(meta))
    parts = list(boxes_of(found.get(b"iprp", b"")))
    properties = [box for kind, body in parts if kind == b"ipco" for box in boxes_of(body)]
    primary = _primary(found.get(b"pitm", b""))
    wanted: set[int] = set()
    for kind, body in parts:
        if kind == b"ipma":
            wanted |= _properties_of(body, primary)
    for number, (kind, body) in enumerate(properties, start=1):
        if kind == b"colr" and body[:4] == b"nclx" and (number in wanted or not wanted):
            return int.from_bytes(body[4:6], "big"), int.from_bytes(body[6:8], "big")
    return None


def _primary(body: bytes) -> int:
    return int.from_bytes(body[4:8] if body[:1] == b"\1" else body[4:6], "big")


def _properties_of(body: bytes, item: int) -> set[int]:
    """Return the numbers of the properties that an `ipma` box gives to an item."""
    id_bytes, wide = (4 if body[0] else 2), body[3] & 1
    position = 8
    for _ in range(int.from_bytes(body[4:8], "big")):
        number = int.from_bytes(body[position : position + id_bytes], "big")
        count = body[position + id_bytes]
        position += id_bytes + 1
        step = 2 if wide else 1
        entries = [body[position + i * step : position + (i + 1) * step] for i in range(count)]
        if number == item:
            return {int.from_bytes(e, "big") & (0x7FFF if wide else 0x7F) for e in entries}
        position += count * step
    return set()


def video_range(file: BinaryIO, start: int) -> tuple[int, int] | None:
    """Return where a video begins and ends that begins at `start`; None if none does.

    Makers write notes behind the video: it ends where the boxes do, or else with the file.
    """
    length = file.seek(0, os.SEEK_END)
    file.seek(start)
    head = file.read(12)
    if head[4:8] != b"ftyp" or not head[8:12].strip().isalnum():
        return None
    if not _SMALLEST <= int.from_bytes(head[:4], "big") <= _LARGEST:
        return None
    end, kinds = start, set()
    for kind, _, stop in outer_boxes(file, start):
        if not kind.isalnum() or stop > length:
            break
        kinds.add(kind)
        end = stop
    return start, end if kinds & _MOVIES else length


def heif_video_range(file: BinaryIO) -> tuple[int, int] | None:
    """Return where the video in a HEIC or AVIF begins and ends; None without one."""
    for kind, start, end in outer_boxes(file):
        if kind == b"mpvd":
            length = file.seek(0, os.SEEK_END)
            return start, min(end, length)
    return None


def cr3_tags(file: BinaryIO) -> dict[bytes, bytes]:
    """Return the TIFF blocks of a CR3 by name: CMT1 (base), CMT2 (photo), CMT4 (position)."""
    for kind, start, end in outer_boxes(file):
        if kind == b"moov":
            for inner, body in boxes_of(_content(file, start, end)):
                if inner == b"uuid" and body[:16] == _CR3_TAGS:
                    return {k: v for k, v in boxes_of(body, 16) if k.startswith(b"CMT")}
    return {}
