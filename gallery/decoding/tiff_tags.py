"""A bounded reader for the directories of a TIFF, where Pillow would not open the file."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_MAX_ENTRIES = 1024
_MAX_DIRECTORIES = 16
_MAX_TEXT = 64
# Bytes and struct codes of the types that hold whole numbers: BYTE, SHORT, LONG, IFD, LONG8, IFD8.
_WHOLE = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_SUB_DIRECTORIES = 330


@dataclass(frozen=True)
class Directory:
    """One directory: tag -> type, count, and where its values are."""

    file: BinaryIO
    order: str
    entries: dict[int, tuple[int, int, int]]
    following: int

    def numbers(self, tag: int, most: int = 64) -> tuple[int, ...]:
        """Return the whole numbers of a tag, none if it is missing, odd or longer than `most`."""
        kind, count, position = self.entries.get(tag, (0, 0, 0))
        if kind not in _WHOLE or not 0 < count <= most:
            return ()
        form = f"{self.order}{count}{_WHOLE[kind]}"
        data = self._read(position, struct.calcsize(form))
        return struct.unpack(form, data) if len(data) == struct.calcsize(form) else ()

    def number(self, tag: int, otherwise: int = 0) -> int:
        """Return the first number of a tag."""
        return (self.numbers(tag) or (otherwise,))[0]

    def text(self, tag: int) -> str:
        """Return the text of a tag, at most 64 characters, empty without one."""
        kind, count, position = self.entries.get(tag, (0, 0, 0))
        data = self._read(position, min(count, _MAX_TEXT)) if kind == 2 else b""
        return data.split(b"\0")[0].decode("latin-1").strip()

    def _read(self, position: int, length: int) -> bytes:
        self.file.seek(position)
        return self.file.read(length)


def directories(file: BinaryIO) -> list[Directory]:
    """Return the first directory of a TIFF and those below it, at most 16; none if damaged."""
    try:
        return list(_walk(file))
    except (struct.error, OSError, OverflowError, ValueError):
        return []


def _walk(file: BinaryIO) -> Iterator[Directory]:
    file.seek(0)
    start = file.read(16)
    order = "<" if start[:2] == b"II" else ">"
    big = start[2:4] in (b"+\0", b"\0+")
    waiting = [
        struct.unpack_from(order + "Q", start, 8)[0]
        if big
        else struct.unpack_from(order + "I", start, 4)[0]
    ]
    seen: set[int] = set()
    while waiting and len(seen) < _MAX_DIRECTORIES:
        position = waiting.pop(0)
        if position in seen or not position:
            continue
        seen.add(position)
        directory = _directory(file, order, position, big=big)
        yield directory
        waiting += directory.numbers(_SUB_DIRECTORIES)


def _directory(file: BinaryIO, order: str, position: int, *, big: bool) -> Directory:
    """Read one directory; `big` is for BigTIFF, with its wider numbers. Raises struct.error."""
    file.seek(position)
    head, entry, inline = ("Q", "HHQ8s", 8) if big else ("H", "HHI4s", 4)
    (count,) = struct.unpack(order + head, file.read(struct.calcsize(order + head)))
    count = min(count, _MAX_ENTRIES)
    size = struct.calcsize(order + entry)
    table_at = file.tell()
    table = file.read(size * count)
    entries = {}
    for number in range(len(table) // size):
        tag, kind, values, raw = struct.unpack_from(order + entry, table, number * size)
        width = struct.calcsize(order + _WHOLE.get(kind, "B")) * values
        here = table_at + (number + 1) * size - inline
        where = here if width <= inline else struct.unpack(order + ("Q" if big else "I"), raw)[0]
        entries[tag] = (kind, values, where)
    after = file.read(8 if big else 4)
    following = int.from_bytes(after, "little" if order == "<" else "big")
    return Directory(file, order, entries, following)
