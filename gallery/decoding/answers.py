"""What a pool answers about a picture or raises, and the checks of what a child answers."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gallery import sidecars
from gallery.decoding import tiles
from gallery.decoding.frames import BadFrame, Header

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Long sides of the renditions, in pixels.
SMALL_SIDE = 320
THUMBNAIL_SIDE = 512
PREVIEW_SIDE = 1440
PICTURE_SIDE = 5000
"""Of a picture that is handed out without its details: 25 megapixels, which fit into a frame."""
PART_SIDE = 1024
"""Longest side, in pixels, of a part of a picture, or of a whole to be cut into parts."""

EXIF_KEYS = frozenset({
    "make", "model", "lens", "software", "taken_at", "offset", "exposure", "f_number", "iso",
    "focal_length", "focal_35mm", "latitude", "longitude", "altitude", "orientation", "rating",
    "subsec", "bias", "image_number", "image_id", "taken_from", "gps_at", "content_id",
})  # fmt: skip
MAX_TEXT = 200
TAKEN_FROM = frozenset({"exif", "digitized", "modified", "xmp", "iptc", "png"})
"""Where `taken_at` comes from: EXIF's times of the shot, the scan or the last change, or another
kind of description."""

# The forms of values that later steps compute with; all other texts are only for people.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", re.ASCII)
_FORMS = {
    "taken_at": _MOMENT,
    "gps_at": _MOMENT,
    "offset": re.compile(r"[-+]\d\d:[0-5]\d", re.ASCII),
    "subsec": re.compile(r"\d{1,9}", re.ASCII),
    "taken_from": re.compile("|".join(TAKEN_FROM)),
}

# Format as Pillow names it -> file name extension and media type.
FORMATS = {
    "JPEG": ("jpg", "image/jpeg"),
    "PNG": ("png", "image/png"),
    "WEBP": ("webp", "image/webp"),
    "GIF": ("gif", "image/gif"),
    "AVIF": ("avif", "image/avif"),
    "TIFF": ("tif", "image/tiff"),
    "BMP": ("bmp", "image/bmp"),
    "HEIF": ("heic", "image/heic"),
    "NEF": ("nef", "image/x-nikon-nef"),
    "CR2": ("cr2", "image/x-canon-cr2"),
    "CR3": ("cr3", "image/x-canon-cr3"),
    "ARW": ("arw", "image/x-sony-arw"),
    "DNG": ("dng", "image/x-adobe-dng"),
    "RAF": ("raf", "image/x-fuji-raf"),
    "ORF": ("orf", "image/x-olympus-orf"),
    "RW2": ("rw2", "image/x-panasonic-rw2"),
    "PEF": ("pef", "image/x-pentax-pef"),
    "SRW": ("srw", "image/x-samsung-srw"),
    "RAW": ("raw", "image/x-raw"),
}
RAW_FORMATS = frozenset(
    {"NEF", "CR2", "CR3", "ARW", "DNG", "RAF", "ORF", "RW2", "PEF", "SRW", "RAW"}
)
"""What a camera's sensor saw, of the makers that LibRaw knows; RAW stands for the others."""

CUT_SHORT, INCOMPLETE = "cut_short", "incomplete"
FLAWS = frozenset({"", CUT_SHORT, INCOMPLETE})
"""What is missing of a picture: nothing, its end or a few rows, or a large part."""

ExifValue = str | int | float

LAYERS = (
    "no_new_privileges", "not_traceable", "no_capabilities", "landlock_files", "landlock_network",
    "landlock_scope", "seccomp",
)  # fmt: skip
"""What can stand between a child and everything else, in the order in which it is put up."""


class DecodeError(Exception):
    """A picture was refused or could not be read.

    `reason` is a value of `gallery.reasons.Reason`: plain text here, because decoder children
    load no Django. `detail` is a short technical note for the log, never shown alone.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class PoolBusy(Exception):
    """Too many pictures wait to be read; try again in a moment (HTTP 503 with Retry-After)."""


class PoolClosed(Exception):
    """The pool was closed before or while the picture was read."""


@dataclass(frozen=True)
class Probe:
    """What the header of a picture says.

    `width` and `height` are in pixels, upright (after the EXIF orientation). `taken_at` is the
    camera's local time in ISO 8601 without a zone, or None. `exif` holds only EXIF_KEYS: texts
    of at most 200 printable characters and finite numbers; exposure is in seconds, focal lengths
    in millimetres, latitude and longitude in degrees, altitude in metres, rating in stars (1 to 5).
    `taken_from` (one of TAKEN_FROM) says where `taken_at` was read, `subsec` are the digits behind
    its decimal point and `offset` is like "+09:00"; `gps_at` is the satellites' time, in UTC.
    `flaw` is one of `FLAWS`; how much is missing is certain only once the pixels were read.
    `has_video` tells that the file holds a short video too, as phones make motion photos.
    """

    format: str
    extension: str
    mime: str
    width: int
    height: int
    taken_at: str | None
    exif: dict[str, ExifValue]
    flaw: str
    has_video: bool


@dataclass(frozen=True, eq=False)
class Decoded(Probe):
    """A picture's header, and everything that its pixels give.

    `thumbnail` is a WebP of at most 512 px on its long side without any metadata, `small` one of
    320 px, empty where that is the same. `pixels` is the thumbnail before its compression: uint8 of
    shape (height, width, 3), sRGB, upright, transparency over white. `phash` is a 64-bit DCT
    perceptual hash, 0 <= phash < 2**64; `colour` is the mean colour as #rrggbb. `sheet` are the
    squares that sharpness is measured by, side by side (uint8, height x width, grey;
    `gallery.decoding.tiles`): empty if the picture has none, and None where reading them takes a
    decode of its own.
    """

    thumbnail: bytes
    small: bytes
    pixels: NDArray[np.uint8]
    phash: int
    colour: str
    sheet: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Film:
    """What the boxes of a video say: its seconds (0 if unknown), and what ties it to a picture.

    `size` is in bytes; `content_id` is Apple's identifier of a Live Photo or empty; `created` is an
    aware time of a plausible year or None.
    """

    seconds: float
    size: int
    content_id: str
    created: datetime | None


def to_film(header: Header) -> Film:
    """Return the film that a child's answer describes. Raises BadFrame."""
    seconds, size, content_id = (header.get(key) for key in ("seconds", "size", "content_id"))
    if type(seconds) is not float or not 0 <= seconds < math.inf or type(size) is not int:
        raise BadFrame("no length")
    if not isinstance(content_id, str) or len(content_id) > MAX_TEXT:
        raise BadFrame("no identifier")
    try:
        created = datetime.fromisoformat(header["created"]) if header["created"] else None
    except (ValueError, TypeError, KeyError) as error:
        raise BadFrame("no time") from error
    if created is not None and created.tzinfo is None:
        raise BadFrame("a time without a zone")
    if created is not None and not sidecars.is_plausible(created):
        # Days are counted from it, and the calendar ends.
        created = None
    return Film(seconds, size, content_id, created)


