"""The embedded index: Qdrant Edge, Qdrant's storage engine inside this process.

Five properties of the engine shape this adapter, each measured with qdrant-edge-py 0.9.0. It never
releases the GIL, so calls are kept short. Only `flush` reaches the disk. A full disk kills the
process, so free space is checked first. One process may open a shard, and a forked child that uses
an open one hangs for ever. It loads many kinds of damaged files without an error.

Answers come from a scan over 4-bit TurboQuant codes, rescored with the original vectors. There is
no HNSW graph: at 100,000 points the scan takes 1-2 ms at recall 1.0, and building a graph would
block every thread of the process until it is finished.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import qdrant_edge as engine
from django.utils.translation import gettext as _

from search.vectors.index.adapter import (
    FIELDS,
    TIE_MARGIN,
    Kind,
    boolean_to_text,
    chunks,
    from_json,
    page,
    text_to_boolean,
    to_json,
    unit_rows,
)
from search.vectors.index.base import (
    And,
    Eq,
    Filter,
    Has,
    HasIds,
    Hit,
    In,
    IndexDamaged,
    IndexLocked,
    IndexStats,
    IndexUnavailable,
    Near,
    Not,
    Or,
    Point,
    Range,
    StoredPoint,
    Vector,
)
from search.vectors.index.folder import MIB, IndexFolder, engine_errors

OPEN_BYTES = 128 * MIB
"""Free space that opening, deleting and flushing need: two 32 MiB log segments and some room."""

WRITE_CHUNK = 256
"""Points per engine call: about 10 ms during which no other thread runs."""

QUERY_CHUNK = 16
"""Queries per engine call: about 20 ms at 100,000 points."""

SCHEMA = 2
"""Raised whenever stored points or the engine's configuration change their meaning."""

NO_HNSW = 1 << 40
"""Indexing threshold in KB, far above any gallery: the engine never wants to build a graph."""

ENGINE = f"qdrant-edge-py {version('qdrant-edge-py')}"

_FIELD_INDEX: dict[Kind, Any] = {
    "tenant": engine.KeywordIndexParams(is_tenant=True),
    "keyword": engine.PayloadSchemaType.Keyword,
    "integer": engine.IntegerIndexParams(lookup=False, range=True),
    "float": engine.PayloadSchemaType.Float,
    "bool": engine.PayloadSchemaType.Keyword,  # stored as strings
    "geo": engine.PayloadSchemaType.Geo,
}


