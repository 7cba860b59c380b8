"""What both adapters share: the calls that are the same in both, checks of vectors, payloads.

The embedded engine stores NaN and zero vectors without an error, and both then spoil answers. So
every vector is checked before an engine sees it.
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Literal, TypeVar
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from search.vectors.index import (
    And,
    BadVector,
    Eq,
    Filter,
    Has,
    HasIds,
    Hit,
    In,
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
    VectorIndex,
)
from search.vectors.index.many_ids import ManyIds, many_ids

NORM_TOLERANCE = 1e-2
"""How far from 1 a norm may be: float16 storage moves it by 1e-3, a wrong vector by far more."""

TIE_MARGIN = 16
"""Hits requested beyond the last one wanted, so that equal scores at the edge sort by id."""

SIDE_MARGIN = 1e-7
"""Degrees by which a box is made larger, some centimetres."""

WRITE_CHUNK = 256
"""Points per call. The embedded engine takes 10 ms, during which no other thread runs. The server
gets 2.5 MB of JSON at 512 numbers, where it takes 32 MB."""

Kind = Literal["tenant", "keyword", "integer", "float", "bool", "geo"]

FIELDS: dict[str, Kind] = {
    "owner": "tenant",
    "taken": "integer",
    "dated": "bool",
    "camera": "keyword",
    "lens": "keyword",
    "orientation": "keyword",
    "aspect": "float",
    "megapixels": "float",
    "colours": "keyword",
    "type": "keyword",
    "bytes": "integer",
    "place": "geo",
    "town": "keyword",
}
"""The payload keys that filters use, and the kind of their values.

