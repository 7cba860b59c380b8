"""Photos of a part of the map, gathered in the cells of a grid whose size depends on the zoom.

The database counts them in one pass over an index, and answers with a row for each cell, so a map
takes as much whether it shows a hundred photos or a million. Neighbours whose pictures would cover
each other on the map are joined afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import asinh, ceil, radians, tan
from typing import Any
from uuid import UUID

import numpy as np
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
_PICTURE = 56
"""Pixels of the side of a cluster's picture, as static/js/places/marks.js draws it."""
_EDGE = 85.0
"""Degrees of latitude where a map ends."""
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
    return _by_size(_join_neighbours(_by_size(made), zoom))


def _by_size(found: list[Cluster]) -> list[Cluster]:
    return sorted(found, key=lambda cluster: (-cluster.count, cluster.cover.pk))


def _join_neighbours(found: list[Cluster], zoom: int) -> list[Cluster]:
    """Join clusters whose pictures would cover each other into the larger of them.

    Two stay apart where the area around both meets that of a third, since whoever opens a cluster
    sees the photos of its area, and those are as many as it says; and over the date line.
    """
    pins = _Pins(found, zoom)
    while sum(pins.join(place) for place in range(len(found))):
        pass
    return pins.clusters()


class _Pins:
    """Clusters, largest first, with their areas and the places of their pictures as arrays."""

    def __init__(self, found: list[Cluster], zoom: int) -> None:
        self._found = list(found)
        self._left = np.ones(len(found), bool)
        self._at = np.array([_on_map(cluster.cover, zoom) for cluster in found]).reshape(-1, 2)
        areas = [cluster.area for cluster in found]
        sides = [(area.south, area.west, -area.north, -area.east) for area in areas]
        self._sides = np.array(sides).reshape(-1, 4)  # The area around two has the minima.

    def clusters(self) -> list[Cluster]:
        return [self._found[place] for place in np.flatnonzero(self._left)]

    def join(self, place: int) -> bool:
        """Join the first smaller neighbour that can be; return whether there was one."""
        if not self._left[place]:
            return False
        near = self._left & (np.abs(self._at - self._at[place]) < _PICTURE).all(axis=1)
        near[: place + 1] = False
        other = next(
            (each for each in np.flatnonzero(near).tolist() if self._are_alone(place, each)), None
        )
        if other is None:
            return False
        self._sides[place] = np.minimum(self._sides[place], self._sides[other])
        self._left[other] = False
        south, west, north, east = (float(side) for side in self._sides[place] * (1, 1, -1, -1))
        count = self._found[place].count + self._found[other].count
        joined = replace(self._found[place], count=count, area=Area(south, west, north, east))
        self._found[place] = joined
        return True

    def _are_alone(self, *places: int) -> bool:
        """Tell whether the area around some clusters meets those of no others."""
        around = self._sides[list(places)].min(axis=0)
        meets = self._left & (self._sides <= -np.roll(around, 2)).all(axis=1)
        return int(meets.sum()) == len(places)


def _on_map(photo: Photo, zoom: int) -> tuple[float, float]:
    """Return the pixels of a photo from the middle of a map in Mercator's projection."""
    scale = 256 * 2 ** min(max(zoom, 0), MAX_ZOOM) / 360
    latitude = min(max(photo.latitude or 0.0, -_EDGE), _EDGE)
    return scale * (photo.longitude or 0.0), scale * np.degrees(asinh(tan(radians(latitude))))


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
