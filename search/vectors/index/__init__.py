"""The vector index: one port, an embedded and a server adapter, and the choice between them.

One index holds one embedding space. Point ids are the UUIDs of photos or of their parts. Only plain
values pass through the port; an engine's own terms stay in its adapter. Scores are cosine
similarities, higher is closer; ties are broken by id so that answers are stable. Importing this
package loads no engine; the first call of `open_index` does.
"""

from __future__ import annotations

import hashlib
import math
import re
import shutil
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable
from uuid import UUID

import numpy as np
from django.conf import settings
from django.contrib.auth import get_user_model
from django.utils.module_loading import import_string
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gallery.models import EmbeddingModel

Vector = NDArray[np.float32]
"""One embedding, shape (dim,), dtype float32, unit length."""

Scalar: TypeAlias = str | int | float | bool


@dataclass(frozen=True)
class Place:
    """A point on Earth in degrees, north and east positive; a payload value for `Near`."""

    latitude: float
    longitude: float


Payload: TypeAlias = Mapping[str, Scalar | Sequence[str] | Place]


@dataclass(frozen=True)
class Point:
    """A vector with the payload that filters look at (`owner`, `gen`, ...)."""

    id: UUID
    vector: Vector
    payload: Payload = field(default_factory=dict)


@dataclass(frozen=True)
class Hit:
    """A point in an answer and its cosine similarity to the query."""

    id: UUID
    score: float


@dataclass(frozen=True)
class StoredPoint:
    """A point as the index stores it; `vector` is None unless it was requested."""

    id: UUID
    payload: Payload
    vector: Vector | None = None


@dataclass(frozen=True)
class IndexStats:
    """Figures for the settings page: the engine, points, and bytes on disk (or None)."""

    engine: str
    points: int
    bytes_on_disk: int | None


# --- filters: a small tree that each adapter compiles --------------------------------------------


@dataclass(frozen=True)
class Eq:
    """The payload value under `key` equals `value` (or contains it, for a list)."""

    key: str
    value: str | int | bool


@dataclass(frozen=True)
class In:
    """The payload value under `key` is one of `values`."""

    key: str
    values: tuple[str | int, ...]


@dataclass(frozen=True)
class Range:
    """`gte <= value < lt`; a bound that is None is open."""

    key: str
    gte: float | None = None
    lt: float | None = None


@dataclass(frozen=True)
class Near:
    """The `Place` under `key` is within `metres` of a point (degrees), on a sphere.

    The sphere's radius is 6,371,008.8 m, the mean radius of Earth (IUGG).
    """

    key: str
    latitude: float
    longitude: float
    metres: float


@dataclass(frozen=True)
class Inside:
    """The `Place` under `key` lies between two parallels and two meridians (degrees).

    The box reaches from `west` eastwards to `east`, perhaps over the date line. A place that is
    exactly on one of its sides is inside, but where the box ends at a pole or at 180 degrees.
    """

    key: str
    south: float
    west: float
    north: float
    east: float


@dataclass(frozen=True)
class Has:
    """There is a value under `key`, and it is no empty list."""

    key: str


@dataclass(frozen=True)
class HasIds:
    """The point's id is one of `ids`, each 32 hexadecimal digits in lower case.

    Ids are text because making tens of thousands of objects on the way from a database to an index
    takes longer than the query.
    """

    ids: frozenset[str]

    @classmethod
    def of(cls, ids: Iterable[UUID]) -> HasIds:
        """Return the filter for points with these ids."""
        return cls(frozenset(photo_id.hex for photo_id in ids))


@dataclass(frozen=True)
class Not:
    """The inner filter does not hold."""

    inner: Filter


