"""Make static/world.json from a map of the world by Natural Earth: land, and borders of countries.

    python .ci/world_outline.py countries-110m.json > static/world.json

The source is a file of the npm package world-atlas. The result has lines as differences between
points in hundredths of a degree: longitude, latitude, longitude, latitude. Land is rings. A ring
that crosses the date line goes on behind it, so that it can be drawn in one go.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

Point = tuple[float, float]


def main(source: Path) -> None:
    """Write the outline of a TopoJSON file to the standard output."""
    topology = json.loads(source.read_text())
    arcs = [list(_points(arc, topology["transform"])) for arc in topology["arcs"]]
    objects = topology["objects"]
    land = [_closed(_joined(ring, arcs)) for ring in _rings(objects["land"])]
    borders = [_unwrapped(arcs[number]) for number in _shared(objects["countries"])]
    outline = {"land": [*map(_packed, land)], "borders": [*map(_packed, borders)]}
    json.dump(outline, sys.stdout, separators=(",", ":"))


def _points(arc: Iterable[list[int]], transform: dict[str, list[float]]) -> Iterator[Point]:
    (x_scale, y_scale), (x_start, y_start) = transform["scale"], transform["translate"]
    for x, y in accumulate(arc, lambda at, step: [at[0] + step[0], at[1] + step[1]]):
        yield x * x_scale + x_start, y * y_scale + y_start


def _rings(geometry: dict[str, Any]) -> Iterator[list[int]]:
    """Yield the rings of a geometry, each as numbers of arcs; ~n is the arc n backwards."""
    if geometry["type"] == "GeometryCollection":
        for part in geometry["geometries"]:
            yield from _rings(part)
    elif geometry["type"] == "Polygon":
        yield from geometry["arcs"]
    elif geometry["type"] == "MultiPolygon":
        for polygon in geometry["arcs"]:
            yield from polygon


def _joined(ring: Iterable[int], arcs: list[list[Point]]) -> list[Point]:
    points: list[Point] = []
    for number in ring:
        points += (arcs[number] if number >= 0 else arcs[~number][::-1])[bool(points) :]
    return _unwrapped(points)


def _unwrapped(points: list[Point]) -> list[Point]:
    """Let no longitude jump: what goes on behind the date line is beyond 180 degrees."""
    turns = 0
    result = points[:1]
    for (before, _), (x, y) in pairwise(points):
        turns += (x - before < -180) - (x - before > 180)
        result.append((x + 360 * turns, y))
    return result


def _closed(ring: list[Point]) -> list[Point]:
    """Lead a ring that goes around the world, the coast of Antarctica, along the pole."""
    (first, _), (last, _) = ring[0], ring[-1]
    return [*ring, (last, -90), (first, -90)] if abs(last - first) > 180 else ring


def _shared(countries: dict[str, Any]) -> list[int]:
    """Return the arcs between two countries."""
    owners = defaultdict(set)
    for country, geometry in enumerate(countries["geometries"]):
        for ring in _rings(geometry):
            for number in ring:
                owners[max(number, ~number)].add(country)
    return [number for number, of in owners.items() if len(of) > 1]


def _packed(points: list[Point]) -> list[int]:
    whole = [(round(100 * x), round(100 * y)) for x, y in points]
    kept = whole[:1] + [point for before, point in pairwise(whole) if point != before]
    steps = [(x - left, y - top) for (left, top), (x, y) in pairwise([(0, 0), *kept])]
    return [number for step in steps for number in step]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
