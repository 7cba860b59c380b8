"""The server index: a Qdrant server over REST, one collection per embedding model.

Stored vectors are quantised to 4 bits (TurboQuant) and answers are rescored with the originals: the
vendor measures recall 0.944 for CLIP at 4 bits before rescoring and 0.476 for plain binary codes.
Every call can be repeated without harm, so two more tries bridge short outages.
"""

from __future__ import annotations

import os
import random
import time
import warnings
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from gallery.metrics.stages import stage
from search.vectors.index import IndexStats, IndexUnavailable, Point, Vector, slug
from search.vectors.index.adapter import (
    FIELDS,
    TIE_MARGIN,
    WRITE_CHUNK,
    Kind,
    QdrantIndex,
    T,
    chunks,
)
from search.vectors.index.breaker import breaker_of
from search.vectors.index.deadlines import deadline, transport

READ_SECONDS = 5
WRITE_SECONDS = 30
RETRIES = 2
RETRY_PAUSE = 0.1
"""Seconds before the first repeat; doubled for the next, plus up to half of it at random."""

_KEYWORD, _INTEGER = models.KeywordIndexType.KEYWORD, models.IntegerIndexType.INTEGER
_FIELD_INDEX: dict[Kind, Any] = {
    "tenant": models.KeywordIndexParams(type=_KEYWORD, is_tenant=True),
    "keyword": models.PayloadSchemaType.KEYWORD,
    "integer": models.IntegerIndexParams(type=_INTEGER, lookup=False, range=True),
    "float": models.PayloadSchemaType.FLOAT,
    "bool": models.PayloadSchemaType.BOOL,
    "geo": models.PayloadSchemaType.GEO,
}
DEEPEST_PAGE = 10_000


@dataclass(frozen=True)
class Layout:
    """How a collection lies on its servers, which is settled when it is made.

    `shards` is the number of its parts, each on one node, and `replicas` that of the copies of each
    part. With `on_disk`, the vectors stay on disk as 16-bit numbers, and only the quantised ones
    are held in memory. docs/how-to/scale.md says when which is worth it.
    """

    shards: int = 1
    replicas: int = 1
    on_disk: bool = False


