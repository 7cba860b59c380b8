"""Sizes and costs of the renditions that a tile could show.

    python -m benchmarks.renditions FOLDER [--photos 40]

Scales each JPEG of a folder to 512 px, and makes smaller or differently compressed pictures of
that. Prints the mean bytes and the CPU time of a photo, scaling included: the least of three
passes, since other work can only add to it.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from gallery.decoding.answers import SMALL_SIDE, THUMBNAIL_SIDE

PASSES = 3


@dataclass(frozen=True)
class Kind:
    """A format with its options, at a side in pixels."""

    format: str
    side: int
    options: dict[str, int]

    def __str__(self) -> str:
        told = " ".join(f"{name} {value}" for name, value in self.options.items())
        return f"{self.format}, {self.side} px, {told}"

    def encode(self, picture: Image.Image) -> bytes:
        """Return the bytes of a rendition of a picture."""
        scale = min(1.0, self.side / max(picture.size))
        width, height = (max(round(length * scale), 1) for length in picture.size)
        if scale < 1:
            picture = picture.resize((width, height), Image.Resampling.HAMMING)
        file = io.BytesIO()
        picture.save(file, self.format, **self.options)
        return file.getvalue()


def kinds() -> Iterator[Kind]:
    """Yield what is compared."""
    for side in (THUMBNAIL_SIDE, SMALL_SIDE, 256):
        for quality, method in ((80, 0), (75, 0), (75, 2), (75, 4)):
            yield Kind("WEBP", side, {"quality": quality, "method": method})
        yield Kind("JPEG", side, {"quality": 80})
        for speed in (10, 9, 8, 6):
            yield Kind("AVIF", side, {"quality": 60, "speed": speed, "max_threads": 1})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=40)
    options = parser.parse_args()
    paths = sorted(options.folder.glob("*.jpg"))[: options.photos]
    thumbnails = [_thumbnail(path) for path in paths]
    if not thumbnails:
        parser.error(f"There are no JPEGs in {options.folder}.")
    print("| rendition | bytes a photo | CPU a photo |\n|---|---|---|")
    for kind in kinds():
        size, milliseconds = _cost(kind, thumbnails)
        print(f"| {kind} | {size / 1000:.1f} kB | {milliseconds:.1f} ms |")
    return 0


def _thumbnail(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        small = picture.convert("RGB")
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    return small


def _cost(kind: Kind, thumbnails: list[Image.Image]) -> tuple[float, float]:
    """Return the mean bytes of a photo, and the least CPU milliseconds of one."""
    times = []
    size = 0.0
    for _ in range(PASSES):
        began = time.process_time()
        size = sum(len(kind.encode(each)) for each in thumbnails) / len(thumbnails)
        times.append((time.process_time() - began) * 1000 / len(thumbnails))
    return size, min(times)


if __name__ == "__main__":
    raise SystemExit(main())
