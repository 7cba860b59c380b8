"""RAW files of cameras: the picture that the camera put inside, or a development by LibRaw.

LibRaw and NumPy are loaded only by children that get RAW files (`libraries`). LibRaw would open a
file by its name, which a child does not know, so it gets the whole file in memory.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from PIL import Image

from gallery.decoding import colour, descriptions, exif, isobmff, rendition, tiles
from gallery.decoding.answers import PREVIEW_SIDE, THUMBNAIL_SIDE, DecodeError, ExifValue
from gallery.decoding.handed_file import HandedFile
from gallery.decoding.rendition import WHOLE, Box
from gallery.decoding.tiff_tags import directories

if TYPE_CHECKING:
    import rawpy

_DNG_VERSION, _PHOTOMETRIC, _MAKE = 50706, 262, 271
# Colour filter arrays, and what is made of them before any other step ("linear raw").
_OF_SENSORS = {32803, 34892}
_BY_MAKE = {
    "nikon": "NEF",
    "sony": "ARW",
    "pentax": "PEF",
    "ricoh": "PEF",
    "samsung": "SRW",
    "canon": "CR2",
    "olympus": "ORF",
    "om digital": "ORF",
    "panasonic": "RW2",
    "leica": "RW2",
}
_RAF_JPEG = 84

# LibRaw names a quarter turn to the left 5, one to the right 6, and half a turn 3.
_TURNS = {3: 3, 5: 8, 6: 6}

# What LibRaw needs for each pixel of a whole development and for one at half the size.
_BYTES_WHOLE, _BYTES_HALF = 20, 10

# The curve of sRGB: its power, and its slope near black.
_SRGB_CURVE = (2.4, 12.92)


def kind_of(file: BinaryIO) -> str | None:
    """Return the format of a RAW file that is a TIFF inside; None for a TIFF like any other."""
    found = directories(file)
    if not found:
        return None
    if _DNG_VERSION in found[0].entries:
        return "DNG"
    if not any(part.number(_PHOTOMETRIC, -1) in _OF_SENSORS for part in found):
        return None
    make = found[0].text(_MAKE).lower()
    return next((name for start, name in _BY_MAKE.items() if make.startswith(start)), "RAW")


@dataclass(eq=False)
class RawPicture:
    """A RAW file whose header was read."""

    name: str
    file: HandedFile
    raw: rawpy.RawPy
    memory_bytes: int
    flaw: str = ""
    video: tuple[int, int] | None = None

    def size(self) -> tuple[int, int]:
        """Return width and height of the upright picture that the sensor took."""
        sizes = self.raw.sizes
        size = (int(sizes.width), int(sizes.height))
        return (size[1], size[0]) if sizes.flip in (5, 6) else size

    def values(self) -> dict[str, ExifValue]:
        """Return the values of the EXIF that are on the allow-list."""
        with self.file.open() as stream:
            return values_of(self.name, stream)

    def rendition(self, side: int, box: Box = WHOLE) -> Image.Image:
        """Return what is inside `box` at `side` px or less, upright, in sRGB.

        It comes from the camera's own picture if that is large enough, else from the sensor.
        """
        import rawpy

        # The long side of the whole picture at which the part has `side` pixels.
        needed = int(side / max(0.001, min(1.0, max(box[2:]))))
        preview = self._preview()
        if preview is None or not self._is_enough(preview, needed):
            try:
                return rendition.make(self._development(needed), side, box)
            except rawpy.LibRawError as error:
                # Kinds of compression that LibRaw does not know; a small picture is better.
                if preview is None or _is_memory(error):
                    raise
        profile = colour.profile_of("JPEG", preview, self.file)
        turn = self._turn(preview)
        if box == WHOLE:
            preview.draft(preview.mode, (2 * side, 2 * side))
        preview.load()
        return rendition.make(preview, side, box, orientation=turn, profile=profile)

    def is_cheap_at_full_size(self) -> bool:
        """Tell whether `squares` takes little time: the camera's picture is read once more."""
        return False

    def squares(self) -> Image.Image | None:
        """Return the squares that sharpness is measured by, of the camera's own picture."""
        preview = self._preview()
        if preview is None or not self._is_enough(preview, max(self.size())):
            return None
        by = tiles.reduction(*preview.size)
        preview.draft("L", (preview.width // by, preview.height // by))
        preview.load()
        return tiles.cut(preview)

    def bytes_needed(self) -> int:
        """Return the memory that a thumbnail takes, next to nothing from the camera's picture."""
        preview = self._preview()
        if preview is not None and self._is_enough(preview, THUMBNAIL_SIDE):
            return 0
        return _BYTES_HALF * self.size()[0] * self.size()[1]

    def _preview(self) -> Image.Image | None:
        """Return the largest picture that the camera put into the file, not turned yet."""
        import rawpy

        try:
            found = self.raw.extract_thumb()
        except rawpy.LibRawError:
            return None
        data: Any = found.data
        with suppress(OSError, SyntaxError, ValueError):
            if found.format == rawpy.ThumbFormat.JPEG:
                return Image.open(io.BytesIO(data), formats=["JPEG", "MPO"])
            return Image.fromarray(data)
        return None

    def _is_enough(self, preview: Image.Image, needed: int) -> bool:
        """Tell whether the camera's picture has what a rendition of `needed` px shows."""
        found, whole = max(preview.size), max(self.size())
        # People see both sizes of rendition, so both come from the same picture.
        return found >= max(needed, PREVIEW_SIDE) or found >= 0.9 * whole

    def _turn(self, preview: Image.Image) -> int:
        """Return how to turn the camera's picture; it is stored as the sensor lies, or upright."""
        turn = _TURNS.get(self.raw.sizes.flip, 1)
        upright, found = self.size(), preview.size
        is_upright = (upright[0] >= upright[1]) == (found[0] >= found[1])
        return 1 if turn >= 5 and is_upright else turn

    def _development(self, needed: int) -> Image.Image:
        """Return the picture made from what the sensor saw, upright, in sRGB."""
        import rawpy

        pixels, long = self.size()[0] * self.size()[1], max(self.size())
        fits = pixels * _BYTES_WHOLE < self.memory_bytes * 0.6
        made = self.raw.postprocess(
            half_size=long >= 2 * needed or not fits,
            demosaic_algorithm=rawpy.DemosaicAlgorithm.LINEAR,
            use_camera_wb=True,
            output_bps=8,
            gamma=_SRGB_CURVE,
        )
        return Image.fromarray(made[..., 0] if made.ndim == 3 and made.shape[2] == 1 else made)


@contextmanager
def opened(name: str, file: HandedFile, memory_bytes: int) -> Iterator[RawPicture]:
    """Yield a RAW file, its header read by LibRaw.

    Raises DecodeError(unsupported_type) for cameras that LibRaw does not know.
    """
    try:
        import rawpy
    except ImportError as error:  # pragma: no cover - a platform without rawpy
        raise DecodeError("unsupported_type", f"{name} without rawpy: {error}") from error
    try:
        with file.open() as stream, rawpy.imread(stream) as raw:
            yield RawPicture(name, file, raw, memory_bytes)
    except rawpy.LibRawFileUnsupportedError as error:
        raise DecodeError("unsupported_type", f"{name}: {error}") from error
    except rawpy.LibRawError as error:
        if _is_memory(error):
            raise MemoryError(str(error)) from error
        raise DecodeError("corrupt", f"{name}: {error}") from error


def _is_memory(error: Exception) -> bool:
    import rawpy

    return isinstance(error, rawpy.LibRawUnsufficientMemoryError | rawpy.LibRawTooBigError)


# --- EXIF, which each maker keeps in a place of its own ---------------------------------------


class _AsTiff:
    """A file whose first four bytes read as those of a TIFF; the rest of a TIFF follows them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        order = file.read(2)
        self._start = order + (b"*\0" if order == b"II" else b"\0*")
        file.seek(0)

    def read(self, length: int = -1) -> bytes:
        place = self._file.tell()
        data = self._file.read(length)
        return (self._start[place:4] + data[4 - place :])[: len(data)] if place < 4 else data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def values_of(name: str, file: BinaryIO) -> dict[str, ExifValue]:
    """Return the EXIF values of a RAW file that are on the allow-list, none if it is damaged."""
    with suppress(Exception):
        return _READERS.get(name, _values_of_tiff)(file)
    return {}


def _values_of_tiff(file: BinaryIO) -> dict[str, ExifValue]:
    block = Image.Exif()
    block.load_from_fp(_AsTiff(file))  # type: ignore[arg-type]
    values = exif.values_of(block)
    described = block.get(descriptions.XMP_TAG)
    if not isinstance(described, bytes):
        return values
    return exif.completed(values, descriptions.of_blocks(described))


def _values_of_raf(file: BinaryIO) -> dict[str, ExifValue]:
    file.seek(_RAF_JPEG)
    place, length = (int.from_bytes(file.read(4), "big") for _ in range(2))
    file.seek(place)
    with Image.open(io.BytesIO(file.read(length)), formats=["JPEG"]) as image:
        return exif.allowed_values(image)


def _values_of_cr3(file: BinaryIO) -> dict[str, ExifValue]:
    tags = isobmff.cr3_tags(file)
    blocks = [Image.Exif() for _ in range(3)]
    for block, name in zip(blocks, (b"CMT1", b"CMT2", b"CMT4"), strict=True):
        with suppress(Exception):
            block.load(tags.get(name, b""))
    return exif.values_of(*blocks)


_READERS: dict[str, Callable[[BinaryIO], dict[str, ExifValue]]] = {
    "RAF": _values_of_raf,
    "CR3": _values_of_cr3,
}
