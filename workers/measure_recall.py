"""How much of what is truly closest the vector index finds, for queries that people would ask.

The queries are recent searches, as far as the text tower is loaded here, and photos of the gallery
whose similar ones somebody may want. The truth comes from the vectors in SQL, all of which are read
once, in slices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray

from gallery.models import Embedding, EmbeddingModel, EmbeddingQuerySet
from search import language
from search.engine import target
from search.language import QueryError
from search.models import RecentSearch
from search.vectors.embedders import is_loaded
from search.vectors.embedders.base import ModelUnavailable
from search.vectors.index import open_index, owned_by

NEAREST = 10
QUERIES, SEARCHES = 40, 20
"""How many queries are asked, and how many of them at most are recent searches."""
SLICE = 2000
_SAME = 1e-6
"""Copies of a photo are equally close, so any of them counts."""

Vector = NDArray[np.float32]


@dataclass(eq=False)
class Query:
    """A unit vector, shape (dim,), and whose photos are searched; `photo` is the one it is of."""

    vector: Vector
    owner: int
    photo: UUID | None = None
    best: Vector = field(default_factory=lambda: np.empty(0, np.float32))
    """The scores of the closest photos so far, shape (at most NEAREST,)."""

    def consider(self, scores: Vector) -> None:
        """Keep the best of these scores, shape (n,), and of those before."""
        both = np.concatenate([self.best, scores])
        self.best = np.sort(both)[::-1][:NEAREST]


@dataclass(frozen=True)
class Recall:
    """The mean share of the closest photos that were found, None without queries."""

    value: float | None
    queries: int
    searches: int


def measure(model: EmbeddingModel, *, step: Callable[[], None] = lambda: None) -> Recall:
    """Ask the index and read the truth from SQL; calls `step` for each slice, which may raise.

    Raises `IndexUnavailable`.
    """
    searches = _searches(model)
    queries = [*searches, *_photos(model, QUERIES - len(searches))]
    for ids, owners, vectors in _slices(model):
        step()
        for query in queries:
            own = owners == query.owner
            if query.photo is not None:
                own &= ids != query.photo
            query.consider(vectors[own] @ query.vector)
    # The index is asked last: it then has all that was read, and what came since only adds to it.
    found = ((query, _found(model, query)) for query in queries)
    shares = [share for query, ids in found if (share := _share(model, query, ids)) is not None]
    value = float(np.mean(shares)) if shares else None
    return Recall(value, len(shares), len(searches) if shares else 0)


def _share(model: EmbeddingModel, query: Query, found: Sequence[UUID]) -> float | None:
    """Return the share of the closest photos that the index found; None if there are none."""
    if not query.best.size:
        return None
    rows = _rows(model).filter(photo__in=found, photo__owner=query.owner)
    vectors = [vector for row in rows if (vector := row.get_vector()) is not None]
    least = float(query.best[-1]) - _SAME
    close = sum(float(vector @ query.vector) >= least for vector in vectors)
    return float(min(close, query.best.size) / query.best.size)


def _found(model: EmbeddingModel, query: Query) -> list[UUID]:
    index = open_index(model.collection, model.dim)
    hits = index.query(query.vector, limit=NEAREST + 1, flt=owned_by(str(query.owner)))
    return [hit.id for hit in hits if hit.id != query.photo][:NEAREST]


# --- the queries ----------------------------------------------------------------------------------


def _searches(model: EmbeddingModel) -> list[Query]:
    """Return the latest searches by text, of all people; none if that would load a model."""
    if not is_loaded(model.key, "text"):
        return []
    latest = RecentSearch.objects.order_by("-used_at").select_related("owner")[:SEARCHES]
    return [query for search in latest if (query := _asked(model, search)) is not None]


def _asked(model: EmbeddingModel, search: RecentSearch) -> Query | None:
    try:
        read = language.parse(search.query)
        if not read.wanted:
            return None
        vector = target.target_of(search.owner, model, read, None).vector
    except (QueryError, ModelUnavailable):
        return None
    return Query(vector, search.owner_id)


def _photos(model: EmbeddingModel, limit: int) -> list[Query]:
    """Return queries by photos, evenly chosen: ids are random, and so is where to begin."""
    began = uuid4()
    rows = _rows(model).order_by("photo_id").select_related("photo")
    some = [*rows.filter(photo_id__gte=began)[:limit], *rows.filter(photo_id__lt=began)[:limit]]
    return [
        Query(vector, row.photo.owner_id, row.photo_id)
        for row in some[:limit]
        if (vector := row.get_vector()) is not None
    ]


# --- the truth ------------------------------------------------------------------------------------


def _rows(model: EmbeddingModel) -> EmbeddingQuerySet:
    return Embedding.objects.live().filter(model=model, state=Embedding.State.INDEXED)


def _slices(model: EmbeddingModel) -> Iterator[tuple[NDArray[Any], NDArray[Any], Vector]]:
    """Yield ids (n,), owners (n,) and unit vectors (n, dim) of all searchable photos."""
    after, rows = 0, _rows(model).order_by("pk")
    columns = rows.values_list("pk", "photo_id", "photo__owner_id", "vector")
    while some := list(columns.filter(pk__gt=after)[:SLICE]):
        after = some[-1][0]
        stored = [(photo_id, owner, bytes(kept or b"")) for _, photo_id, owner, kept in some]
        sound = [row for row in stored if len(row[2]) == 2 * model.dim]
        yield (
            np.array([photo_id for photo_id, _, _ in sound], dtype=object),
            np.array([owner for _, owner, _ in sound], dtype=np.int64),
            _unit(b"".join(kept for _, _, kept in sound), model.dim),
        )


def _unit(data: bytes, dim: int) -> Vector:
    vectors = np.frombuffer(data, "<f2").astype(np.float32).reshape(-1, dim)
    norms: Vector = np.linalg.norm(vectors, axis=1, keepdims=True).astype(np.float32)
    norms[norms == 0] = 1
    unit: Vector = vectors / norms
    return unit
