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

from PIL import Image, ImageFile

from gallery.decoding import isobmff
from gallery.decoding.answers import CUT_SHORT, INCOMPLETE, DecodeError
from gallery.decoding.handed_file import HandedFile

# Ordinary progressive JPEGs have about 10 scans (at most 20 in 268 files of test corpora). Each
# scan costs one pass over all coefficients.
MAX_SCANS = 64
MOST_WORK = 2_000_000_000
"""Samples that all scans together may pass over: each scan goes through the whole plane of each of
its components, at about 2 ns a sample, however few bytes it has. An ordinary progressive photo
of 100 megapixels in 10 scans has 0.8 to 1.4 billion, one of 250 megapixels 2 billion."""
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
    of each component whose last scan has begun. `planes` are the samples of each component, and
    `work` those that all scans pass over.
    """

    scans: int = 0
    work: int = 0
    end: int | None = None
    clear: bool = True
    final: dict[int, int] = field(default_factory=dict)
    planes: dict[int, int] = field(default_factory=dict)

    def is_too_much(self) -> bool:
        """Tell whether reading all scans would take too long."""
        return self.scans > MAX_SCANS or self.work > MOST_WORK

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


def layout_of(file: HandedFile, start: int = 0) -> Layout:
    """Return where the picture at `start` ends, and what follows it.

    Raises DecodeError(too_many_scans) for a JPEG whose scans would take long.
    """
    with file.mapped() as data:
        shape = walk(data, start)
        if shape.is_too_much():
            detail = f"{shape.scans} scans or more, of {sum(shape.planes.values())} samples"
            raise DecodeError("too_many_scans", detail)
        if shape.end is not None:
            return Layout(start, video=_video_after(data, file, shape.end))
        # Without a scan there is nothing to show; the decoder says what is wrong.
        if not shape.clear or not shape.scans:
            return Layout(start)
        flaw = CUT_SHORT if shape.all_scans_began() else INCOMPLETE
        return Layout(start, _last_byte(data), flaw)


def walk(data: Data, start: int = 0) -> Shape:
    """Follow the markers of the JPEG that begins at `start` (ITU T.81, annex B) up to its end.

    Stops as soon as the scans are too many, or too much work.
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
        if shape.is_too_much():
            break
    shape.clear = False
    return shape


def _note(shape: Shape, marker: int, segment: bytes) -> None:
    """Note what a segment says of components and scans (B.2.2, B.2.3)."""
    if marker in _FRAMES and not shape.final:
        shape.planes = _planes(segment)
        shape.final = dict.fromkeys(shape.planes, 0)
    elif marker == _SOS:
        shape.scans += 1
        count = segment[0] if segment else 0
        parts, tail = segment[1 : 1 + 2 * count : 2], segment[1 + 2 * count :]
        shape.work += sum(shape.planes.get(part, 0) for part in parts)
        if len(tail) >= 3 and tail[0] <= tail[1] < 64 and not tail[2] & 15:
            bits = (1 << tail[1] + 1) - (1 << tail[0])
            for part in parts:
                if part in shape.final:
                    shape.final[part] |= bits


def _planes(frame: bytes) -> dict[int, int]:
    """Return how many samples each component of a frame has, by its id."""
    count = frame[5] if len(frame) > 5 else 0
    names, factors = frame[6::3][:count], frame[7::3][:count]
    high, wide = (int.from_bytes(frame[place : place + 2], "big") for place in (1, 3))
    shares = [(factor >> 4) * (factor & 15) for factor in factors]
    largest = max(shares, default=0) or 1
    padded = shares + [largest] * (len(names) - len(shares))
    return {name: high * wide * share // largest for name, share in zip(names, padded, strict=True)}


def count_scans(data: Data) -> int:
    """Count the scans of a JPEG up to its end, or until they are too many."""
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


def _video_after(data: mmap.mmap, file: HandedFile, end: int) -> tuple[int, int] | None:
    """Return where a video behind the picture begins and ends; None without one."""
    place = end - 4
    with file.open() as stream:
        for _ in range(_MAX_VIDEOS):
            place = data.find(b"ftyp", place + 4)
            if place < 0:
                return None
            if place >= end + 4 and (found := isobmff.video_range(stream, place - 4)):
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
