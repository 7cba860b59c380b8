"""Pinned lists: what the first page of results was cut from, kept for the pages that follow.

Photos come and go while somebody pages through results, and each changes the ranking a little. So
the ranking is pinned when the first page is made, and later pages are cut from the same list. The
lists are in a cache: of this process, or in Redis where several processes answer. A list that the
cache has lost is made again; the cursor then says behind which photo to go on.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import zlib
from typing import Any

from django.core.cache import caches

from gallery.models import User

SECONDS = 3600
"""How long a list is kept after it was last asked for."""

Data = dict[str, Any]
"""What JSON can hold."""


def signature(*parts: object) -> str:
    """Return a short text that is the same for the same query, listed in the same way."""
    return hashlib.sha256(repr(parts).encode("utf-8", "replace")).hexdigest()[:16]


def pin(user: User, signature: str, data: Data) -> str:
    """Keep a list of a person and return its key."""
    key = secrets.token_hex(8)
    _lists().set(_name(user, key, 0), _packed({"signature": signature, **data}), SECONDS)
    return key


def find(user: User, key: str, signature: str) -> Data | None:
    """Return a pinned list; None if it is not kept any longer, or is that of another query."""
    data = _read(_name(user, key, 0)) if key else None
    return data if data and data["signature"] == signature else None


def find_further(user: User, key: str, number: int) -> Data | None:
    """Return the part of a list that follows its first `number` parts; None if it is not kept."""
    return _read(_name(user, key, number)) if key else None


def pin_further(user: User, key: str, number: int, data: Data) -> Data:
    """Keep a further part of a list and return it, or the one that another request has kept."""
    if key and not _lists().add(_name(user, key, number), _packed(data), SECONDS):
        return _read(_name(user, key, number)) or data
    return data


def _lists() -> Any:
    return caches["results"]


def _name(user: User, key: str, number: int) -> str:
    # The 2 stands for the encoding of `_packed`, so that a list in another one is not found.
    return f"results-2-{user.pk}-{key}-{number}"


def _read(name: str) -> Data | None:
    text = _lists().get(name)
    if text is None:
        return None
    _lists().touch(name, SECONDS)
    data: Data = json.loads(zlib.decompress(base64.b64decode(text)))
    return data


def _packed(data: Data) -> str:
    return base64.b64encode(zlib.compress(json.dumps(data).encode(), 1)).decode()