def to_sidecar(parts: list[bytes]) -> sidecars.Sidecar:
    """Return the sidecar that a child's answer describes. Raises BadFrame."""
    try:
        (data,) = parts
        return sidecars.from_json(json.loads(data))
    except (ValueError, TypeError, RecursionError) as error:
        raise BadFrame(f"no sidecar: {error}") from error


def to_probe(header: Header) -> Probe:
    """Return the probe that a child's answer describes. Raises BadFrame."""
    return Probe(**_probe_fields(header))


def to_decoded(header: Header, parts: list[bytes]) -> Decoded:
    """Return the decoded picture that a child's answer describes. Raises BadFrame."""
    if len(parts) != 4:
        raise BadFrame(f"{len(parts)} parts instead of two thumbnails, pixels and squares")
    phash, colour = header.get("phash"), header.get("colour")
    if type(phash) is not int or not 0 <= phash < 2**64:
        raise BadFrame("no perceptual hash")
    if not isinstance(colour, str) or not re.fullmatch("#[0-9a-f]{6}", colour):
        raise BadFrame("no colour")
    return Decoded(
        **_probe_fields(header),
        thumbnail=parts[0],
        small=parts[1],
        pixels=to_pixels(header, parts[2]),
        phash=phash,
        colour=colour,
        sheet=to_sheet(header, parts[3]) if "sheet_width" in header else None,
    )


def to_sheet(header: Header, data: bytes) -> NDArray[np.uint8]:
    """Return the sheet of squares of a child's answer: uint8 (height, width). Raises BadFrame."""
    import numpy as np

    width, height = header.get("sheet_width"), header.get("sheet_height")
    if type(width) is not int or type(height) is not int or width < 0 or height < 0:
        raise BadFrame("no squares")
    if width % tiles.SIDE or height % tiles.SIDE or width * height != len(data):
        raise BadFrame("the squares do not have the announced size")
    if max(width, height) > tiles.SIDE * tiles.LONG:
        raise BadFrame("too many squares")
    return np.frombuffer(data, np.uint8).reshape(height, width)


def to_pixels(header: Header, data: bytes, side: int = THUMBNAIL_SIDE) -> NDArray[np.uint8]:
    """Return the pixels of a child's answer: uint8 (height, width, 3), at most `side` long.

    Raises BadFrame.
    """
    # Imported here because children load this module too and start faster without NumPy.
    import numpy as np

    width, height = _side(header, "pixels_width"), _side(header, "pixels_height")
    if max(width, height) > side or width * height * 3 != len(data):
        raise BadFrame("the pixels do not have the announced size")
    return np.frombuffer(data, np.uint8).reshape(height, width, 3)


def to_range(header: Header) -> tuple[int, int] | None:
    """Return where a video begins and ends, in bytes; None without one. Raises BadFrame."""
    start, end = header.get("start"), header.get("end")
    if type(start) is not int or type(end) is not int or not 0 <= start <= end:
        raise BadFrame("no range")
    return (start, end) if end else None


def _probe_fields(header: Header) -> dict[str, Any]:
    name, exif, taken_at = header.get("format"), header.get("exif"), header.get("taken_at")
    if name not in FORMATS:
        raise BadFrame("an unknown format")
    if not isinstance(exif, dict) or not all(_is_exif(*item) for item in exif.items()):
        raise BadFrame("EXIF that is not on the list")
    if taken_at is not None and not (isinstance(taken_at, str) and _is_exif("taken_at", taken_at)):
        raise BadFrame("no time")
    flaw, has_video = header.get("flaw"), header.get("has_video")
    if flaw not in FLAWS or type(has_video) is not bool:
        raise BadFrame("neither whole nor flawed")
    extension, mime = FORMATS[name]
    return {
        "format": name,
        "extension": extension,
        "mime": mime,
        "width": _side(header, "width"),
        "height": _side(header, "height"),
        "taken_at": taken_at,
        "exif": exif,
        "flaw": flaw,
        "has_video": has_video,
    }


def _side(header: Header, key: str) -> int:
    value = header.get(key)
    if type(value) is not int or value < 1:
        raise BadFrame(f"no {key}")
    return value


def _is_exif(key: object, value: object) -> bool:
    if key not in EXIF_KEYS:
        return False
    if isinstance(value, str):
        form = _FORMS.get(str(key))
        return len(value) <= MAX_TEXT and (form is None or form.fullmatch(value) is not None)
    if key in _FORMS:
        return False
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]