class EdgeIndex:
    """A `VectorIndex` in the folder `path`, opened at its first use and kept open until `close`.

    `was_reset` is True after opening found no usable index and made an empty one; SQL must then be
    projected again. A folder that could not be read is kept beside it as `<name>.bad-<time>`.
    """

    def __init__(self, path: Path, dim: int, key: str, *, free_bytes: int = 512 * MIB) -> None:
        self.folder = IndexFolder(path)
        self.dim = dim
        self.key = key
        self.was_reset = False
        self._free_bytes = free_bytes
        self._shard: engine.EdgeShard | None = None
        self._owner_pid: int | None = None
        self._closed = False
        self._lock = threading.RLock()

    # --- the port ---------------------------------------------------------------------------

    def ensure(self) -> None:
        """Open the shard, or make an empty one. Raises `IndexLocked`, `IndexFull`."""
        self._open()

    def upsert(self, points: Sequence[Point]) -> None:
        rows = unit_rows([point.vector for point in points], self.dim)
        for part in chunks(zip(points, rows, strict=True), WRITE_CHUNK):
            self._require_space(self._free_bytes)
            stored = [
                engine.Point(p.id, row.tolist(), to_json(p.payload, convert=boolean_to_text))
                for p, row in part
            ]
            self._update(engine.UpdateOperation.upsert_points(stored))

    def delete(self, ids: Iterable[UUID]) -> None:
        unwanted: Iterable[Any] = ids
        for part in chunks(unwanted, WRITE_CHUNK):
            self._require_space(OPEN_BYTES)
            self._update(engine.UpdateOperation.delete_points(part))

    def query(
        self, vector: Vector, *, limit: int, offset: int = 0, flt: Filter | None = None
    ) -> list[Hit]:
        if limit <= 0:
            return []
        row = unit_rows([vector], self.dim)[0]
        request = _request(row, offset + limit, _filter(flt))
        with self._calling() as shard:
            found = shard.query(request)
        return page(_hits(found), limit=limit, offset=offset)

    def query_batch(
        self, vectors: Sequence[Vector], *, limit: int, flt: Filter | None = None
    ) -> list[list[Hit]]:
        if limit <= 0:
            return [[] for _ in vectors]
        condition = _filter(flt)
        answers: list[list[Hit]] = []
        for part in chunks(unit_rows(vectors, self.dim), QUERY_CHUNK):
            batch = engine.QueryBatchRequest([_request(row, limit, condition) for row in part])
            with self._calling() as shard:
                found = shard.query_batch(batch)
            answers += [page(_hits(hits), limit=limit) for hits in found]
        return answers

    def fetch(self, ids: Iterable[UUID], *, with_vectors: bool = False) -> list[StoredPoint]:
        found: list[StoredPoint] = []
        wanted: dict[Any, None] = dict.fromkeys(ids)
        for part in chunks(wanted, WRITE_CHUNK):
            with self._calling() as shard:
                records = shard.retrieve(part, with_payload=True, with_vector=with_vectors)
            found += [_stored_point(record) for record in records]
        return found

    def scroll(self, *, batch: int = 1000, with_vectors: bool = False) -> Iterator[StoredPoint]:
        after: Any = None
        while True:
            request = engine.ScrollRequest(
                offset=after, limit=batch, with_payload=True, with_vector=with_vectors
            )
            with self._calling() as shard:
                records, after = shard.scroll(request)
            yield from map(_stored_point, records)
            if after is None:
                return

    def count(self, flt: Filter | None = None, *, exact: bool = True) -> int:
        with self._calling() as shard:
            return int(shard.count(engine.CountRequest(exact=exact, filter=_filter(flt))))

    def drop(self) -> None:
        """Remove all points and make an empty shard in the same place."""
        with self._lock:
            self._open()
            self._close_shard()
            self.folder.remove()
            self._shard = self._create()

    def flush(self) -> None:
        self._require_space(OPEN_BYTES)
        with self._calling() as shard:
            shard.flush()

    def close(self) -> None:
        """Write everything out and release the folder. The object cannot be used again."""
        if self._is_foreign():
            return
        with self._lock:
            self._closed = True
            self._close_shard()
            self.folder.unlock()

    def stats(self) -> IndexStats:
        return IndexStats(
            engine=f"Qdrant Edge {version('qdrant-edge-py')}",
            points=self.count(),
            bytes_on_disk=self.folder.bytes_on_disk(),
        )

    @contextmanager
    def _calling(self) -> Iterator[engine.EdgeShard]:
        """Give the open shard; turn what the engine raises into errors of the port.

        After a Rust panic the folder loses its stamp: the next opening makes an empty index.
        """
        try:
            with engine_errors():
                yield self._open()
        except IndexDamaged:
            self.folder.remove_stamp()
            raise

    # --- opening ----------------------------------------------------------------------------

    def _open(self) -> engine.EdgeShard:
        """Return the open shard. Raises `IndexUnavailable` or one of its kinds."""
        # The check comes before the lock: a thread of the parent may have held it at the fork.
        if self._is_foreign():
            raise IndexUnavailable(
                _(
                    "The embedded index was opened before this process was forked from its "
                    "parent; open it in the process that uses it."
                )
            )
        with self._lock:
            if self._closed:
                raise IndexUnavailable(_("The embedded index has been closed."))
            if self._shard is None:
                self._require_space(OPEN_BYTES)
                self.folder.lock()
                self._shard = self._load_or_create()
            return self._shard

    def _is_foreign(self) -> bool:
        return self._owner_pid is not None and self._owner_pid != os.getpid()

    def _load_or_create(self) -> engine.EdgeShard:
        shard = self._load() if self.folder.has_stamp(self._stamp()) else None
        if shard is None:
            self.folder.set_aside()
            shard = self._create()
            self.was_reset = True
        self._owner_pid = os.getpid()
        return shard

    def _load(self) -> engine.EdgeShard | None:
        """Return the stored shard, or None if it cannot be read."""
        shard: engine.EdgeShard | None = None
        try:
            with engine_errors():
                shard = engine.EdgeShard.load(str(self.folder.path), self._config())
                _probe(shard, self.dim)
        except IndexLocked:
            raise
        except IndexUnavailable:
            if shard is not None:
                _close_quietly(shard)
            return None
        return shard

    def _create(self) -> engine.EdgeShard:
        self._require_space(self._free_bytes)
        self.folder.path.mkdir(parents=True, exist_ok=True)
        with engine_errors():
            shard = engine.EdgeShard.create(str(self.folder.path), self._config())
            create = engine.UpdateOperation.create_field_index
            for key in [key for key, kind in FIELDS.items() if kind in _FIELD_INDEX]:
                shard.update(create(key, _FIELD_INDEX[FIELDS[key]]))
            shard.flush()
        self.folder.write_stamp(self._stamp())
        return shard

    def _config(self) -> engine.EdgeConfig:
        bits = engine.TurboQuantBitSize.Bits4
        return engine.EdgeConfig(
            vectors=engine.EdgeVectorParams(size=self.dim, distance=engine.Distance.Cosine),
            quantization_config=engine.TurboQuantQuantizationConfig(bits=bits),
            optimizers=engine.EdgeOptimizersConfig(indexing_threshold=NO_HNSW),
            # Without the write-ahead log the engine takes no lock, and two processes lose points.
            wal_enabled=True,
        )

    def _stamp(self) -> dict[str, str | int]:
        return {"engine": ENGINE, "schema": SCHEMA, "model": self.key, "dim": self.dim}

    def _require_space(self, wanted: int) -> None:
        """Raise `IndexFull` unless `wanted` bytes (or the limit set, if lower) are free."""
        self.folder.require_space(min(wanted, self._free_bytes))

    def _update(self, operation: engine.UpdateOperation) -> None:
        with self._calling() as shard:
            shard.update(operation)

    def _close_shard(self) -> None:
        if self._shard is not None:
            _close_quietly(self._shard)
            self._shard = None


