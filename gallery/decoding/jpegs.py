"""What Scry must know of a JPEG before its decoder sees it, and what is missing of a cut one.

Phones append videos to JPEGs, tools put bytes before them, and copies break off. The markers tell
where the picture begins and ends, and whether all of it is there.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageFile

from gallery.decoding import isobmff
from gallery.decoding.answers import CUT_SHORT, INCOMPLETE, DecodeError

# Ordinary progressive JPEGs have about 10 scans (at most 20 in 268 files of test corpora). Each
# scan costs one pass over all coefficients.
MAX_SCANS = 64
# A file with more markers than this is not walked to its end.
_MAX_MARKERS = 100_000
# Bytes before the first marker that are skipped.
MAX_GARBAGE = 128
_MAX_VIDEOS = 16

_SOS, _EOI = 0xDA, 0xD9
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
# Markers without a length: TEM, RST0-7, SOI.
_BARE = {0x01, *range(0xD0, 0xD9)}
# The end of entropy-coded data: neither a stuffed zero, nor a restart marker, nor a fill byte.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_BEGIN = re.compile(rb"\xff\xd8\xff[\xc0-\xfe]", re.DOTALL)

_MISSING_ROWS = 0.1
"""Share of rows that may be missing of a picture that is shown and searched as "cut short"."""
# libjpeg fills what is missing with the middle of the scale.
_FILL = range(126, 131)

Data = bytes | mmap.mmap


@dataclass
class Shape:
    """What the markers of a JPEG say.

    `end` is the position behind its end marker, None without one. `clear` is false when the walk
    was given up, because of too many scans or markers. `final` has a bit for each coefficient
    of each component whose last scan has begun.
    """

    scans: int = 0
    end: int | None = None
    clear: bool = True
    final: dict[int, int] = field(default_factory=dict)

    def all_scans_began(self) -> bool:
        """Tell whether not more than the rest of the last scan can be missing."""
        return bool(self.final) and all(bits == 2**64 - 1 for bits in self.final.values())


@dataclass(frozen=True)
class Layout:
    """Where the picture in a file begins and ends, what is missing of it, and its video.

    `stop` is where the bytes that count end: a broken copy may be filled up with zeros.
    """

    start: int = 0
    stop: int | None = None
    flaw: str = ""
    video: tuple[int, int] | None = None


def begins_at(start: bytes) -> int:
    """Return where a JPEG begins in the first bytes of a file, -1 if none does."""
    match = _BEGIN.search(start[:MAX_GARBAGE])
    return match.start() if match else -1


def layout_of(path: Path, start: int = 0) -> Layout:
    """Return where the picture at `start` ends, and what follows it.

    Raises DecodeError(too_many_scans) for a JPEG whose scans would take minutes.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        shape = walk(data, start)
        if shape.scans > MAX_SCANS:
            raise DecodeError("too_many_scans", f"more than {MAX_SCANS} scans")
        if shape.end is not None:
            return Layout(start, video=_video_after(data, path, shape.end))
        # Without a scan there is nothing to show; the decoder says what is wrong.
        if not shape.clear or not shape.scans:
            return Layout(start)
        flaw = CUT_SHORT if shape.all_scans_began() else INCOMPLETE
        return Layout(start, _last_byte(data), flaw)


def walk(data: Data, start: int = 0) -> Shape:
    """Follow the markers of the JPEG that begins at `start` (ITU T.81, annex B) up to its end.

    Stops after MAX_SCANS + 1 scans.
    """
    shape, position = Shape(), start + 2
    for _ in range(_MAX_MARKERS):
        match = _NEXT_MARKER.search(data, position)
        if match is None:
            return shape
        marker, position = data[match.end() - 1], match.end()
        if marker == _EOI:
            shape.end = position
            return shape
        if marker in _BARE:
            continue
        length = max(2, int.from_bytes(data[position : position + 2], "big"))
        _note(shape, marker, data[position + 2 : position + length])
        position += length
        if shape.scans > MAX_SCANS:
            break
    shape.clear = False
    return shape


def _note(shape: Shape, marker: int, segment: bytes) -> None:
    """Note what a segment says of components and scans (B.2.2, B.2.3)."""
    if marker in _FRAMES and not shape.final:
        shape.final = dict.fromkeys(segment[6::3][: segment[5] if len(segment) > 5 else 0], 0)
    elif marker == _SOS:
        shape.scans += 1
        count = segment[0] if segment else 0
        parts, tail = segment[1 : 1 + 2 * count : 2], segment[1 + 2 * count :]
        if len(tail) >= 3 and tail[0] <= tail[1] < 64 and not tail[2] & 15:
            bits = (1 << tail[1] + 1) - (1 << tail[0])
            for part in parts:
                if part in shape.final:
                    shape.final[part] |= bits


def count_scans(data: Data) -> int:
    """Count the scans of a JPEG up to its end, or to MAX_SCANS + 1."""
    return walk(data).scans


def _last_byte(data: mmap.mmap) -> int:
    """Return the length of the data without zeros at its end."""
    end = len(data)
    while end > 0:
        begin = max(0, end - 65536)
        rest = data[begin:end].rstrip(b"\0")
        if rest:
            return begin + len(rest)
        end = begin
    return 0


def _video_after(data: mmap.mmap, path: Path, end: int) -> tuple[int, int] | None:
    """Return where a video behind the picture begins and ends; None without one."""
    place = end - 4
    with path.open("rb") as file:
        for _ in range(_MAX_VIDEOS):
            place = data.find(b"ftyp", place + 4)
            if place < 0:
                return None
            if place >= end + 4 and (found := isobmff.video_range(file, place - 4)):
                return found
    return None


@contextmanager
def forgiving() -> Iterator[None]:
    """Let Pillow decode a JPEG as far as it goes."""
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False


def flaw_of(image: Image.Image, flaw: str) -> str:
    """Return what is missing of a decoded picture that was cut: `flaw` at least."""
    return INCOMPLETE if _missing(image) > _MISSING_ROWS else flaw


def _missing(image: Image.Image) -> float:
    """Return the share of rows at the bottom that libjpeg filled because nothing was there."""
    width, height = image.size
    missing = 0
    while missing < height:
        row = image.crop((0, height - missing - 1, width, height - missing))
        extrema = row.getextrema()
        bands = [extrema] if row.getbands() == ("L",) else extrema
        if not all(low in _FILL and high in _FILL for low, high in bands):  # type: ignore[misc]
            break
        missing += 1
    return missing / height
