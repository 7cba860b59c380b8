"""Which format the first bytes of a file announce, and what a WebP says there of its size."""

from __future__ import annotations

# RAW files come before TIFF, because some begin like one.
_STARTS = {
    "ORF": (b"IIRO", b"IIRS", b"MMOR"),
    "RW2": (b"IIU\0",),
    "RAF": (b"FUJIFILMCCD-RAW",),
    "JPEG": (b"\xff\xd8\xff",),
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "GIF": (b"GIF87a", b"GIF89a"),
    "TIFF": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}
# Sizes of the header that follows BMP's file header: OS/2 1 and 2, Windows 3, 4, 5 and oddities.
_BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}


def sniff(start: bytes) -> str | None:
    """Return the format that the first bytes (64 are enough) announce, or None.

    Most RAW files are announced as TIFF; `raw.kind_of` tells them apart.
    """
    if start[:4] == b"II*\0" and start[8:10] == b"CR":
        return "CR2"
    for name, magics in _STARTS.items():
        if start.startswith(magics):
            return name
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    if start[:2] == b"BM" and int.from_bytes(start[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    return _sniff_boxes(start) if start[4:8] == b"ftyp" else None


def _sniff_boxes(start: bytes) -> str | None:
    """Tell AVIF, HEIC and CR3 apart by the brands of an ISO base media file (ISO 14496-12, 4.3)."""
    end = min(int.from_bytes(start[:4], "big"), len(start))
    brands = {start[8:12], *(start[i : i + 4] for i in range(16, end - 3, 4))}
    if start[8:12] == b"crx ":
        return "CR3"
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
