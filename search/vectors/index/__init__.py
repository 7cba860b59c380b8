"""The vector index: one port, an embedded and a server adapter, and the choice between them.

Importing this package loads no engine; `open_index` does.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from search.vectors.index.adapter import slug
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
    reciprocal_rank_fusion,
    scores_of,
)

if TYPE_CHECKING:
    from gallery.models import EmbeddingModel

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
    "close_all",
    "index_figures",
    "open_index",
    "owned_by",
    "reciprocal_rank_fusion",
    "scores_of",
    "slug",
]

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
    from django.contrib.auth import get_user_model

    people = get_user_model().objects.values_list("pk", flat=True)[:2]
    return And(()) if {str(pk) for pk in people} == {owner} else Eq("owner", owner)


def index_figures(model: EmbeddingModel) -> IndexStats | str:
    """Return the figures of a model's index, or the sentence that says why there are none."""
    try:
        return open_index(model.key, model.dim).stats()
    except VectorIndexError as error:
        return str(error)


def _build(key: str, dim: int) -> VectorIndex:
    from django.conf import settings

    if settings.QDRANT_URL:
        from search.vectors.index.qdrant_server import ServerIndex

        return ServerIndex(settings.QDRANT_URL, settings.QDRANT_API_KEY, dim, key)
    from search.vectors.index.qdrant_edge import EdgeIndex

    return EdgeIndex(Path(settings.DATA_DIR) / "index" / slug(key), dim, key)
