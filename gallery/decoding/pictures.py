"""Opens pictures and makes small, upright RGB renditions of them. Runs inside the children.

The order of the steps keeps the memory low: shrink first, then convert colours, then turn. In the
opposite order, a picture of 49 megapixels takes three times as much.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

from PIL import Image, ImageFile

from gallery.decoding.answers import DecodeError
from gallery.decoding.exif import orientation_of

# Importing a plug-in registers its format. JPEGs of phones are often MPO: several in one file.
_PLUGINS = ("Jpeg", "Mpo", "Png", "WebP", "Gif", "Avif", "Tiff", "Bmp")
_FORMATS = {"JPEG", "PNG", "WEBP", "GIF", "AVIF", "TIFF", "BMP"}
_MAX_PROFILE = 1 << 20
_Transpose = Image.Transpose
# EXIF 2.32, tag 0x0112: how to turn the picture upright.
_TURNS = {
    2: _Transpose.FLIP_LEFT_RIGHT,
    3: _Transpose.ROTATE_180,
    4: _Transpose.FLIP_TOP_BOTTOM,
    5: _Transpose.TRANSPOSE,
    6: _Transpose.ROTATE_270,
    7: _Transpose.TRANSVERSE,
    8: _Transpose.ROTATE_90,
}

_HASH_SIDE = 32
_HASH_LOW = 8  # frequencies each way
_COSINES = [
    [math.cos(math.pi * u * (2 * x + 1) / (2 * _HASH_SIDE)) for x in range(_HASH_SIDE)]
    for u in range(_HASH_LOW)
]

# Ordinary progressive JPEGs have about 10 scans (at most 20 in 268 files of test corpora). Each
# scan costs one pass over all coefficients.
MAX_SCANS = 64

_STARTS = {
    "JPEG": (b"\xff\xd8\xff",),
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "GIF": (b"GIF87a", b"GIF89a"),
    "TIFF": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}
# Sizes of the header that follows BMP's file header: OS/2 1 and 2, Windows 3, 4, 5 and oddities.
_BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}

_SOS, _EOI = 0xDA, 0xD9
# Markers without a length: TEM, RST0-7, SOI.
_BARE = {0x01, *range(0xD0, 0xD9)}
# The end of entropy-coded data: neither a stuffed zero, nor a restart marker, nor a fill byte.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)

Box = tuple[float, ...]
"""Left, top, width and height as fractions of an upright picture's sides."""
WHOLE = (0.0, 0.0, 1.0, 1.0)


def configure_pillow(max_pixels: int) -> None:
    """Make Pillow strict, and check that every format we ask it for is there."""
    for plugin in _PLUGINS:
        import_module(f"PIL.{plugin}ImagePlugin")
    Image.MAX_IMAGE_PIXELS = max_pixels
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    # A name that no plug-in registered would make every unknown file raise KeyError.
    missing = _FORMATS - set(Image.OPEN)
    if missing:
        raise RuntimeError(f"this Pillow cannot read {sorted(missing)}")


@contextmanager
def open_picture(path: Path, max_pixels: int) -> Iterator[tuple[str, Image.Image]]:
    """Yield the format's name and the picture, header read, pixels not.

    Raises DecodeError: empty, unsupported_type, too_many_scans, too_many_pixels, corrupt.
    """
    pixels = 0
    try:
        with path.open("rb") as file:
            start = file.read(64)
            name = sniff(start)
            if name is None:
                reason = "unsupported_type" if start else "empty"
                raise DecodeError(reason, f"starts with {start[:8].hex()}")
            pixels = _check_before_opening(name, start, path, max_pixels)
            with Image.open(file, formats=[name]) as image:
                pixels = _check_pixels(image.size, max_pixels)
                yield name, image
    except (OSError, RuntimeError, ValueError) as error:
        _blame_memory(pixels, error)
        raise


