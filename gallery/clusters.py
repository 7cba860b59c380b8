"""Photos of a part of the map, gathered in the cells of a grid whose size depends on the zoom.

The database counts them in one pass over an index, and answers with a row for each cell, so a map
takes as much whether it shows a hundred photos or a million.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any
from uuid import UUID

from django.db.models import CharField, Count, F, IntegerField, Max, Min
from django.db.models.functions import Cast

from gallery.areas import Area
from gallery.models import Photo, PhotoQuerySet

MAX_ZOOM = 20
"""The closest zoom; at zoom z the world is 256 * 2**z pixels wide, as on most maps."""
MOST_CELLS = 1024
"""Cells of an answer. Where the zoom asks for more, they are larger."""
_SHOWN = ("name", "place", "latitude", "longitude", "decoded_at")
_CELL = 96
"""Pixels from the west to the east side of a cell."""
_FLATNESS = 0.7
"""Degrees of latitude of a cell for each of longitude, so that it is about square in Europe."""


@dataclass(frozen=True)
class Cluster:
    """Photos of one cell: how many, the area that they lie in, and one that stands for them."""

    count: int
    area: Area
    cover: Photo


def clusters(photos: PhotoQuerySet, area: Area, zoom: int) -> list[Cluster]:
    """Return the clusters of the photos in an area, the largest first."""
    rows = _rows(photos.filter(area.q()), _cell_width(area, zoom))
    # A photo that was deleted between the two queries stands for nothing.
    covers = photos.only(*_SHOWN).in_bulk([UUID(row["cover"]) for row in rows])
    found = [(row, covers.get(UUID(row["cover"]))) for row in rows]
    made = [_cluster(row, cover) for row, cover in found if cover is not None]
    return sorted(made, key=lambda cluster: (-cluster.count, cluster.cover.pk))


def _cell_width(area: Area, zoom: int) -> float:
    """Return how many degrees wide a cell is: what the zoom asks for, or more."""
    for level in range(min(zoom, MAX_ZOOM), 0, -1):
        width: float = _CELL * 360 / (256 * 2**level)
        across, down = ceil(area.width / width) + 1, ceil(area.height / (width * _FLATNESS)) + 1
        if across * down <= MOST_CELLS:
            return width
    return _CELL * 360 / 256


def _rows(photos: PhotoQuerySet, width: float) -> list[dict[str, Any]]:
    # PostgreSQL rounds where SQLite cuts off. Either way the cells are of one size.
    row = Cast((F("latitude") + 90.0) / (width * _FLATNESS), IntegerField())
    column = Cast((F("longitude") + 180.0) / width, IntegerField())
    cells: Any = photos.order_by().annotate(row=row, column=column).values("row", "column")
    counted = cells.annotate(
        count=Count("*"),
        south=Min("latitude"),
        north=Max("latitude"),
        west=Min("longitude"),
        east=Max("longitude"),
        # An id is as good as any. The photo with the highest one stays when a cluster is split.
        cover=Max(Cast("pk", CharField())),
    )
    return list(counted)


def _cluster(row: dict[str, Any], cover: Photo) -> Cluster:
    sides = (row[side] for side in ("south", "west", "north", "east"))
    return Cluster(row["count"], Area.around(*sides), cover)
