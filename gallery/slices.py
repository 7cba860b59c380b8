"""Many rows in parts, so that no query has more parameters than a database accepts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

SLICE = 5_000
"""Ids in one query. SQLite accepts 32,766 parameters by default since 3.32."""


def slices(items: Iterable[T], size: int = SLICE) -> Iterator[list[T]]:
    """Yield the items in lists of at most `size`, in their order."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part