def _check_before_opening(name: str, start: bytes, path: Path, max_pixels: int) -> int:
    """Check what must be checked before Pillow sees the file; return the pixels, 0 if unknown."""
    if name == "JPEG":
        check_scans(path)
    elif name == "HEIF":
        _register_heif()
    elif name == "WEBP" and webp_pixels(start):
        # The plug-in allocates the whole canvas, twice, when it opens a file.
        return _check_pixels((webp_pixels(start), 1), max_pixels)
    return 0


def _check_pixels(size: tuple[int, int], max_pixels: int) -> int:
    width, height = size
    if width < 1 or height < 1:
        raise DecodeError("corrupt", f"{width} x {height} pixels")
    if width * height > max_pixels:
        raise DecodeError("too_many_pixels", f"{width * height} pixels")
    return width * height


def _blame_memory(pixels: int, error: Exception) -> None:
    """Raise MemoryError if the libraries ran out of memory, which few of them report.

    A canvas of 8 bytes a pixel is about what every decoder needs. Reserving it costs nothing,
    since nothing is written to it.
    """
    try:
        bytearray(8 * pixels)
    except MemoryError:
        raise MemoryError(str(error)) from error


def _register_heif() -> None:
    """Register HEIC at its first use: its library is large and few pictures need it."""
    if "HEIF" not in Image.OPEN:
        import pillow_heif

        pillow_heif.register_heif_opener(
            thumbnails=False, depth_images=False, aux_images=False, decode_threads=1
        )


def sniff(start: bytes) -> str | None:
    """Return the format that the first bytes (64 are enough) announce, or None."""
    for name, magics in _STARTS.items():
        if start.startswith(magics):
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


def upright_size(name: str, image: Image.Image) -> tuple[int, int]:
    """Return width and height of the upright picture."""
    width, height = image.size
    return (height, width) if _stored_orientation(name, image) >= 5 else (width, height)


def _stored_orientation(name: str, image: Image.Image) -> int:
    """Return the EXIF orientation of the stored pixels; TIFF's plug-in turns them itself."""
    return 1 if name == "TIFF" else orientation_of(image)


