"""Chunks of PNGs (W3C PNG, third edition) that Pillow does not read, or only with the pixels."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import BinaryIO

from PIL import Image

from gallery.decoding.descriptions import raw_profile
from gallery.decoding.handed_file import HandedFile
from gallery.decoding.isobmff import Codes

_SIGNATURE = 8
# Encoders split the pixels of a large picture into thousands of chunks.
_MAX_CHUNKS = 50_000
_MAX_BYTES = 1 << 20
_MAX_TEXTS = 64
_XMP = b"XML:com.adobe.xmp"
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


def colour_codes(file: HandedFile) -> Codes | None:
    """Return primaries and transfer curve (ITU-T H.273) that `cICP` names, None without it."""
    with file.open() as stream:
        for kind, _ in _chunks(stream):
            if kind == b"cICP":
                primaries, transfer = stream.read(2).ljust(2, b"\2")
                return primaries, transfer
            if kind == b"IDAT":
                break
    return None


def add_late_chunks(image: Image.Image, file: HandedFile) -> None:
    """Give an opened PNG the EXIF and the texts that stand behind its pixels.

    Pillow finds them only while it reads the pixels. EXIF may be in a text, as ImageMagick puts it.
    """
    with file.open() as stream:
        found = dict(_late(stream))
    exif = found.pop("exif", b"")
    for name, content in found.items():
        image.info.setdefault(
            name, content if name == "xmp" else content.decode("utf-8", "replace")
        )
    if "exif" not in image.info and (exif := exif or _exif_in_text(image)):
        image.info["exif"] = exif


def _exif_in_text(image: Image.Image) -> bytes:
    for name in _RAW_PROFILES:
        text = image.info.get(name)
        if isinstance(text, str) and (block := raw_profile(text)):
            return block
    return b""


def _late(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of EXIF and texts behind the pixels, and of EXIF before them."""
    is_late, texts = False, 0
    for kind, length in _chunks(file):
        is_late = is_late or kind == b"IDAT"
        if kind == b"eXIf" and length <= _MAX_BYTES:
            yield "exif", file.read(length)
        elif is_late and kind in _TEXTS and length <= _MAX_BYTES and texts < _MAX_TEXTS:
            texts += 1
            with suppress(zlib.error, ValueError):
                yield _TEXTS[kind](file.read(length))


def _plain(chunk: bytes) -> tuple[str, bytes]:
    name, _, text = chunk.partition(b"\0")
    return name.decode("latin-1"), text


def _packed(chunk: bytes) -> tuple[str, bytes]:
    name, _, rest = chunk.partition(b"\0")
    return name.decode("latin-1"), _unpacked(rest[1:])


def _international(chunk: bytes) -> tuple[str, bytes]:
    name, _, rest = chunk.partition(b"\0")
    _language, _translated, text = rest[2:].split(b"\0", 2)
    text = _unpacked(text) if rest[:1] == b"\1" else text
    return ("xmp" if name == _XMP else name.decode("latin-1")), text


def _unpacked(data: bytes) -> bytes:
    """Return what zlib unpacks, at most as much as a chunk may have."""
    return zlib.decompressobj().decompress(data, _MAX_BYTES)


_TEXTS: dict[bytes, Callable[[bytes], tuple[str, bytes]]] = {
    b"tEXt": _plain,
    b"zTXt": _packed,
    b"iTXt": _international,
}
