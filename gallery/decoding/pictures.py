"""Opens pictures and hands out their headers and renditions. Runs inside the children."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import BinaryIO, Protocol

from PIL import Image, ImageFile, UnidentifiedImageError

from gallery.decoding import (
    colour,
    exif,
    isobmff,
    jpegs,
    png_chunks,
    raw,
    rendition,
    tiff_planes,
    tiles,
)
from gallery.decoding.answers import RAW_FORMATS, DecodeError, ExifValue
from gallery.decoding.handed_file import HandedFile
from gallery.decoding.rendition import WHOLE, Box
from gallery.decoding.sniffing import sniff, webp_pixels

# Importing a plug-in registers its format. JPEGs of phones are often MPO: several in one file.
_PLUGINS = ("Jpeg", "Mpo", "Png", "WebP", "Gif", "Avif", "Tiff", "Bmp")
_FORMATS = {"JPEG", "PNG", "WEBP", "GIF", "AVIF", "TIFF", "BMP"}


# Bytes for each pixel that reading takes at its height, measured and rounded up, in formats that
# are decoded whole. Pillow alone takes 4, twice that for transparency; WebP has two more copies.
_BYTES_A_PIXEL = {"PNG": 10, "GIF": 10, "BMP": 6, "TIFF": 10, "WEBP": 17, "AVIF": 10, "HEIF": 6}
# Progressive JPEGs are kept as coefficients of 2 bytes.
_BYTES_A_COEFFICIENT = 2
_JPEG_BYTES_A_PIXEL = 4
_SHARE_OF_MEMORY = 0.8

_HARDLY_LESS = 0.95
"""Of a side. Cameras of 12 megapixels, 4,000 or 4,032 px wide, come out at 500 or 504 of 512."""

LARGE_PIXELS = 50_000_000
"""Pictures of more pixels may take longer than others."""


@dataclass(frozen=True)
class Limits:
    """How large pictures may be: pixels, and bytes of memory that reading one may take."""

    max_pixels: int
    memory_bytes: int


class Opened(Protocol):
    """What the children ask of a picture whose header was read and whose pixels were not.

    `flaw` says what is missing of it, for certain only once it made a rendition; `video` is where
    in the file a short video begins and ends.
    """

    name: str
    flaw: str
    video: tuple[int, int] | None

    def size(self) -> tuple[int, int]:
        """Return width and height of the upright picture."""

    def values(self) -> dict[str, ExifValue]:
        """Return the values of the EXIF that are on the allow-list."""

    def rendition(self, side: int, box: Box = WHOLE) -> Image.Image:
        """Return what is inside `box` at `side` px or less, upright, in sRGB."""

    def is_cheap_at_full_size(self) -> bool:
        """Tell whether `squares` takes little time once a rendition was made."""

    def squares(self) -> Image.Image | None:
        """Return the squares that sharpness is measured by (`tiles`), None if it has none."""


@dataclass(eq=False)
class Picture:
    """A picture that Pillow opened.

    `planes` are the grey pictures that a planar TIFF consists of; there are none for others.
    `source` is where a JPEG can be read from once more, and `reduced` tells that its pixels were
    read at a fraction of its size.
    """

    name: str
    image: Image.Image
    file: HandedFile
    limits: Limits
    planes: list[Image.Image] = field(default_factory=list)
    flaw: str = ""
    video: tuple[int, int] | None = None
    source: BinaryIO | None = None
    reduced: bool = True

    def size(self) -> tuple[int, int]:
        """Return width and height of the upright picture; TIFF's plug-in turns them itself."""
        width, height = self.image.size
        turned = self.name != "TIFF" and self._orientation() >= 5
        return (height, width) if turned else (width, height)

    def values(self) -> dict[str, ExifValue]:
        """Return the values of the EXIF that are on the allow-list."""
        return exif.allowed_values(self.image)

    def rendition(self, side: int, box: Box = WHOLE) -> Image.Image:
        """Return what is inside `box` at `side` px or less, upright, in sRGB.

        Loading the pixels may raise whatever Pillow raises for damaged files.
        """
        profile = colour.profile_of(self.name, self.image, self.file)
        orientation = self._orientation()
        if self.name == "JPEG":
            left, top, right, bottom = rendition.cut(self.image.size, box, orientation)
            wanted = side * max(self.image.size) // max(right - left, bottom - top)
            room = self.limits.memory_bytes * _SHARE_OF_MEMORY - _bytes_needed("JPEG", self.image)
            self.reduced = _set_draft(self.image, wanted, room)
        bits, signed = self._depth()
        return rendition.make(
            self._load(),
            side,
            box,
            orientation=orientation,
            profile=profile,
            bits=bits - signed,
        )

    def is_cheap_at_full_size(self) -> bool:
        """Tell whether `squares` takes little time once a rendition was made."""
        return self.name != "JPEG" or not self.reduced

    def squares(self) -> Image.Image | None:
        """Return the squares that sharpness is measured by, None if it has none.

        A picture with a flaw has none: what is missing of it would count as smooth.
        """
        if self.name != "JPEG" or self.source is None:
            return tiles.cut(self._load())
        if self.flaw:
            return None
        if not self.reduced:
            return tiles.cut(self.image)
        self.source.seek(0)
        with _identify("JPEG", self.source, self.file) as whole:
            by = tiles.reduction(*whole.size)
            # Grey alone takes two thirds of the time.
            whole.draft("L", (whole.width // by, whole.height // by))
            whole.load()
            return tiles.cut(whole)

    def _orientation(self) -> int:
        """Return the EXIF orientation of the pixels that are loaded."""
        if self.name == "TIFF" and not self.planes:
            return 1
        return exif.orientation_of(self.image)

    def _depth(self) -> tuple[int, bool]:
        if self.name != "TIFF" or self.planes:
            return 16, False
        with self.file.open() as stream:
            return tiff_planes.bits_of(stream)

    def _load(self) -> Image.Image:
        if self.planes:
            return tiff_planes.merged(self.planes)
        if self.flaw:
            with jpegs.forgiving():
                self.image.load()
            self.flaw = jpegs.flaw_of(self.image, self.flaw)
        self.image.load()
        return self.image


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
def open_picture(file: HandedFile, limits: Limits) -> Iterator[Opened]:
    """Yield the picture in a file, header read, pixels not.

    Raises DecodeError: empty, unsupported_type, unsupported_pixels, too_many_scans,
    too_many_pixels, corrupt.
    """
    pixels = 0
    try:
        name, start = _name_of(file)
        if name in RAW_FORMATS:
            with raw.opened(name, file, limits.memory_bytes) as picture:
                width, height = picture.size()
                pixels = _check_pixels((width, height), limits)
                _check_memory(picture.bytes_needed(), limits)
                yield picture
            return
        pixels = _check_before_opening(name, start, file, limits)
        with _open(name, start, file, limits) as picture:
            pixels = _check_pixels(picture.image.size, limits)
            _check_memory(_bytes_needed(name, picture.image), limits)
            yield picture
    except (OSError, RuntimeError, ValueError) as error:
        _blame_memory(pixels, error)
        raise


def _name_of(file: HandedFile) -> tuple[str, bytes]:
    """Return a file's format, and its first bytes."""
    with file.open() as stream:
        start = stream.read(jpegs.MAX_GARBAGE)
        name = sniff(start)
        if name == "TIFF":
            name = raw.kind_of(stream) or name
    if name is None and jpegs.begins_at(start) > 0:
        name = "JPEG"
    if name is None:
        reason = "unsupported_type" if start else "empty"
        raise DecodeError(reason, f"starts with {start[:8].hex()}")
    return name, start


@contextmanager
def _open(name: str, start: bytes, file: HandedFile, limits: Limits) -> Iterator[Picture]:
    layout = jpegs.Layout()
    with file.open() as stream:
        source: BinaryIO = stream
        if name == "JPEG":
            layout = jpegs.layout_of(file, max(jpegs.begins_at(start), 0))
            if layout.start or layout.stop is not None:
                stream.seek(layout.start)
                length = -1 if layout.stop is None else layout.stop - layout.start
                source = io.BytesIO(stream.read(length))
        elif name == "HEIF":
            layout = jpegs.Layout(video=isobmff.heif_video_range(stream))
            stream.seek(0)
        with _identify(name, source, file) as image:
            planes = _planes(file) if name == "TIFF" else []
            if name == "PNG":
                png_chunks.add_late_chunks(image, file)
            again = source if name == "JPEG" else None
            yield Picture(name, image, file, limits, planes, layout.flaw, layout.video, again)


def _identify(name: str, stream: BinaryIO, file: HandedFile) -> Image.Image:
    try:
        return Image.open(stream, formats=[name])
    except UnidentifiedImageError:
        if name == "TIFF":
            with file.open() as own:
                if tiff_planes.is_complete(own):
                    raise DecodeError("unsupported_pixels", "unknown to Pillow") from None
        raise


def _planes(file: HandedFile) -> list[Image.Image]:
    with file.open() as stream:
        return tiff_planes.planes(stream)


def _check_before_opening(name: str, start: bytes, file: HandedFile, limits: Limits) -> int:
    """Check what must be checked before Pillow sees the file; return the pixels, 0 if unknown."""
    if name == "HEIF":
        register_heif()
    elif name == "TIFF":
        with file.open() as stream:
            tiff_planes.refuse_unsupported(stream)
    elif name == "WEBP" and (pixels := webp_pixels(start)):
        # The plug-in allocates the whole canvas, twice, when it opens a file.
        _check_memory(_BYTES_A_PIXEL[name] * pixels, limits)
        return _check_pixels((pixels, 1), limits)
    return 0


def _check_pixels(size: tuple[int, int], limits: Limits) -> int:
    width, height = size
    if width < 1 or height < 1:
        raise DecodeError("corrupt", f"{width} x {height} pixels")
    if width * height > limits.max_pixels:
        raise DecodeError("too_many_pixels", f"{width * height} pixels")
    return width * height


def _check_memory(needed: int, limits: Limits) -> None:
    """Refuse a picture that cannot be read in the memory that there is."""
    if needed > limits.memory_bytes * _SHARE_OF_MEMORY:
        raise DecodeError("too_many_pixels", f"{needed >> 20} MiB of memory are needed")


def _bytes_needed(name: str, image: Image.Image) -> int:
    """Return the memory that a thumbnail of an opened picture takes.

    Only JPEGs are decoded at a reduced size, and progressive ones not before all of their
    coefficients are read.
    """
    pixels = image.width * image.height
    if name != "JPEG":
        return _BYTES_A_PIXEL[name] * pixels
    needed = _JPEG_BYTES_A_PIXEL * pixels // 64
    if image.info.get("progressive"):
        layers = [(wide, high) for _, wide, high, _ in getattr(image, "layer", ())]
        largest = max((wide * high for wide, high in layers), default=1) or 1
        needed += _BYTES_A_COEFFICIENT * pixels * sum(w * h for w, h in layers) // largest
    return needed


def _blame_memory(pixels: int, error: Exception) -> None:
    """Raise MemoryError if the libraries ran out of memory, which few of them report.

    A canvas of 8 bytes a pixel is about what every decoder needs. Reserving it costs nothing,
    since nothing is written to it.
    """
    try:
        bytearray(8 * pixels)
    except MemoryError:
        raise MemoryError(str(error)) from error


def register_heif() -> None:
    """Register HEIC, whose library is large and needed by few pictures."""
    if "HEIF" not in Image.OPEN:
        import pillow_heif

        pillow_heif.register_heif_opener(
            thumbnails=False, depth_images=False, aux_images=False, decode_threads=1
        )


def _exact_scale(side: int, whole: int) -> float:
    """Return the scale of the decoder that makes `whole` pixels about `side`; 0 if none does."""
    fitting = (1 / by for by in (2, 4, 8) if _HARDLY_LESS * side <= whole / by <= side)
    return next(fitting, 0.0)


def _set_draft(image: Image.Image, side: int, room: float) -> bool:
    """Let the JPEG decoder scale by 1/2, 1/4 or 1/8, with a quarter to spare; tell if it will.

    It needs nothing to spare where it comes out at `side`, or hardly below, since no other scaling
    follows then. A picture that would not fit into `room` (bytes) is scaled further down than was
    asked for.
    """
    whole = image.size
    fits = max(room, 0) / 2 / _JPEG_BYTES_A_PIXEL
    wanted = _exact_scale(side, max(whole)) or 1.25 * side / max(whole)
    scale = min(wanted, math.sqrt(fits / (image.width * image.height)))
    if scale < 1:
        width, height = (max(1, int(length * scale)) for length in image.size)
        image.draft(image.mode, (width, height))
    return image.size != whole