Engines index them, so that a filter that few points pass need not read every payload. A `tenant`
is a keyword that narrows most queries first. An `integer` is used by `Range` alone, since an index
for `Eq` would take as much memory again.
"""

T = TypeVar("T")


class QdrantIndex(VectorIndex):
    """A `VectorIndex` without its engine. Both engines give their terms nearly the same names."""

    terms: Any
    """The module of the engine's requests and conditions."""

    query_chunk: int
    """Queries per call."""

    def __init__(self, dim: int, key: str) -> None:
        self.dim = dim
        self.key = key
        self.was_reset = False
        self._closed = False
        self._lock = threading.RLock()

    # --- the port ---------------------------------------------------------------------------

    def upsert(self, points: Sequence[Point]) -> None:
        rows = unit_rows([point.vector for point in points], self.dim)
        for part in chunks(zip(points, rows, strict=True), WRITE_CHUNK):
            self._store(part)

    def query(
        self, vector: Vector, *, limit: int, offset: int = 0, flt: Filter | None = None
    ) -> list[Hit]:
        if limit <= 0:
            return []
        hits = self._checked_hits(vector, offset + limit, flt)
        if hits is None:
            (hits,) = self.query_batch([vector], limit=offset + limit, flt=flt)
        return hits[offset:]

    def _checked_hits(self, vector: Vector, limit: int, flt: Filter | None) -> list[Hit] | None:
        """Return the hits of a filter that names very many points, by checking those without it.

        None for any other filter, and where too few of the hits pass.
        """
        ids = many_ids(flt)
        depth = ids.depth(limit, self._owned(ids)) if ids else None
        if ids is None or depth is None:
            return None
        (hits,) = self.query_batch([vector], limit=depth, flt=ids.rest)
        passing = [hit for hit in hits if ids.passes(hit.id.hex)]
        return passing[:limit] if len(passing) >= limit or len(hits) < depth else None

    def count(self, flt: Filter | None = None, *, exact: bool = True) -> int:
        if not exact and (ids := many_ids(flt)):
            share = ids.share(self._owned(ids))
            return round(share * self._count(self._filter(ids.rest), exact=False))
        return self._count(self._filter(flt), exact=exact)

    def _owned(self, ids: ManyIds) -> int:
        """Return about how many points the owner of the ids has; all where the filter names none.

        Of all points, the ids of somebody with few photos would seem to be few.
        """
        return self._count(self._filter(ids.owner), exact=False)

    def query_batch(
        self, vectors: Sequence[Vector], *, limit: int, flt: Filter | None = None
    ) -> list[list[Hit]]:
        if limit <= 0:
            return [[] for _ in vectors]
        condition = self._filter(flt)
        answers: list[list[Hit]] = []
        for part in chunks(unit_rows(vectors, self.dim), self.query_chunk):
            requests = [self._request(row, limit, condition) for row in part]
            answers += [_best(hits, limit) for hits in self._search(requests)]
        return answers

    def fetch(self, ids: Iterable[UUID], *, with_vectors: bool = False) -> list[StoredPoint]:
        stored: list[StoredPoint] = []
        for part in chunks(dict.fromkeys(ids), WRITE_CHUNK):
            stored += map(self._stored_point, self._retrieve(part, with_vectors=with_vectors))
        return stored

    def scroll(self, *, batch: int = 1000, with_vectors: bool = False) -> Iterator[StoredPoint]:
        after: Any = None
        while True:
            records, after = self._page(after, batch, with_vectors=with_vectors)
            yield from map(self._stored_point, records)
            if after is None:
                return

    # --- what an engine does in its own way -------------------------------------------------

    @abstractmethod
    def _store(self, points: list[tuple[Point, Vector]]) -> None:
        """Add or replace points with their checked vectors."""

    @abstractmethod
    def _search(self, requests: list[Any]) -> list[Any]:
        """Return for each request the engine's hits."""

    @abstractmethod
    def _count(self, condition: Any, *, exact: bool) -> int:
        """Return how many points meet an engine's condition; all for None."""

    @abstractmethod
    def _retrieve(self, ids: list[UUID], *, with_vectors: bool) -> Iterable[Any]:
        """Return the engine's records of the points that exist."""

    @abstractmethod
    def _page(self, after: Any, size: int, *, with_vectors: bool) -> tuple[Iterable[Any], Any]:
        """Return the engine's next records, and where the page behind them begins or None."""

    @abstractmethod
    def _nearest(self, row: Vector) -> Any:
        """Return the engine's query for the points closest to a vector."""

    @abstractmethod
    def _range(self, gte: float | None, lt: float | None) -> Any: ...

    @abstractmethod
    def _is_empty(self, key: str) -> Any: ...

    @abstractmethod
    def _has_ids(self, ids: frozenset[str]) -> Any: ...

    def _encode(self, value: Any) -> Any:
        """Return what stands for a payload value in the engine."""
        return value

    def _decode(self, value: Any) -> Any:
        """Return what `_encode` was called with."""
        return value

    # --- plain values to the engine's and back ----------------------------------------------

    def _request(self, row: Vector, limit: int, condition: Any) -> Any:
        # Without `rescore`, scores are those of the 4-bit codes.
        quantization = self.terms.QuantizationSearchParams(rescore=True, oversampling=2.0)
        return self.terms.QueryRequest(
            query=self._nearest(row),
            filter=condition,
            limit=limit + TIE_MARGIN,
            with_payload=False,
            params=self.terms.SearchParams(quantization=quantization),
        )

    def _payload(self, payload: Payload) -> dict[str, Any]:
        """Return a payload as JSON, a place as an object of `lat` and `lon`."""
        return {key: self._encode(_plain(value)) for key, value in payload.items()}

    def _stored_point(self, record: Any) -> StoredPoint:
        vector = None if record.vector is None else np.asarray(record.vector, dtype=np.float32)
        stored = (record.payload or {}).items()
        payload = {key: _read(self._decode(value)) for key, value in stored}
        return StoredPoint(_uuid(record.id), payload, vector)

    def _filter(self, flt: Filter | None) -> Any:
        if flt is None or flt == And(()):
            return None
        return self.terms.Filter(must=[self._condition(flt)])

    def _condition(self, flt: Filter) -> Any:
        """Return the engine's condition that holds for the same points as `flt`."""
        terms = self.terms
        match flt:
            case Eq(key, value):
                match_value = terms.MatchValue(value=self._encode(value))
                return terms.FieldCondition(key=key, match=match_value)
            case In(key, values):
                return self._any_of([self._match_any(key, values, kind) for kind in (str, int)])
            case Range(key, gte, lt):
                return terms.FieldCondition(key=key, range=self._range(gte, lt))
            case Near(key, latitude, longitude, metres):
                centre = terms.GeoPoint(lon=longitude, lat=latitude)
                around = terms.GeoRadius(center=centre, radius=metres)
                return terms.FieldCondition(key=key, geo_radius=around)
            case Inside(key, south, west, north, east):
                # To the engine, what is on a side is outside.
                top, bottom = min(north + SIDE_MARGIN, 90), max(south - SIDE_MARGIN, -90)
                left, right = max(west - SIDE_MARGIN, -180), min(east + SIDE_MARGIN, 180)
                box = terms.GeoBoundingBox(
                    top_left=terms.GeoPoint(lon=left, lat=top),
                    bottom_right=terms.GeoPoint(lon=right, lat=bottom),
                )
                return terms.FieldCondition(key=key, geo_bounding_box=box)
            case Has(key):
                return terms.Filter(must_not=[self._is_empty(key)])
            case HasIds(ids):
                return self._has_ids(ids)
            case Not(inner):
                return terms.Filter(must_not=[self._condition(inner)])
            case And(parts):
                return terms.Filter(must=[self._condition(part) for part in parts])
            case Or(parts):
                return self._any_of([self._condition(part) for part in parts])

    def _match_any(self, key: str, values: tuple[str | int, ...], kind: type) -> Any:
        """An engine matches strings or integers in one condition, not both."""
        chosen = [value for value in values if isinstance(value, kind)]
        return self.terms.FieldCondition(key=key, match=self.terms.MatchAny(any=chosen))

    def _any_of(self, conditions: list[Any]) -> Any:
        """An empty `should` matches every point; an empty set of ids matches none."""
        return self.terms.Filter(should=conditions or [self._has_ids(frozenset())])


