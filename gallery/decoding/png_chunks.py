"""Chunks of PNGs (W3C PNG, third edition) that Pillow does not read, or only with the pixels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from gallery.decoding.isobmff import Codes

_SIGNATURE = 8
# Encoders split the pixels of a large picture into thousands of chunks.
_MAX_CHUNKS = 50_000
_MAX_BYTES = 1 << 20
_RAW_PROFILES = ("Raw profile type exif", "Raw profile type APP1")


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield kind and length of the chunks; the file stands at the content of the last one."""
    place = _SIGNATURE
    for _ in range(_MAX_CHUNKS):
        file.seek(place)
        header = file.read(8)
        length, kind = int.from_bytes(header[:4], "big"), header[4:]
        if len(kind) < 4:
            return
        yield kind, length
        place += length + 12


def colour_codes(path: Path) -> Codes | None:
    """Return primaries and transfer curve (ITU-T H.273) that `cICP` names, None without it."""
    with path.open("rb") as file:
        for kind, _ in _chunks(file):
            if kind == b"cICP":
                primaries, transfer = file.read(2).ljust(2, b"\2")
                return primaries, transfer
            if kind == b"IDAT":
                break
    return None


def add_late_exif(image: Image.Image, path: Path) -> None:
    """Give an opened PNG the EXIF that stands behind its pixels, or in a text as ImageMagick does.

    Pillow finds the one only while it reads the pixels, and does not use the other.
    """
    if "exif" not in image.info:
        found = _exif_in_text(image) or _exif_in_chunk(path)
        if found:
            image.info["exif"] = found


def _exif_in_text(image: Image.Image) -> bytes:
    for name in _RAW_PROFILES:
        text = image.info.get(name)
        if isinstance(text, str) and len(text) <= 2 * _MAX_BYTES:
            # A line with the kind, a line with the length, and the bytes in hexadecimal.
            with suppress(ValueError, IndexError):
                return bytes.fromhex("".join(text.split()[2:]))
    return b""


def _exif_in_chunk(path: Path) -> bytes:
    with path.open("rb") as file:
        for kind, length in _chunks(file):
            if kind == b"eXIf" and length <= _MAX_BYTES:
                return file.read(length)
    return b""
