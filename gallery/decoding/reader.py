"""What can be asked about the bytes of a file, and what comes back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gallery.decoding.answers import (
    PART_SIDE,
    Decoded,
    Film,
    Probe,
    to_decoded,
    to_film,
    to_pixels,
    to_probe,
    to_range,
    to_sheet,
    to_sidecar,
)
from gallery.decoding.frames import BadFrame, Header
from gallery.sidecars import Sidecar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")

NOBODY = "nobody"
"""The owner of files that belong to no account: those of Scry itself, and of tests."""
QUICK_JOBS = frozenset({"probe", "video", "film", "xmp", "json", "aae"})
"""Those that take milliseconds, since they read headers and sidecars only."""


class Reader(ABC):
    """Reads files for their owners; a subclass says by whom and when.

    Every method may raise `DecodeError` (the picture's fault, with a reason), `PoolBusy` (try again
    later) and `PoolClosed`.
    """

    @abstractmethod
    def read(
        self,
        kind: str,
        path: Path | str,
        owner: Hashable,
        convert: Callable[[Header, list[bytes]], T],
        *details: Any,
    ) -> T:
        """Have a job done, whose further arguments are `details`, and convert its answer."""

    def probe(self, path: Path | str, *, owner: Hashable = NOBODY) -> Probe:
        """Return what the header says without reading the pixels; takes milliseconds."""
        return self.read("probe", path, owner, lambda header, _: to_probe(header))

    def decode(self, path: Path | str, *, owner: Hashable = NOBODY) -> Decoded:
        """Return the header and everything that comes from the pixels, in one decode."""
        return self.read("decode", path, owner, to_decoded)

    def preview(self, path: Path | str, *, owner: Hashable = NOBODY) -> bytes:
        """Return a JPEG of at most 1440 px, upright, sRGB, without metadata."""
        return self.read("preview", path, owner, lambda _, parts: _only_part(parts))

    def picture(self, path: Path | str, *, owner: Hashable = NOBODY) -> bytes:
        """Return a JPEG of the whole picture, at most `PICTURE_SIDE` px, of its pixels alone."""
        return self.read("picture", path, owner, lambda _, parts: _only_part(parts))

    def pixels(self, path: Path | str, *, owner: Hashable = NOBODY) -> NDArray[np.uint8]:
        """Return only the pixels at 512 px or less (uint8, height x width x 3, RGB).

        For stored thumbnails, from which another model can embed without the original.
        """
        return self.read(
            "pixels", path, owner, lambda header, parts: to_pixels(header, _only_part(parts))
        )

    def part(
        self,
        path: Path | str,
        box: tuple[float, float, float, float],
        side: int,
        *,
        owner: Hashable = NOBODY,
    ) -> NDArray[np.uint8]:
        """Return the pixels inside a box at `side` px or less (uint8, height x width x 3, RGB).

        `box` is left, top, width and height as fractions of the upright picture; `side` is at
        most `PART_SIDE`.
        """
        side = min(side, PART_SIDE)
        return self.read(
            "part",
            path,
            owner,
            lambda header, parts: to_pixels(header, _only_part(parts), side),
            side,
            box,
        )

    def squares(self, path: Path | str, *, owner: Hashable = NOBODY) -> NDArray[np.uint8]:
        """Return the squares that sharpness is measured by, side by side (uint8, height x width).

        In grey; empty for a picture that has none. See `gallery.decoding.tiles`.
        """
        return self.read(
            "squares", path, owner, lambda header, parts: to_sheet(header, _only_part(parts))
        )

    def video(self, path: Path | str, *, owner: Hashable = NOBODY) -> tuple[int, int] | None:
        """Return where in the file of a motion photo its video begins and ends; None without."""
        return self.read("video", path, owner, lambda header, _: to_range(header))

    def film(self, path: Path | str, *, owner: Hashable = NOBODY) -> Film:
        """Return what a video says of itself; DecodeError(unsupported_type) if it is none."""
        return self.read("film", path, owner, lambda header, _: to_film(header))

    def sidecar(self, path: Path | str, kind: str, *, owner: Hashable = NOBODY) -> Sidecar:
        """Return what a sidecar of a kind ("xmp", "json" or "aae") says of its photo."""
        return self.read(kind, path, owner, lambda _, parts: to_sidecar(parts))


def _only_part(parts: list[bytes]) -> bytes:
    if len(parts) != 1:
        raise BadFrame(f"{len(parts)} parts instead of one")
    return parts[0]