class ServerIndex(QdrantIndex):
    """A `VectorIndex` in a collection named after the model key.

    `target` is a server's URL, or a client that the caller made and will close. `was_reset` is True
    after a call found no collection and created it; SQL must then be projected again.
    """

    terms = models
    query_chunk = 100

    def __init__(
        self,
        target: QdrantClient | str,
        api_key: str,
        dim: int,
        key: str,
        layout: Layout | None = None,
    ) -> None:
        super().__init__(dim, key)
        self._layout = layout or Layout()
        self.collection = f"scry-{slug(key)}"
        self._target = target
        self._api_key = api_key
        self._client: QdrantClient | None = None
        self._client_pid = 0
        self._is_ready = False
        self._breaker = breaker_of(str(id(target)) if isinstance(target, QdrantClient) else target)

    # --- the port ---------------------------------------------------------------------------

    def ensure(self) -> None:
        """Create the collection if it is missing. Raises `IndexUnavailable`."""
        self._forget()
        _with_retries(self._ready, WRITE_SECONDS, self._forget)

    def delete(self, ids: Iterable[UUID]) -> None:
        for part in chunks(map(str, ids), WRITE_CHUNK):
            selector = models.PointIdsList(points=list(part))
            self._write(partial(QdrantClient.delete, points_selector=selector, wait=True))

    def drop(self) -> None:
        """Delete the collection; the next call creates it again."""
        self._write(QdrantClient.delete_collection)
        self._forget()

    def flush(self) -> None:
        """Do nothing: the server acknowledges a write after it is in its log."""

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

    def _store(self, points: list[tuple[Point, Vector]]) -> None:
        structs = [
            models.PointStruct(id=str(p.id), vector=row.tolist(), payload=self._payload(p.payload))
            for p, row in points
        ]
        self._write(partial(QdrantClient.upsert, points=structs, wait=True))

    def _search(self, requests: list[Any]) -> list[Any]:
        answers = self._read(partial(QdrantClient.query_batch_points, requests=requests))
        return [answer.points for answer in answers]

    def _count(self, condition: Any, *, exact: bool) -> int:
        count = partial(QdrantClient.count, count_filter=condition, exact=exact)
        return int(self._read(count).count)

    def _retrieve(self, ids: list[UUID], *, with_vectors: bool) -> Iterable[Any]:
        wanted = list(map(str, ids))
        return self._read(partial(QdrantClient.retrieve, ids=wanted, with_vectors=with_vectors))

    def _page(self, after: Any, size: int, *, with_vectors: bool) -> tuple[Iterable[Any], Any]:
        walk = partial(QdrantClient.scroll, limit=size, with_vectors=with_vectors)
        return self._read(partial(walk, offset=after))

    def _read(self, call: Callable[..., T]) -> T:
        with stage("index"):
            return self._breaker.run(lambda: self._call(call, READ_SECONDS))

    def _write(self, call: Callable[..., T]) -> T:
        return self._call(partial(call, timeout=WRITE_SECONDS), WRITE_SECONDS)

    def _call(self, call: Callable[..., T], seconds: float) -> T:
        """Make the collection ready and call one of the client's methods on it."""

        def once() -> T:
            with deadline(seconds):
                return call(self._ready(), collection_name=self.collection)

        return _with_retries(once, seconds, self._forget)

    def _forget(self) -> None:
        """Check the collection again before the next call: it may have been removed."""
        self._is_ready = False

    def _ready(self) -> QdrantClient:
        """Return a client of this process after a check that the collection exists.

        Several threads may check at once: a lock would let them wait for a server that hangs one
        after another.
        """
        with self._lock:
            client = self._connect()
        if not self._is_ready:
            self._require_collection(client)
            self._is_ready = True
        return client

    def _connect(self) -> QdrantClient:
        if self._closed:
            raise IndexUnavailable(_("The connection to Qdrant has been closed."))
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
        self._create_payload_indexes(
            client, FIELDS.keys() - info.payload_schema.keys(), is_new=is_new
        )
        size = getattr(info.config.params.vectors, "size", None)
        if size != self.dim:
            message = _(
                "The Qdrant collection %(name)s holds vectors of %(size)s numbers, but the "
                "model makes %(dim)d; drop the collection and reindex."
            )
            raise IndexUnavailable(
                message % {"name": self.collection, "size": size, "dim": self.dim}
            )

    def _create_collection(self, client: QdrantClient) -> None:
        try:
            client.create_collection(self.collection, **collection_config(self.dim, self._layout))
        except UnexpectedResponse as error:
            if error.status_code == 403:
                message = _("The index has not been created yet. A running worker creates it soon.")
                raise IndexUnavailable(message) from error
            # 409: another process created it at the same moment.
            if error.status_code != 409:
                raise
        self.was_reset = True

    def _create_payload_indexes(
        self, client: QdrantClient, keys: Collection[str], *, is_new: bool
    ) -> None:
        """Create the indexes of payload keys that are missing.

        They come before the first point, because the graph gets its links while it grows. They are
        looked for each time: a crash may have come in between. A process with a key for reading
        leaves them to the workers.
        """
        for key in keys:
            try:
                client.create_payload_index(
                    self.collection,
                    key,
                    _FIELD_INDEX[FIELDS[key]],
                    wait=is_new,
                    timeout=WRITE_SECONDS,
                )
            except UnexpectedResponse as error:
                if error.status_code != 403:
                    raise
                return

    # --- the client's terms -----------------------------------------------------------------

    def _nearest(self, row: Vector) -> Any:
        return row.tolist()

    def _range(self, gte: float | None, lt: float | None) -> Any:
        return models.Range(gte=gte, lt=lt)

    def _is_empty(self, key: str) -> Any:
        return models.IsEmptyCondition(is_empty=models.PayloadField(key=key))

    def _has_ids(self, ids: frozenset[str]) -> Any:
        return models.HasIdCondition(has_id=sorted(ids))


