"""The server index: a Qdrant server over REST, one collection per embedding model.

Stored vectors are quantised to 4 bits (TurboQuant) and answers rescored with the originals: the
vendor measures recall 0.944 for CLIP at 4 bits before rescoring and 0.476 for plain binary codes.
Every call can be repeated without harm, so short outages are bridged by two more tries.
"""

from __future__ import annotations

import os
import random
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import numpy as np
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from search.vectors.index.base import (
    And,
    Eq,
    Filter,
    Has,
    HasIds,
    Hit,
    In,
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
from search.vectors.index.checks import TIE_MARGIN, chunks, page, unit_rows
from search.vectors.index.fields import FIELDS, Kind
from search.vectors.index.naming import slug
from search.vectors.index.payloads import from_json, to_json

READ_SECONDS = 5
WRITE_SECONDS = 30
RETRIES = 2
RETRY_PAUSE = 0.1
"""Seconds before the first repeat; doubled for the next, and stretched by up to half at random."""

WRITE_CHUNK = 256
"""Points per request: about 2.5 MB of JSON at 512 numbers, where the server takes 32 MB."""

_KEYWORD = models.KeywordIndexType.KEYWORD
_FIELD_INDEX: dict[Kind, Any] = {
    "tenant": models.KeywordIndexParams(type=_KEYWORD, is_tenant=True),
    "keyword": models.PayloadSchemaType.KEYWORD,
    "version": models.IntegerIndexParams(
        type=models.IntegerIndexType.INTEGER, lookup=True, range=False
    ),
    "integer": models.IntegerIndexParams(
        type=models.IntegerIndexType.INTEGER, lookup=False, range=True
    ),
    "float": models.PayloadSchemaType.FLOAT,
    "bool": models.PayloadSchemaType.BOOL,
    "geo": models.PayloadSchemaType.GEO,
}

QUERY_CHUNK = 100
DEEPEST_PAGE = 10_000

T = TypeVar("T")


class ServerIndex:
    """A `VectorIndex` in a collection named after the model key.

    `target` is a server's URL, or a client that the caller made and will close. `was_reset` is
    True once a call found no collection and created it; SQL must then be projected anew.
    """

    def __init__(self, target: QdrantClient | str, api_key: str, dim: int, key: str) -> None:
        self.dim = dim
        self.key = key
        self.collection = f"scry-{slug(key)}"
        self.was_reset = False
        self._target = target
        self._api_key = api_key
        self._client: QdrantClient | None = None
        self._client_pid = 0
        self._is_ready = False
        self._closed = False
        self._lock = threading.RLock()

    # --- the port ---------------------------------------------------------------------------

    def ensure(self) -> None:
        """Create the collection if it is missing. Raises `IndexUnavailable`."""
        self._forget()
        _with_retries(self._ready, WRITE_SECONDS, self._forget)

    def upsert(self, points: Sequence[Point]) -> None:
        rows = unit_rows([point.vector for point in points], self.dim)
        for part in chunks(zip(points, rows, strict=True), WRITE_CHUNK):
            structs = [_struct(point, row) for point, row in part]
            self._write(partial(QdrantClient.upsert, points=structs, wait=True))

    def delete(self, ids: Iterable[UUID]) -> None:
        for part in chunks(map(str, ids), WRITE_CHUNK):
            selector = models.PointIdsList(points=list(part))
            self._write(partial(QdrantClient.delete, points_selector=selector, wait=True))

    def query(
        self, vector: Vector, *, limit: int, offset: int = 0, flt: Filter | None = None
    ) -> list[Hit]:
        if limit <= 0:
            return []
        request = _request(unit_rows([vector], self.dim)[0], offset + limit, _filter(flt))
        (answer,) = self._ask([request])
        return page(answer, limit=limit, offset=offset)

    def query_batch(
        self, vectors: Sequence[Vector], *, limit: int, flt: Filter | None = None
    ) -> list[list[Hit]]:
        if limit <= 0:
            return [[] for _ in vectors]
        condition = _filter(flt)
        answers: list[list[Hit]] = []
        for part in chunks(unit_rows(vectors, self.dim), QUERY_CHUNK):
            found = self._ask([_request(row, limit, condition) for row in part])
            answers += [page(one, limit=limit) for one in found]
        return answers

    def fetch(self, ids: Iterable[UUID], *, with_vectors: bool = False) -> list[StoredPoint]:
        found: list[StoredPoint] = []
        for part in chunks(dict.fromkeys(map(str, ids)), WRITE_CHUNK):
            wanted = partial(QdrantClient.retrieve, ids=part, with_vectors=with_vectors)
            records = self._read(wanted)
            found += map(_stored_point, records)
        return found

    def scroll(self, *, batch: int = 1000, with_vectors: bool = False) -> Iterator[StoredPoint]:
        after: Any = None
        while True:
            walk = partial(QdrantClient.scroll, limit=batch, with_vectors=with_vectors)
            records, after = self._read(partial(walk, offset=after))
            yield from map(_stored_point, records)
            if after is None:
                return

    def count(self, flt: Filter | None = None, *, exact: bool = True) -> int:
        count = partial(QdrantClient.count, count_filter=_filter(flt), exact=exact)
        return int(self._read(count).count)

    def drop(self) -> None:
        """Delete the collection; the next call creates it anew."""
        with self._lock:
            self._write(QdrantClient.delete_collection)
            self._is_ready = False

    def flush(self) -> None:
        """Nothing to do: writes are acknowledged after the server has them in its log."""

    def close(self) -> None:
        """Close the connections that this object opened. It cannot be used again."""
        with self._lock:
            self._closed = True
            if self._client is not None and self._client is not self._target:
                self._client.close()
            self._client = None

    def stats(self) -> IndexStats:
        return IndexStats(engine="Qdrant server", points=self.count(), bytes_on_disk=None)

    # --- calls ------------------------------------------------------------------------------

    def _ask(self, requests: list[models.QueryRequest]) -> list[list[Hit]]:
        answers = self._read(partial(QdrantClient.query_batch_points, requests=requests))
        return [[Hit(UUID(str(p.id)), float(p.score)) for p in one.points] for one in answers]

    def _read(self, call: Callable[..., T]) -> T:
        return self._call(call, READ_SECONDS)

    def _write(self, call: Callable[..., T]) -> T:
        return self._call(partial(call, timeout=WRITE_SECONDS), WRITE_SECONDS)

    def _call(self, call: Callable[..., T], seconds: float) -> T:
        """Call one of the client's methods on the collection, which is made ready first."""

        def once() -> T:
            return call(self._ready(), collection_name=self.collection)

        return _with_retries(once, seconds, self._forget)

    def _forget(self) -> None:
        """Look at the collection again before the next call: it may have been removed."""
        self._is_ready = False

    def _ready(self) -> QdrantClient:
        """Return a client of this process, with the collection known to exist."""
        with self._lock:
            client = self._connect()
            if not self._is_ready:
                self._require_collection(client)
                self._is_ready = True
            return client

    def _connect(self) -> QdrantClient:
        if self._closed:
            raise IndexUnavailable("The connection to Qdrant has been closed.")
        if isinstance(self._target, QdrantClient):
            return self._target
        # Connections must not be shared with the process that this one was forked from.
        if self._client is None or self._client_pid != os.getpid():
            self._client = _client(self._target, self._api_key)
            self._client_pid = os.getpid()
        return self._client

    def _require_collection(self, client: QdrantClient) -> None:
        is_new = not client.collection_exists(self.collection)
        if is_new:
            self._create_collection(client)
        info = client.get_collection(self.collection)
        # Payload indexes come before the first point: the graph gets its links while it grows.
        # Those missing are asked for each time, because a crash may have come in between, and
        # the collection may be of a version that filtered by less: then it is large, and search
        # goes on while the server makes them.
        for key in FIELDS.keys() - info.payload_schema.keys():
            client.create_payload_index(
                self.collection, key, _FIELD_INDEX[FIELDS[key]], wait=is_new, timeout=WRITE_SECONDS
            )
        size = getattr(info.config.params.vectors, "size", None)
        if size != self.dim:
            raise IndexUnavailable(
                f"The Qdrant collection {self.collection} holds vectors of {size} numbers, "
                f"but the model makes {self.dim}; drop the collection and reindex."
            )

    def _create_collection(self, client: QdrantClient) -> None:
        self.was_reset = True
        try:
            client.create_collection(self.collection, **_collection_config(self.dim))
        except UnexpectedResponse as error:
            # 409: another process created it at the same moment.
            if error.status_code != 409:
                raise


def _client(url: str, api_key: str) -> QdrantClient:
    with warnings.catch_warnings():
        # Inside a compose network the key travels over plain HTTP on purpose.
        warnings.filterwarnings("ignore", message="Api key is used with an insecure connection")
        return QdrantClient(
            url=url, api_key=api_key or None, timeout=READ_SECONDS, check_compatibility=False
        )


def _collection_config(dim: int) -> dict[str, Any]:
    bits = models.TurboQuantBitSize.BITS4
    return {
        "vectors_config": models.VectorParams(size=dim, distance=models.Distance.COSINE),
        "quantization_config": models.TurboQuantization(
            turbo=models.TurboQuantQuantizationConfig(bits=bits)
        ),
        "hnsw_config": models.HnswConfigDiff(m=16, payload_m=16, ef_construct=128),
        "strict_mode_config": models.StrictModeConfig(
            enabled=True,
            max_query_limit=DEEPEST_PAGE + TIE_MARGIN,
            max_timeout=2 * WRITE_SECONDS,
            unindexed_filtering_update=False,
            upsert_max_batchsize=WRITE_CHUNK,
            search_max_batchsize=QUERY_CHUNK,
            search_max_oversampling=4.0,
        ),
        "timeout": WRITE_SECONDS,
    }


# --- errors and retries ---------------------------------------------------------------------------


def _with_retries(call: Callable[[], T], seconds: float, on_missing: Callable[[], None]) -> T:
    """Return what `call` returns, trying again after a short outage; raise `IndexUnavailable`.

    No try begins after `seconds`, so that a server that hangs is waited for once and not thrice.
    """
    begun = time.monotonic()
    for attempt in range(RETRIES + 1):
        try:
            return call()
        except (ApiException, QdrantException, ValueError) as error:
            if _is_missing(error):
                on_missing()
            late = time.monotonic() - begun > seconds
            if attempt == RETRIES or late or not _is_passing(error):
                raise IndexUnavailable(_sentence(error)) from error
            time.sleep(_pause(error, attempt))
    raise AssertionError("unreachable")


def _is_passing(error: Exception) -> bool:
    """Say whether the same call may well work in a moment."""
    if isinstance(error, UnexpectedResponse):
        return error.status_code == 429 or (error.status_code or 0) >= 500
    return isinstance(error, ApiException | ResourceExhaustedResponse)


def _is_missing(error: Exception) -> bool:
    """Say whether the collection is gone; the client's local engine says so in words."""
    if isinstance(error, UnexpectedResponse):
        return error.status_code == 404
    return isinstance(error, ValueError) and "not found" in str(error)


def _pause(error: Exception, attempt: int) -> float:
    pause: float = RETRY_PAUSE * 2**attempt * random.uniform(1.0, 1.5)  # noqa: S311
    if isinstance(error, ResourceExhaustedResponse):
        pause = max(pause, min(error.retry_after_s, 2.0))
    return pause


def _sentence(error: Exception) -> str:
    if isinstance(error, UnexpectedResponse):
        if error.status_code in (401, 403):
            return "The Qdrant server refused the API key; check QDRANT_API_KEY."
        answer = error.content[:200].decode(errors="replace")
        return f"The Qdrant server answered {error.status_code}: {answer}"
    cause = getattr(error, "source", error)
    return f"The Qdrant server cannot be reached; check QDRANT_URL ({cause})."


# --- plain values to the client's and back --------------------------------------------------------


def _struct(point: Point, row: Vector) -> models.PointStruct:
    return models.PointStruct(id=str(point.id), vector=row.tolist(), payload=to_json(point.payload))


def _request(row: Vector, wanted: int, condition: models.Filter | None) -> models.QueryRequest:
    # Rescoring is asked for by name: the server leaves it out at 4 bits otherwise.
    quantization = models.QuantizationSearchParams(rescore=True, oversampling=2.0)
    return models.QueryRequest(
        query=row.tolist(),
        filter=condition,
        limit=wanted + TIE_MARGIN,
        with_payload=False,
        params=models.SearchParams(quantization=quantization),
    )


def _stored_point(record: Any) -> StoredPoint:
    vector = None if record.vector is None else np.asarray(record.vector, dtype=np.float32)
    return StoredPoint(UUID(str(record.id)), from_json(record.payload or {}), vector)


def _filter(flt: Filter | None) -> models.Filter | None:
    return None if flt is None or flt == And(()) else models.Filter(must=[_condition(flt)])


def _condition(flt: Filter) -> Any:
    """Return the client's condition that holds for the same points as `flt`."""
    match flt:
        case Eq(key, value):
            return models.FieldCondition(key=key, match=models.MatchValue(value=value))
        case In(key, values):
            return _any_of([_match_any(key, values, kind) for kind in (str, int)])
        case Range(key, gte, lt):
            return models.FieldCondition(key=key, range=models.Range(gte=gte, lt=lt))
        case Near(key, latitude, longitude, metres):
            centre = models.GeoPoint(lon=longitude, lat=latitude)
            around = models.GeoRadius(center=centre, radius=metres)
            return models.FieldCondition(key=key, geo_radius=around)
        case Has(key):
            empty = models.IsEmptyCondition(is_empty=models.PayloadField(key=key))
            return models.Filter(must_not=[empty])
        case HasIds(ids):
            return models.HasIdCondition(has_id=sorted(ids))
        case Not(inner):
            return models.Filter(must_not=[_condition(inner)])
        case And(parts):
            return models.Filter(must=[_condition(part) for part in parts])
        case Or(parts):
            return _any_of([_condition(part) for part in parts])


def _any_of(conditions: list[Any]) -> Any:
    """An empty `should` holds for every point on the server; an empty set of ids for none."""
    return models.Filter(should=conditions or [models.HasIdCondition(has_id=[])])


def _match_any(key: str, values: tuple[str | int, ...], kind: type) -> Any:
    """The server matches strings or integers in one condition, not both."""
    chosen: list[Any] = [value for value in values if isinstance(value, kind)]
    return models.FieldCondition(key=key, match=models.MatchAny(any=chosen))
