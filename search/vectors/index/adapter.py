"""What both adapters share: checks of vectors, order of hits, payloads as JSON, names.

The embedded engine stores NaN and zero vectors without an error, and both then spoil answers. So
every vector is checked before an engine sees it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from search.vectors.index.base import BadVector, Hit, Payload, Place, Vector

NORM_TOLERANCE = 1e-2
"""How far from 1 a norm may be: float16 storage moves it by 1e-3, a wrong vector by far more."""

TIE_MARGIN = 16
"""Hits requested beyond the last one wanted, so that equal scores at the edge sort by id."""

Kind = Literal["tenant", "version", "keyword", "integer", "float", "bool", "geo"]

FIELDS: dict[str, Kind] = {
    "owner": "tenant",
    "form": "version",
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
}
"""The payload keys that filters use, and the kind of their values.

Engines index them, so that a filter that few points pass need not read every payload. A `tenant`
is a keyword that narrows most queries first. An `integer` is used by `Range` alone, since an index
for `Eq` would take as much memory again. A `version` is looked up once, where points of an earlier
version may remain.
"""

# The embedded engine's filters read True as the integer 1. So there a boolean is stored as a string
# that starts with a private-use character, and converted back when it is read.
_BOOLEANS = {True: "\ue000true", False: "\ue000false"}
_BOOLEAN_OF = {text: value for value, text in _BOOLEANS.items()}

Convert = Callable[[Any], Any]
T = TypeVar("T")


def slug(key: str) -> str:
    """Return a readable name for files and collections that is unique to the model key.

    >>> slug("ViT-B-32-256/datacomp_s34b_b86k")
    'vit-b-32-256-datacomp_s34b_b86k-6dc5f59f'
    """
    readable = re.sub(r"[^a-z0-9_]+", "-", key.lower()).strip("-")[:48]
    return f"{readable}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


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


def page(hits: Iterable[Hit], *, limit: int, offset: int = 0) -> list[Hit]:
    """Sort by falling score, ties by id, and return the wanted page.

    Scores are rounded to 1e-6 first: beyond that, float32 sums of equal vectors depend on their
    place in memory, which would order equal photos at random.
    """
    rounded = (Hit(hit.id, round(hit.score, 6)) for hit in hits)
    ordered = sorted(rounded, key=lambda hit: (-hit.score, hit.id))
    return ordered[offset : offset + limit]


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of at most `size`."""
    remaining = iter(items)
    while part := list(islice(remaining, size)):
        yield part


def same(value: Any) -> Any:
    """Return the value as it is."""
    return value


def boolean_to_text(value: Any) -> Any:
    """Return the string that is stored for a boolean, anything else as it is."""
    return _BOOLEANS[value] if isinstance(value, bool) else value


def text_to_boolean(value: Any) -> Any:
    """Return what `boolean_to_text` was called with."""
    return _BOOLEAN_OF.get(value, value) if isinstance(value, str) else value


def to_json(payload: Payload, *, convert: Convert = same) -> dict[str, Any]:
    """Return a payload as JSON, a place as an object of `lat` and `lon`, values converted."""
    return {key: convert(_stored(value)) for key, value in payload.items()}


def from_json(stored: Mapping[str, Any], *, convert: Convert = same) -> dict[str, Any]:
    """Return the payload that `to_json` wrote."""
    return {key: convert(_read(value)) for key, value in stored.items()}


def _stored(value: Any) -> Any:
    if isinstance(value, Place):
        return {"lat": value.latitude, "lon": value.longitude}
    return value if isinstance(value, str | int | float) else list(value)


def _read(value: Any) -> Any:
    return Place(value["lat"], value["lon"]) if isinstance(value, dict) else value
