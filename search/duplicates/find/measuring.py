"""Measuring the quality of pairs that were judged alike, for the choice of the photo to keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

from search.duplicates.find.judging import Detail, Pair, Side
from search.duplicates.find.quality import Box, Look, Pixels, Quality, measure
from search.duplicates.groups.edges import Judgement
from search.duplicates.groups.figures import QUALITY
from search.duplicates.models import Kind

PartOf = Callable[[UUID, Box], Pixels | None]
"""Returns what is inside a box of a photo's original, at full size up to 1,024 px a side."""

_ENOUGH = 8  # pairs measured of one photo: of many copies each need not meet all the others


def with_quality(
    pairs: Sequence[Pair], judgements: Sequence[Judgement | None], detail: Detail, part_of: PartOf
) -> list[Judgement | None]:
    """Return the judgements, those on pairs alike with what was measured in their evidence.

    Only the same picture is worth reading originals for. Of similar shots light and colour are
    measured, which tell the shots of a bracket apart.
    """
    measured: Counter[UUID] = Counter()
    result: list[Judgement | None] = []
    for pair, judgement in zip(pairs, judgements, strict=True):
        ids = (pair.first.photo_id, pair.second.photo_id)
        if judgement is None or min(measured[photo_id] for photo_id in ids) >= _ENOUGH:
            result.append(judgement)
            continue
        measured.update(ids)
        quality = _quality(pair, judgement.kind, detail, part_of)
        if quality is not None:
            evidence = {**judgement.evidence, QUALITY: _told(quality, pair, judgement).as_json()}
            judgement = replace(judgement, evidence=evidence)
        result.append(judgement)
    return result


def _quality(pair: Pair, kind: Kind, detail: Detail, part_of: PartOf) -> Quality | None:
    looks = [_look(side, detail, part_of) for side in (pair.first, pair.second)]
    if looks[0] is None or looks[1] is None:
        return None
    return measure(looks[0], looks[1], detail=kind == Kind.SAME_PICTURE)


def _look(side: Side, detail: Detail, part_of: PartOf) -> Look | None:
    small = detail(side.photo_id)
    if small is None:
        return None
    return Look(small, side.width, side.height, lambda box: part_of(side.photo_id, box))


def _told(quality: Quality, pair: Pair, judgement: Judgement) -> Quality:
    """Return the quality with the text laid over that judging found, which looks more closely."""
    overlay = judgement.evidence.get("overlay")
    if overlay not in ("first", "second"):
        return quality
    return replace(quality, written=(float(overlay == "first"), float(overlay == "second")))
