"""Whether two photos are the same picture, similar shots, or neither."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from gallery.models.fingerprints import grey, shrink
from search.duplicates.find.alignment import Alignment, align, overlap
from search.duplicates.find.block_check import Agreement, look
from search.duplicates.find.thresholds import Thresholds
from search.duplicates.models import Kind

_AT_ONCE = 256  # pairs aligned at a time, some 30 MB
_WORTH_A_LOOK = 0.85  # correlation of aligned fingerprints
_DETAIL = 256  # pixels a side of the closer look

# Limits of an `Agreement`, set between what 165 photos and 7,091 small ones show: on one side
# copies changed in 23 ways, on the other bursts, a camera on a stand, and photos that look alike.
# `benchmarks/duplicate_quality.py` measures what they come to on photos that were not used.
_CORRELATED, _AGREEING, _A_FEW_BLOCKS = 0.88, 0.94, 0.03
_NEARLY_ONE, _MOSTLY_AGREEING, _HARDLY_ANY = 0.99, 0.88, 0.015
_A_SPECK, _MOSTLY_ONE_WAY = 0.001, 0.9
_WRITING, _FIRM, _ONE_WAY = 0.1, 0.93, 0.95
_VERY_FIRM, _ONE_SIDED = 0.975, 0.72
_WHOLE = 0.97  # of a side, below which something was cut off

# Correlations of aligned fingerprints; of 27 pairs that the embeddings alone took for one scene
# these leave the ten that were one.
_SAME_LAYOUT, _LIKE_LAYOUT = 0.87, 0.82
_BURST, _OCCASION = timedelta(minutes=10), timedelta(days=1)
_ONE_PLACE_KM = 1.0

Detail = Callable[[UUID], NDArray[np.uint8] | None]
"""Returns a photo's rendition of at most 512 px, uint8 (height, width, 3), or None without one."""


@dataclass(frozen=True, eq=False)
class Side:
    """What is known of one photo of a pair without reading a file.

    `grey` is its fingerprint, uint8 (SIDE, SIDE); width and height are in pixels, upright;
    `place` is (latitude, longitude) in degrees.
    """

    photo_id: UUID
    grey: NDArray[np.uint8]
    width: int
    height: int
    taken_at: datetime | None = None
    place: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Pair:
    """Two photos that may be alike, with the cosine similarity of their embeddings."""

    first: Side
    second: Side
    cosine: float


@dataclass(frozen=True)
class Judgement:
    """How a pair is alike; see `search.models.Likeness` for closeness and how."""

    kind: Kind
    closeness: float
    how: str = ""


def judge(pairs: Sequence[Pair], thresholds: Thresholds, detail: Detail) -> list[Judgement | None]:
    """Return a judgement or None for each pair, in order.

    The fingerprints of all pairs are aligned at once; only a pair that passes is looked at again
    in detail, since that costs the reading of two files.
    """
    found: list[Judgement | None] = []
    for start in range(0, len(pairs), _AT_ONCE):
        part = pairs[start : start + _AT_ONCE]
        aligned = align(
            np.stack([pair.first.grey for pair in part]),
            np.stack([pair.second.grey for pair in part]),
        )
        for row, pair in enumerate(part):
            same = _same_picture(pair, aligned, row, detail)
            found.append(same or _similar_shots(pair, aligned, row, thresholds))
    return found


def _same_picture(pair: Pair, aligned: Alignment, row: int, detail: Detail) -> Judgement | None:
    if aligned.correlation[row] < _WORTH_A_LOOK:
        return None
    first, second = detail(pair.first.photo_id), detail(pair.second.photo_id)
    if first is None or second is None:
        return None
    agreement = look(_small(first), _small(second), aligned, row)
    if not is_same(agreement):
        return None
    closeness = min(max(agreement.correlation, 0.0), 1.0)
    return Judgement(Kind.SAME_PICTURE, closeness, _how(aligned, row))


def is_same(agreement: Agreement) -> bool:
    """Tell whether two pictures that agree so far are the same one.

    Either nearly all that has texture agrees, or something small was written upon one of them
    and all the rest agrees firmly. Writing is all brighter or all darker, and where it has a
    shadow it is still always the same picture that shows more. A thing that moved left one place
    and came to another, so it does neither.
    """
    if agreement.correlation < _CORRELATED:
        return False
    sided = agreement.one_sided >= _ONE_SIDED
    moved = agreement.solid > _A_SPECK and agreement.one_way < _MOSTLY_ONE_WAY and not sided
    untouched = agreement.agreeing >= _AGREEING and agreement.differing <= _A_FEW_BLOCKS
    # Strong compression makes blocks of small pictures agree a little less, all over.
    noisy = (
        agreement.correlation >= _NEARLY_ONE
        and agreement.agreeing >= _MOSTLY_AGREEING
        and agreement.differing <= _HARDLY_ANY
    )
    brighter = agreement.one_way >= _ONE_WAY and agreement.firmness >= _FIRM
    written = brighter or (sided and agreement.firmness >= _VERY_FIRM)
    return ((untouched or noisy) and not moved) or (written and agreement.differing <= _WRITING)


def _small(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return pixels (uint8, height x width x 3) as grey of at most `_DETAIL` a side."""
    height, width = pixels.shape[:2]
    scale = min(1.0, _DETAIL / max(height, width))
    return shrink(grey(pixels), max(1, round(height * scale)), max(1, round(width * scale)))


def _how(aligned: Alignment, row: int) -> str:
    turn = int(aligned.turn[row])
    if turn >= 4:
        return "mirrored"
    if turn:
        return "rotated"
    scale, shift = aligned.scale[row : row + 1], aligned.shift[row : row + 1]
    low, high = overlap(scale, shift)
    shown = np.minimum(high - low, (high - low) * scale)
    return "cropped" if shown.min() < _WHOLE else ""


def _similar_shots(
    pair: Pair, aligned: Alignment, row: int, thresholds: Thresholds
) -> Judgement | None:
    """Judge by the embeddings, more strictly where time or place speak against one occasion.

    Less is enough where the pictures are laid out alike as they are. Turned or mirrored they
    often are by chance: all birds over water look alike.
    """
    needed = _needed(pair, thresholds)
    if aligned.turn[row] == 0 and needed < thresholds.apart:
        correlation = aligned.correlation[row]
        if correlation >= _SAME_LAYOUT:
            needed = min(needed, thresholds.layout)
        elif correlation >= _LIKE_LAYOUT:
            needed = min(needed, thresholds.burst)
    if pair.cosine < needed:
        return None
    return Judgement(Kind.SIMILAR_SHOTS, min(max(pair.cosine, 0.0), 1.0))


def _needed(pair: Pair, thresholds: Thresholds) -> float:
    a, b = pair.first, pair.second
    if a.place and b.place and kilometres(a.place, b.place) > _ONE_PLACE_KM:
        return thresholds.apart
    if a.taken_at is None or b.taken_at is None:
        return thresholds.similar
    gap = abs(a.taken_at - b.taken_at)
    if gap <= _BURST:
        return thresholds.burst
    return thresholds.similar if gap <= _OCCASION else thresholds.apart


def kilometres(here: tuple[float, float], there: tuple[float, float]) -> float:
    """Return the distance of two (latitude, longitude) in degrees along the great circle.

    The haversine formula with the mean radius of the earth, 6,371 km.
    """
    lat1, lon1, lat2, lon2 = (math.radians(x) for x in (*here, *there))
    half = math.sin((lat2 - lat1) / 2) ** 2
    half += math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * 6371.0 * math.asin(min(1.0, math.sqrt(half)))
