"""Values at the borders of what a JSON schema allows, and just outside."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from typing import Any

Json = dict[str, Any]

TEXTS = (
    "", " ", "x", "...", "a/b", "a,b", "a\u202eb", "\ue000", "\u200d", "none", "red", "blur",
    "2024-05-31", "2024-05-31T10:00", "2024-05-31T10:00:00Z", "24-5-31", "Europe/Lisbon", "+02:00",
    "+02", "1700000000000000_" + "0" * 32, "1700000000000000_7", f"99999999999999999_{'0' * 32}",
    "1_x", "0.5_" + "0" * 32, "1e-05_" + "0" * 32, "nan_" + "0" * 32, "3", f".3.{'0' * 32}.1",
    f"{'0' * 16}.3.-7.{'0' * 32}", f"0.5_{'0' * 32}_nudity", "model.safetensors", "../x", "x.pkl",
    "00000000-0000-0000-0000-00000000002a", "no id",
)  # fmt: skip
PLAIN = ("", " ", "x")
OTHERS = (None, True, 0, 1, -1, 0.5, 4.0, 10**20, {}, [], ["x"], [1])

_LONG = 300


def around(schema: Json, definitions: Json) -> Iterator[Any]:
    """Yield values for one field: some that fit its schema, and some that do not."""
    made_of = list(parts(schema, definitions))
    # Where no form is asked for, one text is like another.
    yield from TEXTS if any({"pattern", "format", "enum"} & set(one) for one in made_of) else PLAIN
    yield from OTHERS
    for part in made_of:
        yield from part.get("enum", ())
        for limit in _limits(part, "minimum", "maximum"):
            yield from (limit, limit - 1, limit + 1)
        for length in _limits(part, "minLength", "maxLength"):
            yield from ("x" * each for each in (length - 1, length, length + 1))
        if "items" in part:
            yield from _lists(part, definitions)


def parts(schema: Json, definitions: Json) -> Iterator[Json]:
    """Yield a schema and those that it is made of, references resolved."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    yield schema
    for word in ("anyOf", "allOf"):
        for one in schema.get(word, ()):
            yield from parts(one, definitions)


def _lists(part: Json, definitions: Json) -> Iterator[list[Any]]:
    for limit in (1, 2, *_limits(part, "minItems", "maxItems")):
        for count in (limit - 1, limit, limit + 1) if limit <= _LONG else (limit + 1,):
            yield _items(part["items"], definitions, range(count))
    yield _items(part["items"], definitions, [1, 1])
    for item in parts(part["items"], definitions):
        for length in _limits(item, "maxLength"):
            yield ["x" * length]
            yield ["x" * (length + 1)]


def _items(schema: Json, definitions: Json, numbers: Iterable[int]) -> list[Any]:
    item = next(parts(schema, definitions))
    if "enum" in item:
        return [item["enum"][number % len(item["enum"])] for number in numbers]
    if item.get("format") == "uuid":
        return [str(uuid.UUID(int=number)) for number in numbers]
    if item.get("type") == "object":
        return [{"name": f"label {number}"} for number in numbers]
    if item.get("type") == "number":
        return [0.25 for _ in numbers]
    return [f"text {number}" for number in numbers]


def _limits(schema: Json, *words: str) -> list[Any]:
    return [schema[word] for word in words if word in schema]
