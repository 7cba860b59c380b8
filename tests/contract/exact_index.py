"""The oracle: a `VectorIndex` in plain numpy that compares with every point."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

import numpy as np

from search.vectors.index import (
    And,
    Eq,
    Filter,
    Has,
    HasIds,
    Hit,
    In,
    IndexStats,
    Inside,
    Near,
    Not,
    Or,
    Payload,
    Place,
    Point,
    Range,
    StoredPoint,
    Vector,
)
from search.vectors.index.adapter import unit_rows


def holds(flt: Filter | None, id_: UUID, payload: Payload) -> bool:
    """Say whether the point with this id and payload matches."""
    match flt:
        case None:
            return True
        case Eq(key, value):
            return value in _values(payload, key)
        case In(key, values):
            return bool(set(values) & set(_values(payload, key)))
        case Range(key, gte, lt):
            return any(
                (gte is None or value >= gte) and (lt is None or value < lt)
                for value in _values(payload, key)
            )
        case Near(key, latitude, longitude, metres):
            centre = Place(latitude, longitude)
            return any(_metres(place, centre) <= metres for place in _values(payload, key))
        case Inside(key, south, west, north, east):
            return any(
                south <= place.latitude <= north
                and ((west <= place.longitude) + (place.longitude <= east) + (west > east)) >= 2
                for place in _values(payload, key)
            )
        case Has(key):
            return bool(_values(payload, key))
        case HasIds(ids):
            return id_.hex in ids
        case Not(inner):
            return not holds(inner, id_, payload)
        case And(parts):
            return all(holds(part, id_, payload) for part in parts)
        case Or(parts):
            return any(holds(part, id_, payload) for part in parts)


def _metres(one: Place, other: Place) -> float:
    """Return the haversine distance on a sphere of Earth's mean radius."""
    north, other_north = math.radians(one.latitude), math.radians(other.latitude)
    east = math.radians(other.longitude - one.longitude)
    across = math.cos(north) * math.cos(other_north) * math.sin(east / 2) ** 2
    return (
        2
        * 6_371_008.8
        * math.asin(math.sqrt(min(1.0, math.sin((other_north - north) / 2) ** 2 + across)))
    )


def _values(payload: Payload, key: str) -> list[Any]:
    value: Any = payload.get(key, [])
    return list(value) if isinstance(value, list | tuple) else [value]


class ExactIndex:
    """Points in a dict; every query is one matrix product."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.was_reset = True
        self.points: dict[UUID, Point] = {}

    def ensure(self) -> None:
        pass

    def upsert(self, points: Sequence[Point]) -> None:
        unit_rows([point.vector for point in points], self.dim)
        self.points.update((point.id, point) for point in points)

    def delete(self, ids: Iterable[UUID]) -> None:
        for id_ in ids:
            self.points.pop(id_, None)

    def query(
        self, vector: Vector, *, limit: int, offset: int = 0, flt: Filter | None = None
    ) -> list[Hit]:
        return self.query_batch([vector], limit=offset + limit, flt=flt)[0][offset:]

    def query_batch(
        self, vectors: Sequence[Vector], *, limit: int, flt: Filter | None = None
    ) -> list[list[Hit]]:
        asked = unit_rows(vectors, self.dim).astype(np.float64)
        found = [p for p in self.points.values() if holds(flt, p.id, p.payload)]
        rows = np.array([p.vector for p in found], np.float64).reshape(-1, self.dim)
        answers = []
        for scores in asked @ rows.T:
            hits = [
                Hit(p.id, round(float(score), 6)) for p, score in zip(found, scores, strict=True)
            ]
            answers.append(sorted(hits, key=lambda hit: (-hit.score, hit.id))[:limit])
        return answers

    def fetch(self, ids: Iterable[UUID], *, with_vectors: bool = False) -> list[StoredPoint]:
        wanted = [self.points[id_] for id_ in dict.fromkeys(ids) if id_ in self.points]
        return [StoredPoint(p.id, p.payload, p.vector if with_vectors else None) for p in wanted]

    def scroll(self, *, batch: int = 1000, with_vectors: bool = False) -> Iterator[StoredPoint]:
        yield from self.fetch(sorted(self.points), with_vectors=with_vectors)

    def count(self, flt: Filter | None = None, *, exact: bool = True) -> int:
        return sum(holds(flt, p.id, p.payload) for p in self.points.values())

    def drop(self) -> None:
        self.points.clear()

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def stats(self) -> IndexStats:
        return IndexStats("numpy", len(self.points), None)