def unit_rows(vectors: Sequence[Vector], dim: int) -> NDArray[np.float32]:
    """Return the vectors as one float32 array of shape (n, dim).

    Raises `BadVector` for a wrong shape, a value that is not finite, or a norm that is not 1.
    """
    if not len(vectors):
        return np.empty((0, dim), np.float32)
    try:
        rows = np.asarray(vectors, dtype=np.float32)
    except (ValueError, TypeError) as error:
        raise BadVector(f"Vectors must be numbers of one length, {dim}.") from error
    if rows.ndim != 2 or rows.shape[1] != dim:
        raise BadVector(f"Vectors of shape {rows.shape[1:]} do not fit an index of {dim} numbers.")
    if not np.isfinite(rows).all():
        raise BadVector("A vector holds a value that is not finite.")
    off = np.abs(np.linalg.norm(rows, axis=1) - 1.0)
    if off.max() > NORM_TOLERANCE:
        raise BadVector(f"A vector's length is off from 1 by {off.max():.3g}.")
    return rows


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of at most `size`."""
    remaining = iter(items)
    while part := list(islice(remaining, size)):
        yield part


def _best(scored: Iterable[Any], limit: int) -> list[Hit]:
    """Return the first of an engine's hits by falling score, ties by id.

    Scores are rounded to 1e-6 first: beyond that, float32 sums of equal vectors depend on their
    place in memory, which would order equal photos at random.
    """
    hits = (Hit(_uuid(point.id), round(float(point.score), 6)) for point in scored)
    return sorted(hits, key=lambda hit: (-hit.score, hit.id))[:limit]


def _uuid(point_id: UUID | str | int) -> UUID:
    return point_id if isinstance(point_id, UUID) else UUID(str(point_id))


def _plain(value: Any) -> Any:
    if isinstance(value, Place):
        return {"lat": value.latitude, "lon": value.longitude}
    return value if isinstance(value, str | int | float) else list(value)


def _read(value: Any) -> Any:
    return Place(value["lat"], value["lon"]) if isinstance(value, dict) else value