def _client(url: str, api_key: str) -> QdrantClient:
    with warnings.catch_warnings():
        # Inside a compose network the key travels over plain HTTP on purpose.
        warnings.filterwarnings("ignore", message="Api key is used with an insecure connection")
        return QdrantClient(
            url=url,
            api_key=api_key or None,
            timeout=READ_SECONDS,
            check_compatibility=False,
            transport=transport(),
        )


def collection_config(dim: int, layout: Layout) -> dict[str, Any]:
    """Return what Qdrant is asked to make: the arguments of `QdrantClient.create_collection`."""
    cold, pinned = (models.Memory.COLD, models.Memory.PINNED) if layout.on_disk else (None, None)
    turbo = models.TurboQuantQuantizationConfig(bits=models.TurboQuantBitSize.BITS4, memory=pinned)
    return {
        "vectors_config": models.VectorParams(
            size=dim,
            distance=models.Distance.COSINE,
            memory=cold,
            datatype=models.Datatype.FLOAT16 if layout.on_disk else None,
        ),
        "shard_number": layout.shards,
        "replication_factor": layout.replicas,
        "quantization_config": models.TurboQuantization(turbo=turbo),
        "hnsw_config": models.HnswConfigDiff(m=16, payload_m=16, ef_construct=128),
        "strict_mode_config": models.StrictModeConfig(
            enabled=True,
            max_query_limit=DEEPEST_PAGE + TIE_MARGIN,
            max_timeout=2 * WRITE_SECONDS,
            unindexed_filtering_update=False,
            upsert_max_batchsize=WRITE_CHUNK,
            search_max_batchsize=ServerIndex.query_chunk,
            search_max_oversampling=4.0,
        ),
        "timeout": WRITE_SECONDS,
    }


# --- errors and retries ---------------------------------------------------------------------------


def _with_retries(call: Callable[[], T], seconds: float, on_missing: Callable[[], None]) -> T:
    """Return what `call` returns, trying again after a short outage; raise `IndexUnavailable`.

    No try starts after `seconds`, so that a server that hangs costs one wait and not three.
    """
    started = time.monotonic()
    for attempt in range(RETRIES + 1):
        try:
            return call()
        except (ApiException, QdrantException, ValueError) as error:
            if _is_missing(error):
                on_missing()
            late = time.monotonic() - started > seconds
            if attempt == RETRIES or late or not _is_temporary(error):
                raise IndexUnavailable(_message(error)) from error
            time.sleep(_pause(error, attempt))
    raise AssertionError("unreachable")


def _is_temporary(error: Exception) -> bool:
    """Return whether the same call is likely to work in a moment."""
    if isinstance(error, UnexpectedResponse):
        return error.status_code == 429 or (error.status_code or 0) >= 500
    return isinstance(error, ApiException | ResourceExhaustedResponse)


def _is_missing(error: Exception) -> bool:
    """Return whether the collection is gone; the client's local engine says so only in words."""
    if isinstance(error, UnexpectedResponse):
        return error.status_code == 404
    return isinstance(error, ValueError) and "not found" in str(error)


def _pause(error: Exception, attempt: int) -> float:
    pause: float = RETRY_PAUSE * 2**attempt * random.uniform(1.0, 1.5)  # noqa: S311
    if isinstance(error, ResourceExhaustedResponse):
        pause = max(pause, min(error.retry_after_s, 2.0))
    return pause


def _message(error: Exception) -> str:
    if isinstance(error, UnexpectedResponse):
        if error.status_code in (401, 403):
            return _(
                "The Qdrant server refused the API key: it is wrong, or may only read the index. "
                "Check QDRANT_API_KEY."
            )
        answer = error.content[:200].decode(errors="replace")
        fields = {"status": error.status_code, "answer": answer}
        return _("The Qdrant server answered %(status)s: %(answer)s") % fields
    cause = {"error": getattr(error, "source", error)}
    return _("The Qdrant server cannot be reached; check QDRANT_URL (%(error)s).") % cause
