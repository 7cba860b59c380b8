"""What was measured of the photos of groups when they were compared with each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any
from uuid import UUID

from gallery.models.quality import quality_of
from gallery.slices import slices
from search.duplicates.models import DuplicateEdge, Kind

QUALITY = "quality"
"""The key in `DuplicateEdge.evidence`; what is below it is `find.quality.Quality.as_json`."""

# How what several comparisons say of one photo is brought together. Detail counts as far as every
# comparison bears it out; a border or a text that one of them shows is there.
_TOGETHER: dict[str, Callable[[list[float]], float]] = {
    "detail": min,
    "colour": fmean,
    "light": fmean,
    "blown_up": max,
    "framed": max,
    "written": max,
    "mirrored": max,
    "shown": min,
    "burnt": max,
}


@dataclass(frozen=True)
class Figures:
    """What is known of one photo; see `search.duplicates.find.quality.Quality`.

    None stands for what was not measured. `same_picture` says whether the photos it was compared
    with are the same picture, and not only similar shots. `sharpness` is known of similar shots
    only, and means something only beside the others (`gallery.decoding.quality`).
    """

    detail: float | None = None
    colour: float | None = None
    light: float | None = None
    blown_up: float | None = None
    framed: float | None = None
    written: float | None = None
    mirrored: float | None = None
    shown: float | None = None
    burnt: float | None = None
    same_picture: bool = True
    sharpness: float | None = None


NOTHING = Figures()


def figures_of(photo_ids: Collection[UUID], kind: str) -> dict[UUID, Figures]:
    """Return what is known of these photos from comparisons with each other."""
    ids = set(photo_ids)
    pairs: list[tuple[UUID, UUID, Mapping[str, Any]]] = []
    for some in slices(ids):
        edges = DuplicateEdge.objects.filter(first__in=some, kind=kind)
        for first, second, evidence in edges.values_list("first_id", "second_id", "evidence"):
            if second in ids and evidence.get(QUALITY):
                pairs.append((first, second, evidence[QUALITY]))
    figures = gathered(pairs, same_picture=kind == Kind.SAME_PICTURE)
    return figures if kind == Kind.SAME_PICTURE else _with_sharpness(figures, ids)


def _with_sharpness(figures: dict[UUID, Figures], ids: Collection[UUID]) -> dict[UUID, Figures]:
    nothing = Figures(same_picture=False)
    for some in slices(ids):
        for photo_id, measured in quality_of(some).items():
            known = figures.get(photo_id, nothing)
            figures[photo_id] = replace(known, sharpness=measured.rank)
    return figures


def gathered(
    pairs: Iterable[tuple[UUID, UUID, Mapping[str, Any]]], *, same_picture: bool = True
) -> dict[UUID, Figures]:
    """Bring together what pairs (first, second, quality) say of each photo."""
    said: dict[UUID, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for first, second, quality in pairs:
        for name, (one, other) in quality.items():
            if name in _TOGETHER:
                said[first][name].append(one)
                said[second][name].append(other)
    return {
        photo_id: Figures(
            **{name: _TOGETHER[name](values) for name, values in columns.items()},
            same_picture=same_picture,
        )
        for photo_id, columns in said.items()
    }
