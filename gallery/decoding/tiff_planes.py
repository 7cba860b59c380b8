"""TIFFs that Pillow does not read, or reads wrongly: planar ones of 16 bits, and floats.

A planar TIFF stores all of red, then all of green, then all of blue. Of 16-bit ones Pillow mixes
up the planes, so each plane is opened as a grey TIFF of its own.
"""

from __future__ import annotations

import io
import struct
from typing import BinaryIO

from PIL import Image

from gallery.decoding import rendition
from gallery.decoding.answers import DecodeError
from gallery.decoding.tiff_tags import Directory, directories

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL = 256, 257, 258, 259, 262, 266
_STRIPS, _SAMPLES, _ROWS, _STRIP_BYTES, _PLANAR, _PREDICTOR = 273, 277, 278, 279, 284, 317
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES, _EXTRA, _FORMAT = 322, 323, 324, 325, 338, 339
_MAX_STRIPS = 1 << 20

_RGB, _COLOURS = 2, 3
_FLOAT = 3
_UNASSOCIATED, _ASSOCIATED = 2, 1


def bits_of(file: BinaryIO) -> tuple[int, bool]:
    """Return the bits of a sample of the first page, and whether they are signed; 8 if unclear."""
    page = _first_page(file)
    if page is None:
        return 8, False
    return page.number(_BITS, 1), page.number(_FORMAT, 1) == 2


def refuse_unsupported(file: BinaryIO) -> None:
    """Raise DecodeError(unsupported_pixels) for samples that no photo has: floats, 32 bits."""
    page = _first_page(file)
    if page is None:
        return
    bits, kind = page.number(_BITS, 1), page.number(_FORMAT, 1)
    if kind >= _FLOAT or bits > 16:
        raise DecodeError("unsupported_pixels", f"{bits} bits a sample, sample format {kind}")


def is_complete(file: BinaryIO) -> bool:
    """Tell whether the first page is complete enough that only its kind can be the trouble."""
    page = _first_page(file)
    return page is not None and all((page.number(_WIDTH), page.number(_HEIGHT), _lists(page)[0]))


def _first_page(file: BinaryIO) -> Directory | None:
    found = directories(file)
    return found[0] if found else None


def planes(file: BinaryIO) -> list[Image.Image]:
    """Return the planes of a planar TIFF of 16 bits as grey pictures, headers read, pixels not.

    None for any other TIFF. Raises DecodeError(corrupt) if strips are missing.
    """
    page = _first_page(file)
    if page is None or page.number(_PLANAR, 1) != 2 or page.number(_BITS, 1) != 16:
        return []
    samples = page.number(_SAMPLES, 1)
    if page.number(_PHOTOMETRIC) != _RGB or samples < _COLOURS:
        raise DecodeError("unsupported_pixels", "planes of 16 bits that are not red, green, blue")
    starts, lengths = _lists(page)
    each = len(starts) // samples
    if not each or each * samples != len(starts) or len(lengths) != len(starts):
        raise DecodeError("corrupt", "a planar TIFF without all of its strips")
    wanted = _COLOURS + (page.number(_EXTRA) in (_ASSOCIATED, _UNASSOCIATED))
    return [
        _plane(page, starts[i * each : (i + 1) * each], lengths[i * each : (i + 1) * each])
        for i in range(min(wanted, samples))
    ]


def merged(parts: list[Image.Image]) -> Image.Image:
    """Return the picture that the planes make together: RGB or RGBA, 8 bits."""
    modes = {3: "RGB", 4: "RGBA"}
    bands = []
    for part in parts:
        # Each is closed, and with it freed, before the next one is loaded.
        with part:
            bands.append(rendition.eight_bits(part, 16))
    return Image.merge(modes[len(parts)], bands)


def _lists(page: Directory) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return where the strips or the tiles of a page are, and their lengths."""
    strips = page.numbers(_STRIPS, _MAX_STRIPS), page.numbers(_STRIP_BYTES, _MAX_STRIPS)
    tiles = page.numbers(_TILES, _MAX_STRIPS), page.numbers(_TILE_BYTES, _MAX_STRIPS)
    return strips if strips[0] else tiles


def _plane(page: Directory, starts: tuple[int, ...], lengths: tuple[int, ...]) -> Image.Image:
    """Return one plane as a grey TIFF of its own, in memory."""
    data = bytearray(b"II*\0\0\0\0\0" if page.order == "<" else b"MM\0*\0\0\0\0")
    places = []
    for start, length in zip(starts, lengths, strict=True):
        page.file.seek(start)
        places.append(len(data))
        data += page.file.read(length)
        data += bytes(len(data) % 2)
    tiled = _TILES in page.entries
    tags = {
        _WIDTH: (page.number(_WIDTH),),
        _HEIGHT: (page.number(_HEIGHT),),
        _BITS: (16,),
        _COMPRESSION: (page.number(_COMPRESSION, 1),),
        _PHOTOMETRIC: (1,),
        _FILL: (page.number(_FILL, 1),),
        _SAMPLES: (1,),
        _PLANAR: (1,),
        _PREDICTOR: (page.number(_PREDICTOR, 1),),
        _TILES if tiled else _STRIPS: tuple(places),
        _TILE_BYTES if tiled else _STRIP_BYTES: lengths,
    }
    for tag in (_TILE_WIDTH, _TILE_HEIGHT) if tiled else (_ROWS,):
        tags[tag] = (page.number(tag, page.number(_HEIGHT)),)
    _add_directory(data, page.order, tags)
    return Image.open(io.BytesIO(data), formats=["TIFF"])


def _add_directory(data: bytearray, order: str, tags: dict[int, tuple[int, ...]]) -> None:
    """Append a directory of LONGs and let the header point to it."""
    lists = {}
    for tag, values in tags.items():
        if len(values) > 1:
            lists[tag] = len(data)
            data += struct.pack(f"{order}{len(values)}I", *values)
    struct.pack_into(order + "I", data, 4, len(data))
    data += struct.pack(order + "H", len(tags))
    for tag, values in sorted(tags.items()):
        value = lists.get(tag, values[0])
        data += struct.pack(order + "HHII", tag, 4, len(values), value)
    data += bytes(4)
