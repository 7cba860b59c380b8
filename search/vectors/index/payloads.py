"""Payloads as engines take them: plain JSON, a place as an object of `lat` and `lon`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from search.vectors.index.base import Payload, Place

# The embedded engine's filters read True as the integer 1, so there a boolean is stored as a
# string that starts with a private-use character, and turned back when it is read.
_BOOLEANS = {True: "\ue000true", False: "\ue000false"}
_BOOLEAN_OF = {text: value for value, text in _BOOLEANS.items()}

Convert = Callable[[Any], Any]


def same(value: Any) -> Any:
    """Return the value as it is."""
    return value


def boolean_to_text(value: Any) -> Any:
    """Return a boolean as the string that stands for it, anything else as it is."""
    return _BOOLEANS[value] if isinstance(value, bool) else value


def text_to_boolean(value: Any) -> Any:
    """Return what `boolean_to_text` was given."""
    return _BOOLEAN_OF.get(value, value) if isinstance(value, str) else value


def to_json(payload: Payload, *, convert: Convert = same) -> dict[str, Any]:
    """Return a payload as JSON, its single values converted."""
    return {key: convert(_stored(value)) for key, value in payload.items()}


def from_json(stored: Mapping[str, Any], *, convert: Convert = same) -> dict[str, Any]:
    """Return the payload that such JSON stands for."""
    return {key: convert(_read(value)) for key, value in stored.items()}


def _stored(value: Any) -> Any:
    if isinstance(value, Place):
        return {"lat": value.latitude, "lon": value.longitude}
    return value if isinstance(value, str | int | float) else list(value)


def _read(value: Any) -> Any:
    return Place(value["lat"], value["lon"]) if isinstance(value, dict) else value
