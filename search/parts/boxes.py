"""The parts into which a photo is cut, and the ids of their points."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import numpy as np

from gallery.models.embeddings import Boxes

Box = tuple[float, float, float, float]
"""Left, top, width and height as fractions of a picture's sides."""

OVERLAP = 0.4
"""Of two neighbours' sides, as in Tolias, Sicre and Jégou, "Particular object retrieval with
integral max-pooling of CNN activations", ICLR 2016: what one part cuts off, the next has whole."""
LARGE = 1000
"""Pixels of the longer side from which on a photo is cut into finer parts too: each then has as
many pixels as a model sees, about 360."""
LONG = 2.0
"""Longer side by shorter from which on a photo is cut along one side only."""

_VERSION, _VARIANT = 76, 62  # where a random UUID has the bits 0100 and 10 (RFC 9562)
_FIXED = (0b1111 << _VERSION) | (0b11 << _VARIANT)
_RANDOM = (0b0100 << _VERSION) | (0b10 << _VARIANT)


def grid(columns: int, rows: int) -> tuple[Box, ...]:
    """Return boxes of one size, left to right and down, that cover a picture and overlap."""
    return tuple((x, y, w, h) for y, h in _steps(rows) for x, w in _steps(columns))


def _steps(count: int) -> list[tuple[float, float]]:
    side = 1 / (1 + (count - 1) * (1 - OVERLAP))
    return [(place * side * (1 - OVERLAP), side) for place in range(count)]


def _middle(side: float) -> Box:
    return (1 - side) / 2, (1 - side) / 2, side, side


_FIVE = (*grid(2, 2), _middle(grid(2, 2)[0][2]))
PLACES: tuple[Box, ...] = (*_FIVE, *grid(4, 4), *grid(5, 1), *grid(1, 5))
"""All parts, by number. Indexes store the numbers, so new parts come at the end."""
GROUPS = _COARSE, _FINE, _WIDE, _TALL = range(5), range(5, 21), range(21, 26), range(26, 31)
"""The numbers of parts of one size, whose scores are comparable."""


def numbers(width: int, height: int) -> tuple[int, ...]:
    """Return the numbers of the parts that a photo of this size (upright, pixels) is cut into."""
    if max(width, height) >= LONG * min(width, height):
        return tuple(_WIDE if width > height else _TALL)
    return (*_COARSE, *_FINE) if max(width, height) >= LARGE else tuple(_COARSE)


def boxes(chosen: Iterable[int]) -> Boxes:
    """Return the boxes of these numbers, shape (n, 4), float32."""
    return np.array([PLACES[number] for number in chosen], np.float32).reshape(-1, 4)


def numbers_of(kept: Boxes) -> tuple[int, ...] | None:
    """Return the numbers of boxes as they were kept (float16); None if one has no number."""
    found = [_NUMBER_OF.get(_rounded(box)) for box in kept.tolist()]
    return None if None in found else tuple(number for number in found if number is not None)


def _rounded(box: Iterable[float]) -> tuple[float, ...]:
    return tuple(np.array(tuple(box), np.float16).astype(float).tolist())


_NUMBER_OF = {_rounded(box): number for number, box in enumerate(PLACES)}


def point_id(photo_id: UUID, number: int) -> UUID:
    """Return the id of a part's point, from which `part_of` reads photo and number again.

    The six bits that are the same in all random UUIDs carry the number, so that a filter by
    photos becomes one by points, and a hit its photo, without asking the index for anything.
    """
    mark = ((number + 1) >> 2) << _VERSION | ((number + 1) & 0b11) << _VARIANT
    return UUID(int=photo_id.int ^ mark)


def part_of(point: UUID) -> tuple[UUID, int]:
    """Return the photo of a part's point, and the part's number."""
    bits = (point.int & _FIXED) ^ _RANDOM
    number = (bits >> _VERSION & 0b1111) << 2 | bits >> _VARIANT & 0b11
    return UUID(int=point.int & ~_FIXED | _RANDOM), number - 1


def all_points(photo_id: UUID) -> list[UUID]:
    """Return the ids of all points that parts of a photo may have."""
    return [point_id(photo_id, number) for number in range(len(PLACES))]