def _close_quietly(shard: engine.EdgeShard) -> None:
    with suppress(IndexUnavailable), engine_errors():
        shard.close()


def _probe(shard: engine.EdgeShard, dim: int) -> None:
    """Make one query if the shard holds points; some damage shows only then."""
    if shard.count(engine.CountRequest(exact=True)) == 0:
        return
    axis = np.eye(1, dim, dtype=np.float32)[0]
    if not shard.query(_request(axis, 1, None)):
        raise IndexUnavailable(_("The embedded index holds points but finds none."))


# --- plain values to the engine's and back --------------------------------------------------------


def _request(row: Vector, wanted: int, condition: engine.Filter | None) -> engine.QueryRequest:
    # Without `rescore`, scores are those of the 4-bit codes.
    quantization = engine.QuantizationSearchParams(rescore=True, oversampling=2.0)
    return engine.QueryRequest(
        limit=wanted + TIE_MARGIN,
        query=engine.Query.Nearest(row.tolist()),
        filter=condition,
        with_payload=False,
        params=engine.SearchParams(quantization=quantization),
    )


def _hits(found: Iterable[Any]) -> Iterator[Hit]:
    return (Hit(hit.id, float(hit.score)) for hit in found)


def _stored_point(record: Any) -> StoredPoint:
    vector = None if record.vector is None else np.asarray(record.vector, dtype=np.float32)
    payload = from_json(record.payload or {}, convert=text_to_boolean)
    return StoredPoint(record.id, payload, vector)


def _filter(flt: Filter | None) -> engine.Filter | None:
    return None if flt is None or flt == And(()) else engine.Filter(must=[_condition(flt)])


def _condition(flt: Filter) -> Any:
    """Return the engine's condition that holds for the same points as `flt`."""
    match flt:
        case Eq(key, value):
            return engine.FieldCondition(key, match=engine.MatchValue(boolean_to_text(value)))
        case In(key, values):
            return _any_of([_match_any(key, values, kind) for kind in (str, int)])
        case Range(key, gte, lt):
            return engine.FieldCondition(key, range=engine.RangeFloat(gte=gte, lt=lt))
        case Near(key, latitude, longitude, metres):
            centre = engine.GeoPoint(lon=longitude, lat=latitude)
            return engine.FieldCondition(key, geo_radius=engine.GeoRadius(centre, metres))
        case Has(key):
            return engine.Filter(must_not=[engine.IsEmptyCondition(key)])
        case HasIds(ids):
            return _has_ids(ids)
        case Not(inner):
            return engine.Filter(must_not=[_condition(inner)])
        case And(parts):
            return engine.Filter(must=[_condition(part) for part in parts])
        case Or(parts):
            return _any_of([_condition(part) for part in parts])


@lru_cache(maxsize=4)
def _has_ids(ids: frozenset[str]) -> Any:
    """Return the condition on ids, cached because one answer uses the same ids several times.

    Passing 50,000 ids to the engine takes 35 ms, twice as long as its query with them.
    """
    return engine.HasIdCondition(set[int | UUID | str](ids))


def _any_of(conditions: list[Any]) -> Any:
    """An empty `should` matches every point in the engine; an empty set of ids matches none."""
    return engine.Filter(should=conditions or [engine.HasIdCondition(set())])


def _match_any(key: str, values: tuple[str | int, ...], kind: type) -> Any:
    """The engine matches strings or integers in one condition, not both."""
    chosen: list[Any] = [value for value in values if isinstance(value, kind)]
    return engine.FieldCondition(key, match=engine.MatchAny(chosen))