@dataclass(frozen=True)
class And:
    """All inner filters hold; an empty And holds always."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True)
class Or:
    """At least one inner filter holds; an empty Or never does."""

    parts: tuple[Filter, ...]


Filter: TypeAlias = Eq | In | Range | Near | Inside | Has | HasIds | Not | And | Or


# --- errors ---------------------------------------------------------------------------------------


class VectorIndexError(Exception):
    """Base of all index errors; the message is a sentence that a person can act on."""


class IndexUnavailable(VectorIndexError):
    """The engine cannot be reached or opened now; a later try may work."""


class IndexLocked(IndexUnavailable):
    """Another process has the embedded index open."""


class IndexFull(IndexUnavailable):
    """Too little free disk space to write safely."""


class IndexDamaged(IndexUnavailable):
    """The stored index cannot be read; the next start makes an empty one, to be filled from SQL."""


class BadVector(VectorIndexError):
    """A vector of wrong shape, not finite, or of zero length was given."""


@runtime_checkable
class VectorIndex(Protocol):
    """One searchable set of points of one embedding space.

    A payload key carries values of one type. All calls may come from several threads.
    """

    dim: int

    was_reset: bool
    """True after `ensure` found no usable index and made an empty one: project SQL again."""

    def ensure(self) -> None:
        """Create the collection if it is missing; check that its dimension matches."""

    def upsert(self, points: Sequence[Point]) -> None:
        """Add or replace points. Durable against power loss only after `flush`.

        Raises `BadVector`, `IndexFull`, `IndexUnavailable`.
        """

    def delete(self, ids: Iterable[UUID]) -> None:
        """Remove points; unknown ids are ignored."""

    def query(
        self, vector: Vector, *, limit: int, offset: int = 0, flt: Filter | None = None
    ) -> list[Hit]:
        """Return the closest points, best first, ties by id."""

    def query_batch(
        self, vectors: Sequence[Vector], *, limit: int, flt: Filter | None = None
    ) -> list[list[Hit]]:
        """Answer several queries at once, in the order given."""

    def fetch(self, ids: Iterable[UUID], *, with_vectors: bool = False) -> list[StoredPoint]:
        """Return the points that exist, in no particular order."""

    def scroll(self, *, batch: int = 1000, with_vectors: bool = False) -> Iterator[StoredPoint]:
        """Walk over all points in id order, a batch at a time."""

    def count(self, flt: Filter | None = None, *, exact: bool = True) -> int:
        """Return how many points match, which takes about as long as a query.

        Without `exact`, it is an estimate that comes at once. It takes the parts of a filter to be
        independent of each other, and is right for most filters of one part.
        """

    def drop(self) -> None:
        """Remove all points; the next call works on an empty collection."""

    def flush(self) -> None:
        """Return once everything upserted so far survives a power loss."""

    def close(self) -> None:
        """Release files and connections; safe to call twice."""

    def stats(self) -> IndexStats:
        """Return the figures for the settings page."""


def reciprocal_rank_fusion(lists: Iterable[Sequence[Hit]], k: int = 60) -> list[Hit]:
    """Merge ranked lists into one: a hit scores the sum of 1 / (k + rank), rank from 1.

    k = 60 is the constant of Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms
    Condorcet and individual Rank Learning Methods", SIGIR 2009. Ties are broken by id.
    """
    parts: defaultdict[UUID, list[float]] = defaultdict(list)
    for hits in lists:
        for rank, hit in enumerate(hits, start=1):
            parts[hit.id].append(1.0 / (k + rank))
    # `fsum`, because a plain sum depends on the order of the lists, and breaks ties by it.
    fused = (Hit(photo_id, math.fsum(scores)) for photo_id, scores in parts.items())
    return sorted(fused, key=lambda hit: (-hit.score, hit.id))


def scores_of(
    index: VectorIndex, vector: Vector, condition: Filter, ids: Collection[UUID]
) -> list[Hit]:
    """Return hits for those of the points that meet the condition, best first."""
    if not ids:
        return []
    return index.query(vector, limit=len(ids), flt=And((condition, HasIds.of(ids))))


# --- the indexes of this process ------------------------------------------------------------------

SERVER = "search.vectors.index.qdrant_server.ServerIndex"
EMBEDDED = "search.vectors.index.qdrant_edge.EdgeIndex"
"""The adapters. Like Django's backends they go by dotted path: they import the port from here."""

_open: dict[str, VectorIndex] = {}
_lock = threading.Lock()


def open_index(key: str, dim: int) -> VectorIndex:
    """Return this process's index of the model `key`, the same object until `close_all`.

    QDRANT_URL chooses the server; if it is empty, the index is a folder in DATA_DIR. Nothing is
    opened before the first call on the index, so this function raises no error of an engine.
    """
    with _lock:
        index = _open.get(key)
        if index is None or index.dim != dim:
            index = _open[key] = _build(key, dim)
        return index


def remove(key: str, dim: int) -> None:
    """Remove an index for good, with its folder or collection; raise `VectorIndexError`."""
    folder = _folder(key)
    if not settings.QDRANT_URL and not folder.is_dir():
        return
    open_index(key, dim).drop()
    with _lock:
        index = _open.pop(key, None)
        if index is not None:
            index.close()
    if not settings.QDRANT_URL:
        shutil.rmtree(folder, ignore_errors=True)


def close_all() -> None:
    """Close every index of this process; the next `open_index` opens it again."""
    with _lock:
        for index in _open.values():
            index.close()
        _open.clear()


def owned_by(owner: str) -> Filter:
    """Return the filter for the points of a person, given by id.

    If nobody else has an account, all points pass and the index is not asked to filter, which would
    take up to half of a query's time. In either case, the code that shows photos asks SQL whether
    they are visible.
    """
    people = get_user_model().objects.values_list("pk", flat=True)[:2]
    return And(()) if {str(pk) for pk in people} == {owner} else Eq("owner", owner)


def index_figures(model: EmbeddingModel) -> IndexStats | str:
    """Return the figures of a model's index, or the sentence that says why there are none."""
    try:
        return open_index(model.collection, model.dim).stats()
    except VectorIndexError as error:
        return str(error)


def slug(key: str) -> str:
    """Return a readable name for files and collections that is unique to the model key.

    >>> slug("ViT-B-32-256/datacomp_s34b_b86k")
    'vit-b-32-256-datacomp_s34b_b86k-6dc5f59f'
    """
    readable = re.sub(r"[^a-z0-9_]+", "-", key.lower()).strip("-")[:48]
    return f"{readable}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def _layout() -> Any:
    layout = import_string(f"{SERVER.rpartition('.')[0]}.Layout")
    return layout(settings.QDRANT_SHARDS, settings.QDRANT_REPLICAS, settings.QDRANT_ON_DISK)


def _build(key: str, dim: int) -> VectorIndex:
    build: Callable[..., VectorIndex]
    if settings.QDRANT_URL:
        build = import_string(SERVER)
        return build(settings.QDRANT_URL, settings.QDRANT_API_KEY, dim, key, _layout())
    build = import_string(EMBEDDED)
    return build(_folder(key), dim, key)


def _folder(key: str) -> Path:
    """Return the folder of an embedded index."""
    return Path(settings.DATA_DIR) / "index" / slug(key)
