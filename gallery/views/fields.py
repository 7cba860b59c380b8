"""What the fields of forms hold, taken with care: anybody can send anything."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from contextlib import suppress


def ids(values: Iterable[str]) -> list[uuid.UUID]:
    """Return the ids among what fields hold; what is none of them names nothing."""
    found = []
    for value in values:
        with suppress(ValueError):
            found.append(uuid.UUID(value))
    return found
