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

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import numpy as np
import qdrant_edge as engine
from django.utils.translation import gettext as _

from gallery.metrics.stages import stage
from search.vectors.index import (
    IndexDamaged,
    IndexFull,
    IndexLocked,
    IndexStats,
    IndexUnavailable,
    Point,
    Vector,
)
from search.vectors.index.adapter import FIELDS, WRITE_CHUNK, Kind, QdrantIndex, chunks

MIB = 1024 * 1024

OPEN_BYTES = 128 * MIB
"""Free space that opening, deleting and flushing need: two 32 MiB log segments and some room."""

SCHEMA = 2
"""Raised whenever stored points or the engine's configuration change their meaning."""

NO_HNSW = 1 << 40
"""Indexing threshold in KB, far above any gallery: the engine never wants to build a graph."""

VERSION = version("qdrant-edge-py")

# The engine's filters read True as the integer 1. So a boolean is stored as a string that starts
# with a private-use character, and converted back when it is read.
_BOOLEANS = {True: "\ue000true", False: "\ue000false"}
_BOOLEAN_OF = {text: value for value, text in _BOOLEANS.items()}

_FIELD_INDEX: dict[Kind, Any] = {
    "tenant": engine.KeywordIndexParams(is_tenant=True),
    "keyword": engine.PayloadSchemaType.Keyword,
    "integer": engine.IntegerIndexParams(lookup=False, range=True),
    "float": engine.PayloadSchemaType.Float,
    "bool": engine.PayloadSchemaType.Keyword,  # stored as strings
    "geo": engine.PayloadSchemaType.Geo,
}


class EdgeIndex(QdrantIndex):
    """A `VectorIndex` in the folder `path`, opened at its first use and kept open until `close`.

    `was_reset` is True after opening found no usable index and made an empty one; SQL must then be
    projected again. A folder that could not be read is kept beside it as `<name>.bad-<time>`.
    """

    terms = engine
    query_chunk = 16  # About 20 ms at 100,000 points, during which no other thread runs.

    def __init__(self, path: Path, dim: int, key: str, *, free_bytes: int = 512 * MIB) -> None:
        super().__init__(dim, key)
        self.folder = IndexFolder(path)
        self._free_bytes = free_bytes
        self._shard: engine.EdgeShard | None = None
        self._owner_pid: int | None = None

    # --- the port ---------------------------------------------------------------------------

    def ensure(self) -> None:
        """Open the shard, or make an empty one. Raises `IndexLocked`, `IndexFull`."""
        self._open()

    def delete(self, ids: Iterable[UUID]) -> None:
        for part in chunks(ids, WRITE_CHUNK):
            self._require_space(OPEN_BYTES)
            self._update(engine.UpdateOperation.delete_points(list[Any](part)))

    def drop(self) -> None:
        """Remove all points and make an empty shard in the same place."""
        with self._lock:
            self._open()
            self._close_shard()
            shutil.rmtree(self.folder.path, ignore_errors=True)
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
        return IndexStats(f"Qdrant Edge {VERSION}", self.count(), self.folder.bytes_on_disk())

    # --- calls ------------------------------------------------------------------------------

    def _store(self, points: list[tuple[Point, Vector]]) -> None:
        self._require_space(self._free_bytes)
        stored = [engine.Point(p.id, row.tolist(), self._payload(p.payload)) for p, row in points]
        self._update(engine.UpdateOperation.upsert_points(stored))

    def _search(self, requests: list[Any]) -> list[Any]:
        with self._calling() as shard:
            return shard.query_batch(engine.QueryBatchRequest(requests))

    def _count(self, condition: Any, *, exact: bool) -> int:
        with self._calling() as shard:
            return int(shard.count(engine.CountRequest(exact=exact, filter=condition)))

    def _retrieve(self, ids: list[UUID], *, with_vectors: bool) -> Iterable[Any]:
        with self._calling() as shard:
            return shard.retrieve(list[Any](ids), with_payload=True, with_vector=with_vectors)

    def _page(self, after: Any, size: int, *, with_vectors: bool) -> tuple[Iterable[Any], Any]:
        request = engine.ScrollRequest(
            offset=after, limit=size, with_payload=True, with_vector=with_vectors
        )
        with self._calling() as shard:
            return shard.scroll(request)

    def _update(self, operation: engine.UpdateOperation) -> None:
        with self._calling() as shard:
            shard.update(operation)

    @contextmanager
    def _calling(self) -> Iterator[engine.EdgeShard]:
        """Give the open shard; turn what the engine raises into errors of the port.

        After a Rust panic the folder loses its stamp: the next opening makes an empty index.
        """
        try:
            with stage("index"), engine_errors():
                yield self._open()
        except IndexDamaged:
            self.folder.remove_stamp()
            raise

    # --- opening ----------------------------------------------------------------------------

    def _open(self) -> engine.EdgeShard:
        """Return the open shard. Raises `IndexUnavailable` or one of its kinds."""
        # The check comes before the lock: a thread of the parent may have held it at the fork.
        if self._is_foreign():
            message = _(
                "The embedded index was opened before this process was forked from its "
                "parent; open it in the process that uses it."
            )
            raise IndexUnavailable(message)
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
                self._probe(shard)
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
            for key, kind in FIELDS.items():
                shard.update(create(key, _FIELD_INDEX[kind]))
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
        return {
            "engine": f"qdrant-edge-py {VERSION}",
            "schema": SCHEMA,
            "model": self.key,
            "dim": self.dim,
        }

    def _require_space(self, wanted: int) -> None:
        """Raise `IndexFull` unless `wanted` bytes (or the limit set, if lower) are free."""
        self.folder.require_space(min(wanted, self._free_bytes))

    def _close_shard(self) -> None:
        if self._shard is not None:
            _close_quietly(self._shard)
            self._shard = None

    def _probe(self, shard: engine.EdgeShard) -> None:
        """Make one query if the shard holds points; some damage shows only then."""
        if shard.count(engine.CountRequest(exact=True)) == 0:
            return
        axis = np.eye(1, self.dim, dtype=np.float32)[0]
        if not shard.query(self._request(axis, 1, None)):
            raise IndexUnavailable(_("The embedded index has points, but its searches find none."))

    # --- the engine's terms -----------------------------------------------------------------

    def _nearest(self, row: Vector) -> Any:
        return engine.Query.Nearest(row.tolist())

    def _range(self, gte: float | None, lt: float | None) -> Any:
        return engine.RangeFloat(gte=gte, lt=lt)

    def _is_empty(self, key: str) -> Any:
        return engine.IsEmptyCondition(key)

    def _has_ids(self, ids: frozenset[str]) -> Any:
        return _has_ids(ids)

    def _encode(self, value: Any) -> Any:
        return _BOOLEANS[value] if isinstance(value, bool) else value

    def _decode(self, value: Any) -> Any:
        return _BOOLEAN_OF.get(value, value) if isinstance(value, str) else value


