"""The vector index: one port, an embedded and a server adapter, and the choice between them.

Importing this package loads no engine; `open_index` does.
"""

from __future__ import annotations

import threading
from pathlib import Path

from search.vectors.index.base import (
    And,
    BadVector,
    Eq,
    Filter,
    Has,
    HasIds,
    Hit,
    In,
    IndexDamaged,
    IndexFull,
    IndexLocked,
    IndexStats,
    IndexUnavailable,
    Near,
    Not,
    Or,
    Payload,
    Place,
    Point,
    Range,
    Scalar,
    StoredPoint,
    Vector,
    VectorIndex,
    VectorIndexError,
)
from search.vectors.index.derived import average_recommend, reciprocal_rank_fusion, scores_of
from search.vectors.index.naming import slug

__all__ = [
    "And",
    "BadVector",
    "Eq",
    "Filter",
    "Has",
    "HasIds",
    "Hit",
    "In",
    "IndexDamaged",
    "IndexFull",
    "IndexLocked",
    "IndexStats",
    "IndexUnavailable",
    "Near",
    "Not",
    "Or",
    "Payload",
    "Place",
    "Point",
    "Range",
    "Scalar",
    "StoredPoint",
    "Vector",
    "VectorIndex",
    "VectorIndexError",
    "average_recommend",
    "close_all",
    "open_index",
    "reciprocal_rank_fusion",
    "scores_of",
    "slug",
]

_open: dict[str, VectorIndex] = {}
_lock = threading.Lock()


def open_index(key: str, dim: int) -> VectorIndex:
    """Return this process's index of the model `key`, always the same object until `close_all`.

    QDRANT_URL chooses the server; when it is empty the index lies in DATA_DIR. Nothing is opened
    before the first call on it, so this raises nothing that the engine could.
    """
    with _lock:
        index = _open.get(key)
        if index is None or index.dim != dim:
            index = _open[key] = _build(key, dim)
        return index


def close_all() -> None:
    """Close every index of this process; the next `open_index` opens it anew."""
    with _lock:
        for index in _open.values():
            index.close()
        _open.clear()


def _build(key: str, dim: int) -> VectorIndex:
    from django.conf import settings

    if settings.QDRANT_URL:
        from search.vectors.index.qdrant_server import ServerIndex

        return ServerIndex(settings.QDRANT_URL, settings.QDRANT_API_KEY, dim, key)
    from search.vectors.index.qdrant_edge import EdgeIndex

    return EdgeIndex(Path(settings.DATA_DIR) / "index" / slug(key), dim, key)
