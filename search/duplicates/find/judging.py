"""Whether two photos are the same picture, similar shots, or neither.

The questions come in this order: do the cameras say that these are two shots, do the aligned
pictures agree, and is there a place where they differ. Pages are asked at the scale of letters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from gallery.decoding.fingerprint import fingerprint_of, grey
from search.duplicates.find import (
    alignment as alignments,
    blocks,
    borders,
    difference,
    overlays,
    pages,
)
from search.duplicates.find.alignment import Alignment, Array
from search.duplicates.find.colouring import is_recoloured
from search.duplicates.find.difference import Compared
from search.duplicates.find.evidence import camera_time, moved_clock, other_shot
from search.duplicates.find.lettering import have_letters
from search.duplicates.find.pages import Look
from search.duplicates.find.thresholds import Thresholds
from search.duplicates.groups.edges import Judgement
from search.duplicates.models import Change, Kind

_BATCH = 256  # pairs aligned at a time, some 30 MB
_WORTH_A_CHECK = 0.85  # correlation of aligned fingerprints
_GREYS_KEPT = 32  # grey pictures of 512 px, 32 MB: a photo is in several pairs
_WHOLE = 0.97  # of a side, below which something was cut off
_CERTAIN = 0.995  # correlation at which a clock that was set by whole hours is no other shot

# Correlations of aligned fingerprints. Of 27 pairs that the embeddings alone took for one scene,
# these limits leave the ten that were one.
_SAME_LAYOUT, _LIKE_LAYOUT = 0.87, 0.82
_BURST, _OCCASION = timedelta(minutes=10), timedelta(days=1)
_ONE_PLACE_KM = 1.0

Pixels = NDArray[np.uint8]
Detail = Callable[[UUID], Pixels | None]
"""Returns a photo's rendition of at most 512 px, uint8 (height, width, 3), or None without one."""


@dataclass(frozen=True, eq=False)
class Side:
    """One photo of a pair, as far as it is known without reading a file.

    `grey` is its fingerprint, uint8 (SIDE, SIDE); width and height are in pixels, upright;
    `taken_at` is the time on the wall, which copies share even if one of them lacks the offset;
    `place` is (latitude, longitude) in degrees; `exif` has the values of `EXIF_KEYS`.
    """

    photo_id: UUID
    grey: NDArray[np.uint8]
    width: int
    height: int
    taken_at: datetime | None = None
    place: tuple[float, float] | None = None
    exif: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Pair:
    """Two photos that may be alike, with the cosine similarity of their embeddings."""

    first: Side
    second: Side
    cosine: float