@lru_cache(maxsize=4)
def _has_ids(ids: frozenset[str]) -> Any:
    """Return the condition on ids, cached because one answer uses the same ids several times.

    Passing 50,000 ids to the engine takes 35 ms, twice as long as its query with them.
    """
    return engine.HasIdCondition(set[int | UUID | str](ids))


def _close_quietly(shard: engine.EdgeShard) -> None:
    with suppress(IndexUnavailable), engine_errors():
        shard.close()


class IndexFolder:
    """The folder at `path`; files beside it have its name and a suffix."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock_file: IO[str] | None = None

    def lock(self) -> None:
        """Keep other processes out until `unlock`. Raises `IndexLocked`.

        The engine has a lock too, but releases it while a shard is dropped or set aside.
        """
        if self._lock_file is not None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock_file = self._beside("lock").open("a", encoding="utf-8")
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock_file.close()
            raise _locked() from error
        self._lock_file = lock_file

    def unlock(self) -> None:
        """Release the lock; does nothing if it is not held."""
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None

    def has_stamp(self, stamp: Mapping[str, str | int]) -> bool:
        """Return whether the same engine completed the folder for the same model."""
        try:
            return bool(json.loads(self._stamp_file.read_bytes()) == stamp)
        except (OSError, ValueError):
            return False

    def write_stamp(self, stamp: Mapping[str, str | int]) -> None:
        """Mark the folder as complete. A folder without its stamp is never trusted."""
        self._stamp_file.write_text(json.dumps(stamp), encoding="utf-8")

    def remove_stamp(self) -> None:
        """Make the next opening set the folder aside."""
        self._stamp_file.unlink(missing_ok=True)

    def set_aside(self) -> None:
        """Move the folder out of the way; only the newest such folder is kept."""
        if not self.path.exists():
            return
        for older in self.path.parent.glob(f"{self.path.name}.bad-*"):
            shutil.rmtree(older, ignore_errors=True)
        self.path.rename(self._beside(f"bad-{time.strftime('%Y%m%dT%H%M%S')}"))

    def require_space(self, wanted: int) -> None:
        """Raise `IndexFull` unless `wanted` bytes are free: a full disk kills the process."""
        existing = next(part for part in (self.path, *self.path.parents) if part.exists())
        free = shutil.disk_usage(existing).free
        if free < wanted:
            message = _(
                "The disk that holds the index has only %(free)d MB free; the index needs "
                "%(wanted)d MB to write safely."
            )
            raise IndexFull(message % {"free": free // MIB, "wanted": wanted // MIB})

    def bytes_on_disk(self) -> int:
        """Return the allocated bytes; the engine's files are sparse, so their sizes say little."""
        total = 0
        for path in self.path.rglob("*"):
            with suppress(FileNotFoundError):
                total += path.stat().st_blocks * 512
        return total

    @property
    def _stamp_file(self) -> Path:
        return self.path / "STAMP"

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{suffix}")


@contextmanager
def engine_errors() -> Iterator[None]:
    """Turn what the engine raises, a bare `Exception` or a Rust panic, into errors of the port."""
    try:
        yield
    except IndexUnavailable:
        raise
    except Exception as error:
        if "WouldBlock" in str(error):
            raise _locked() from error
        message = _("The embedded index failed: %(error)s") % {"error": error}
        raise IndexUnavailable(message) from error
    except BaseException as panic:
        if type(panic).__name__ != "PanicException":
            raise
        message = _("The embedded index is damaged (%(error)s); restart Scry to build it again.")
        raise IndexDamaged(message % {"error": panic}) from panic


def _locked() -> IndexLocked:
    return IndexLocked(_("Another Scry process has this data folder open."))
