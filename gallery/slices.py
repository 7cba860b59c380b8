"""Many rows a part at a time, so that no query has more parameters than a database takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

SLICE = 5_000
"""Ids in one query. SQLite may take no more than 32,766 parameters, its default since 3.32."""


def slices(items: Iterable[T], size: int = SLICE) -> Iterator[list[T]]:
    """Yield the items in lists of at most `size`, in their order."""
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