class _Pictures:
    """The pictures of photos in grey, the last few of them in memory; None if unreadable.

    `thumbnail` has at most 512 px a side, `fine` up to twice as many, float32 (height, width).
    """

    def __init__(self, detail: Detail, fine: Detail) -> None:
        self.thumbnail = lru_cache(maxsize=_GREYS_KEPT)(lambda pk: _grey_or_none(detail(pk)))
        self.colours = detail
        self.fine = lru_cache(maxsize=_GREYS_KEPT // 4)(lambda pk: _grey_or_none(fine(pk)))
        self.look = lru_cache(maxsize=_BATCH)(self._look)

    def looks(self, pair: Pair) -> tuple[Look, Look] | None:
        """Return what kinds of pictures these are, or None if one is unreadable."""
        first, second = self.look(pair.first.photo_id), self.look(pair.second.photo_id)
        return (first, second) if first and second else None

    def _look(self, photo_id: UUID) -> Look | None:
        picture = self.thumbnail(photo_id)
        return None if picture is None else pages.look(picture)


def _grey_or_none(pixels: NDArray[np.uint8] | None) -> Array | None:
    return None if pixels is None else grey(pixels)


def judge(
    pairs: Sequence[Pair],
    thresholds: Thresholds,
    detail: Detail,
    *,
    fine: Detail | None = None,
) -> list[Judgement | None]:
    """Return a judgement for each pair, in order, or None for a pair that is neither.

    The fingerprints of all pairs are aligned at once. Only pairs that pass are checked in detail,
    because that reads two files. Pairs of one photo should follow each other, so that its file
    is read only once. `fine` reads pages at up to 1,024 px; without it, thumbnails must do.
    """
    pictures = _Pictures(detail, fine or detail)
    judgements: list[Judgement | None] = []
    for start in range(0, len(pairs), _BATCH):
        batch = pairs[start : start + _BATCH]
        alignment = alignments.align(
            np.stack([pair.first.grey for pair in batch]),
            np.stack([pair.second.grey for pair in batch]),
        )
        for row, pair in enumerate(batch):
            same = _same_picture(pair, alignment, row, thresholds, pictures)
            judgements.append(same or _similar_shots(pair, alignment, row, thresholds, pictures))
    return judgements


# --- the same picture -----------------------------------------------------------------------------


def _same_picture(
    pair: Pair, alignment: Alignment, row: int, thresholds: Thresholds, pictures: _Pictures
) -> Judgement | None:
    if other_shot(pair.first.exif, pair.second.exif):
        return None
    agrees = bool(alignment.correlation[row] >= _WORTH_A_CHECK)
    if not agrees and not _may_be_pages(pair, thresholds) and not _may_have_border(pair):
        return None
    looks = pictures.looks(pair)
    if looks is None or any(look.poor for look in looks):
        return None
    if any(look.page for look in looks):
        found = _same_page(pair, alignment, row, pictures)
    else:
        found = _same_photographs(pair, alignment, row, pictures)
    clock_moved = moved_clock(pair.first.exif, pair.second.exif)
    if found is None or (clock_moved and found.closeness < _CERTAIN):
        return None
    return found


def _may_be_pages(pair: Pair, thresholds: Thresholds) -> bool:
    """Tell whether these may be pages, which a few percent cut off make unlike at this size."""
    greys = (pair.first.grey, pair.second.grey)
    return pair.cosine >= thresholds.layout and all(map(pages.may_be_page, greys))


def _may_have_border(pair: Pair) -> bool:
    return any(borders.may_have_border(side.grey) for side in (pair.first, pair.second))


def _same_photographs(
    pair: Pair, alignment: Alignment, row: int, pictures: _Pictures
) -> Judgement | None:
    first, second = map(pictures.colours, (pair.first.photo_id, pair.second.photo_id))
    if first is None or second is None:
        return None
    found = None
    if alignment.correlation[row] >= _WORTH_A_CHECK:
        found = _same_photo(first, second, alignment, row)
    if found is None and _may_have_border(pair):
        found = _same_inside(first, second)
    return found


def _same_page(pair: Pair, alignment: Alignment, row: int, pictures: _Pictures) -> Judgement | None:
    """Compare two pages, as they are and as turned as their fingerprints agree best."""
    turns = {0, int(alignment.turn[row]) if alignment.correlation[row] >= _WORTH_A_CHECK else 0}
    for turn in sorted(turns):
        found = _aligned_pages(pair, turn, pictures)
        if found is not None:
            compared, scale, shift = found
            return _same(compared, turn, scale, shift)
    return None


def _aligned_pages(
    pair: Pair, turn: int, pictures: _Pictures
) -> tuple[Compared, Array, Array] | None:
    """Return the two pages at the scale of letters if they are one page, turned like this."""
    ids = pair.first.photo_id, pair.second.photo_id
    first, second = map(pictures.thumbnail, ids)
    if first is None or second is None:
        return None
    second = _turned(second, turn)
    aligned = pages.align(first, second)
    if aligned is None:
        return None
    scale, shift = aligned
    if not difference.is_one_page(difference.of_pages(first, second, scale, shift)):
        return None
    one, other = map(pictures.colours, ids)
    if one is None or other is None or is_recoloured(one, other, turn, scale, shift):
        return None
    first, second = map(pictures.fine, ids)
    if first is None or second is None:
        return None
    second = _turned(second, turn)
    scale, shift = pages.align_finer(first, second, scale, shift)
    compared = difference.of_pages(first, second, scale, shift)
    return (compared, scale, shift) if difference.is_one_page(compared) else None


def _turned(picture: Array, turn: int) -> Array:
    return np.ascontiguousarray(alignments.apply_turn(picture, turn), dtype=np.float32)


def _same_photo(first: Pixels, second: Pixels, alignment: Alignment, row: int) -> Judgement | None:
    """Compare two photographs, RGB of at most 512 px, aligned as `row` says."""
    agreement, scale, shift = blocks.check(grey(first), grey(second), alignment, row)
    same = blocks.is_same(agreement)
    if not same and not blocks.is_same_but_for_words(agreement):
        return None
    turn = int(alignment.turn[row])
    if is_recoloured(first, second, turn, scale, shift):
        return None
    laid = (grey(first), _turned(grey(second), turn), scale, shift)
    burnt = (difference.burnt_out(first), _turned(difference.burnt_out(second), turn))
    compared = difference.of_photos(*laid, burnt)
    is_one = overlays.is_one_photo if same else overlays.is_writing
    if not is_one(compared, partial(difference.of_strokes, *laid)):
        return None
    planes = alignments.apply_turn(np.moveaxis(second, 2, 0), turn)
    other = np.asarray(np.moveaxis(planes, 0, 2), np.uint8)
    if have_letters(*difference.colours_of_strokes(first, other, scale, shift)):
        return None
    return _same(compared, turn, scale, shift, agreement.correlation)


def _same_inside(first: Pixels, second: Pixels) -> Judgement | None:
    """Compare two photographs, one of them with a border, without their borders."""
    boxes = [borders.inside(grey(pixels)) for pixels in (first, second)]
    if boxes == [None, None] or _are_about_equal(boxes, first, second):
        return None
    one, other = (
        pixels if box is None else pixels[box[1] : box[3], box[0] : box[2]]
        for pixels, box in zip((first, second), boxes, strict=True)
    )
    alignment = alignments.align(fingerprint_of(one)[None], fingerprint_of(other)[None])
    if alignment.correlation[0] < _WORTH_A_CHECK or pages.look(grey(one)).poor:
        return None
    found = _same_photo(one, other, alignment, 0)
    if found is None:
        return None
    evidence = {"overlay": found.evidence["overlay"], "border": _bordered(boxes)}
    return replace(found, how=found.how or Change.CROPPED, evidence=evidence)


def _are_about_equal(boxes: Sequence[borders.Box | None], first: Pixels, second: Pixels) -> bool:
    """Tell whether both borders lie around the same part: then they belong to the picture."""
    if boxes[0] is None or boxes[1] is None:
        return False
    inside = [
        np.array(box) / np.tile((pixels.shape[1], pixels.shape[0]), 2)
        for box, pixels in zip(boxes, (first, second), strict=True)
    ]
    return bool(np.abs(inside[0] - inside[1]).max() < 1 - _WHOLE)


def _bordered(boxes: Sequence[borders.Box | None]) -> str:
    """Return which picture has a border: "first", "second" or "both"."""
    if None not in boxes:
        return "both"
    return "second" if boxes[0] is None else "first"


def _same(
    compared: Compared, turn: int, scale: Array, shift: Array, closeness: float | None = None
) -> Judgement:
    if closeness is None:
        closeness = float(alignments.correlation(compared.first[None], compared.second[None])[0])
    evidence = {
        "turn": turn,
        "scale": [round(float(x), 5) for x in scale[0]],
        "shift": [round(float(x), 5) for x in shift[0]],
        "overlay": overlays.overlay_side(compared),
    }
    how = _change(turn, scale, shift)
    return Judgement(Kind.SAME_PICTURE, min(max(closeness, 0.0), 1.0), how, evidence)


def _change(turn: int, scale: Array, shift: Array) -> str:
    """Return what was done to one of two copies: a `Change`, or "" for none that matters."""
    if turn:
        return Change.MIRRORED if turn >= 4 else Change.ROTATED
    low, high = alignments.overlap(scale, shift)
    common = np.minimum(high - low, (high - low) * scale)
    return Change.CROPPED if common.min() < _WHOLE else ""


# --- similar shots --------------------------------------------------------------------------------


def _similar_shots(
    pair: Pair, alignment: Alignment, row: int, thresholds: Thresholds, pictures: _Pictures
) -> Judgement | None:
    """Judge by the embeddings, more strictly where time or place speak against one occasion.

    A lower similarity is enough where both pictures have the same layout without being turned.
    Turned or mirrored layouts often agree by chance: all birds over water look alike. And pages
    and empty pictures are alike without showing the same: of those, only the clock can tell.
    """
    min_cosine = _min_cosine(pair, thresholds)
    if alignment.turn[row] == 0 and min_cosine < thresholds.apart:
        correlation = alignment.correlation[row]
        if correlation >= _SAME_LAYOUT:
            min_cosine = min(min_cosine, thresholds.layout)
        elif correlation >= _LIKE_LAYOUT:
            min_cosine = min(min_cosine, thresholds.burst)
    if pair.cosine < min_cosine or (_are_alike_by_nature(pair, pictures) and not _in_a_burst(pair)):
        return None
    return Judgement(Kind.SIMILAR_SHOTS, min(max(pair.cosine, 0.0), 1.0))


def _are_alike_by_nature(pair: Pair, pictures: _Pictures) -> bool:
    """Tell whether one is a page or has next to nothing in it."""
    looks = pictures.looks(pair)
    return looks is not None and any(look.page or look.poor for look in looks)


def _in_a_burst(pair: Pair) -> bool:
    """Tell whether a camera took both, one soon after the other, and saw something."""
    if pages.is_blank(pair.first.grey) or pages.is_blank(pair.second.grey):
        return False
    here, there = camera_time(pair.first.exif), camera_time(pair.second.exif)
    return here is not None and there is not None and abs(here - there) <= _BURST


def _min_cosine(pair: Pair, thresholds: Thresholds) -> float:
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
