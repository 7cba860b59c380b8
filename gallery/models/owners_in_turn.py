"""Work of owners in turn: one person's 100,000 photos do not hold up another's single one.

Rows that wait are found by steps through an index whose first columns are what the rows have in
common, then the owner, then the order in which that owner's rows go. So this takes a few queries
for each owner who waits, and reads no more rows than it returns, however many wait.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, zip_longest
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet

Row = TypeVar("Row", bound=Model)
T = TypeVar("T")

_NO_OWNER = -1
_ANY = Q()


def in_turn(rows: QuerySet[Row], limit: int, *order: str, now: Q = _ANY) -> list[Row]:
    """Return up to `limit` rows: everybody's first one in `order`, everybody's second one, ...

    `rows` are those that the index holds; `now` says which of them can be worked on.
    """
    lines = (
        rows.filter(now, owner_id=owner).order_by(*order).values_list("pk", flat=True)[:limit]
        for owner in some_owners(owners_of(rows), limit)
    )
    keys = take_turns(lines, limit)
    found = rows.order_by().in_bulk(keys)
    return [found[key] for key in keys if key in found]


def owners_of(rows: QuerySet[Any]) -> Iterator[int]:
    """Yield the owners of rows, each by one look into the index."""
    # Not the least owner: Postgres looks that up in an index only where there is no join.
    owners = rows.order_by("owner_id").values_list("owner_id", flat=True)
    owner: int | None = _NO_OWNER
    while (owner := owners.filter(owner_id__gt=owner).first()) is not None:
        yield owner


def some_owners(owners: Iterable[int], limit: int) -> Sequence[int]:
    """Return at most `limit` owners in any order, so that everybody goes first sometimes.

    Work that is interrupted after its first rows would otherwise be done for the same ones always.
    """
    every = list(owners)
    return random.sample(every, min(limit, len(every)))


def take_turns(lines: Iterable[Iterable[T]], limit: int | None = None) -> list[T]:
    """Return the first of each line, then the second of each, and so on."""
    rounds = zip_longest(*([(one,) for one in line] for line in lines), fillvalue=())
    return [one for pair in chain(*rounds) for one in pair][:limit]
