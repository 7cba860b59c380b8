"""Reads the format from the first bytes of a file, before any decoder sees them."""

from __future__ import annotations

import re
from pathlib import Path

from gallery.decoding.answers import DecodeError

# Ordinary progressive JPEGs have about 10 scans (at most 20 in 268 files of test corpora). Each
# scan costs one pass over all coefficients.
MAX_SCANS = 64

_STARTS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}
# Sizes of the header that follows BMP's file header: OS/2 1 and 2, Windows 3, 4, 5 and oddities.
_BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}

_SOS, _EOI = 0xDA, 0xD9
# Markers without a length: TEM, RST0-7, SOI.
_BARE = {0x01, *range(0xD0, 0xD9)}
# The end of entropy-coded data: neither a stuffed zero, nor a restart marker, nor a fill byte.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)


def sniff(start: bytes) -> str | None:
    """Return the format that the first bytes (64 are enough) announce, or None."""
    for magic, name in _STARTS:
        if start.startswith(magic):
            return name
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    if start[:2] == b"BM" and int.from_bytes(start[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    return _sniff_boxes(start) if start[4:8] == b"ftyp" else None


def _sniff_boxes(start: bytes) -> str | None:
    """Tell AVIF from HEIC by the brands of an ISO base media file (ISO 14496-12, 4.3)."""
    end = min(int.from_bytes(start[:4], "big"), len(start))
    brands = {start[8:12], *(start[i : i + 4] for i in range(16, end - 3, 4))}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIF" if brands & _HEIF_BRANDS else None


def webp_pixels(start: bytes) -> int:
    """Return how many pixels the first 30 bytes of a WebP announce (RFC 9649), 0 if unclear."""
    kind, body = start[12:16], start[20:30].ljust(10, b"\0")
    if kind == b"VP8X":
        width, height = (int.from_bytes(body[i : i + 3], "little") + 1 for i in (4, 7))
    elif kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 ":
        width, height = (int.from_bytes(body[i : i + 2], "little") & 0x3FFF for i in (6, 8))
    else:
        return 0
    return width * height


def check_scans(path: Path) -> None:
    """Refuse a JPEG whose scans would take minutes. Raises DecodeError(too_many_scans)."""
    data = path.read_bytes()
    # Entropy-coded data contains no such pair, so this counts every scan and perhaps a few pairs in
    # thumbnails and metadata. Only a count over the limit is worth an exact one.
    if data.count(b"\xff\xda") <= MAX_SCANS:
        return
    scans = count_scans(data)
    if scans > MAX_SCANS:
        raise DecodeError("too_many_scans", f"more than {MAX_SCANS} scans")


def count_scans(data: bytes) -> int:
    """Count the scans of a JPEG (ITU T.81, annex B) up to its end, or to MAX_SCANS + 1."""
    scans, position = 0, 2
    while scans <= MAX_SCANS:
        match = _NEXT_MARKER.search(data, position)
        if match is None or data[match.end() - 1] == _EOI:
            break
        marker, position = data[match.end() - 1], match.end()
        if marker in _BARE:
            continue
        position += max(2, int.from_bytes(data[position : position + 2], "big"))
        scans += marker == _SOS
    return scans