def rendition(name: str, image: Image.Image, side: int, box: Box = WHOLE) -> Image.Image:
    """Return a new upright sRGB picture of at most `side` px, without any metadata.

    It shows what is inside `box`, at least one pixel. Loading the pixels may raise whatever
    Pillow raises for damaged files.
    """
    profile = image.info.get("icc_profile")
    orientation = _stored_orientation(name, image)
    if name == "JPEG":
        left, top, right, bottom = _cut(image, box, orientation)
        _set_draft(image, side * max(image.size) // max(right - left, bottom - top))
    image.load()
    if box != WHOLE:
        image = image.crop(_cut(image, box, orientation))
    small = _shrink(_to_resizable(image), side)
    small = _to_srgb(_flatten(small), profile)
    if orientation in _TURNS:
        small = small.transpose(_TURNS[orientation])
    clean = Image.new("RGB", small.size)
    clean.paste(small)
    return clean


def _cut(image: Image.Image, box: Box, orientation: int) -> tuple[int, int, int, int]:
    """Return the edges of the box in the pixels of an image that is not turned yet."""
    left, top, wide, high = box
    right, low = 1 - left - wide, 1 - top - high
    edges = {
        2: (right, top, left, low),
        3: (right, low, left, top),
        4: (left, low, right, top),
        5: (top, left, low, right),
        6: (top, right, low, left),
        7: (low, right, top, left),
        8: (low, left, top, right),
    }
    # Fractions to cut off at the left, the top, the right and the bottom.
    ways = edges.get(orientation, (left, top, right, low))
    x = min(int(ways[0] * image.width), image.width - 1)
    y = min(int(ways[1] * image.height), image.height - 1)
    end = max(image.width - int(ways[2] * image.width), x + 1)
    bottom = max(image.height - int(ways[3] * image.height), y + 1)
    return max(x, 0), max(y, 0), min(end, image.width), min(bottom, image.height)


def _set_draft(image: Image.Image, side: int) -> None:
    """Let the JPEG decoder scale by 1/2, 1/4 or 1/8, with a quarter to spare."""
    scale = 1.25 * side / max(image.size)
    if scale < 1:
        width, height = (max(1, int(length * scale)) for length in image.size)
        image.draft(image.mode, (width, height))


def _to_resizable(image: Image.Image) -> Image.Image:
    """Return the picture in a mode that can be resized smoothly and turned into RGB later."""
    if image.mode == "I" or image.mode == "F" or image.mode.startswith("I;"):
        return _eight_bits(image)
    if image.has_transparency_data:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    if image.mode == "LAB":
        return _through_profile(image, None)
    return image.convert("RGB") if image.mode in {"P", "1", "PA", "HSV"} else image


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return greys of 16 or more bits as mode L, scaled from the depth that they appear to use."""
    wide = image if image.mode == "F" else image.convert("I")
    extrema: Any = wide.getextrema()
    low, high = extrema
    if wide.mode == "I" and low >= 0 and high <= 65535:
        low, high = 0, next(limit for limit in (255, 4095, 65535) if high <= limit)
    scale = 255 / ((high - low) or 1)
    return wide.point(lambda value: value * scale + -low * scale).convert("L")


def _shrink(image: Image.Image, side: int) -> Image.Image:
    """Return the picture at most `side` px wide and high; small ones keep their size."""
    scale = side / max(image.size)
    if scale >= 1:
        return image
    width, height = (max(1, round(length * scale)) for length in image.size)
    # Averaging whole steps first is as good, several times faster, and needs little memory.
    step = max(1, int(0.5 / scale))
    if step > 1:
        image = image.reduce((min(step, image.width), min(step, image.height)))
    return image.resize((width, height), Image.Resampling.BICUBIC)


def _flatten(image: Image.Image) -> Image.Image:
    """Return the picture, over white if it is transparent."""
    if image.mode != "RGBA":
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def _to_srgb(image: Image.Image, profile: object) -> Image.Image:
    """Return the picture as sRGB, by its colour profile if that is small and valid."""
    if isinstance(profile, bytes) and len(profile) <= _MAX_PROFILE and not _is_srgb(profile):
        # A broken profile is no reason to refuse a picture.
        with suppress(Exception):
            return _through_profile(image, profile)
    return image.convert("RGB")


def _is_srgb(profile: bytes) -> bool:
    return b"sRGB" in profile or "sRGB".encode("utf-16-be") in profile


def _through_profile(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the picture as sRGB by a colour profile, by that of CIELAB without one."""
    from PIL import ImageCms

    source: Any = ImageCms.createProfile("LAB")
    if profile is not None:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    srgb = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
    return image.convert("RGB") if converted is None else converted


def perceptual_hash(image: Image.Image) -> int:
    """Return the 64-bit DCT hash of an RGB picture, the lowest frequency in the highest bit.

    Similar pictures differ in few bits, whatever their size or compression.

    The classic "pHash" (C. Zauner, Implementation and Benchmarking of Perceptual Image Hash
    Functions, 2010): 32 x 32 grey, DCT-II, the 8 x 8 lowest frequencies, each compared with
    their median without the constant term. Plain Python, because children do without NumPy.
    """
    grey = image.convert("L").resize((_HASH_SIDE, _HASH_SIDE), Image.Resampling.BOX).tobytes()
    rows = [grey[y * _HASH_SIDE : (y + 1) * _HASH_SIDE] for y in range(_HASH_SIDE)]
    partial = [[_dot(cosines, row) for row in rows] for cosines in _COSINES]
    low = [_dot(cosines, column) for cosines in _COSINES for column in partial]
    middle = median(low[1:])
    bits = 0
    for value in low:
        bits = bits << 1 | (value > middle)
    return bits


def _dot(left: list[float], right: bytes | list[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))
