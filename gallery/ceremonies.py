"""What a browser began and brings back once, and in time: a sign-in elsewhere, or by a passkey.

It is kept in the session, so nobody can bring it back in another browser.
"""

from __future__ import annotations

import time
from typing import Any

from django.http import HttpRequest

SECONDS = 10 * 60


def begin(request: HttpRequest, kind: str, values: dict[str, Any]) -> None:
    """Keep what has to come back; it takes the place of one of the same kind."""
    request.session[_key(kind)] = {**values, "since": time.time()}


def finish(request: HttpRequest, kind: str) -> dict[str, Any] | None:
    """Return what was kept, and forget it: None if there is nothing, or it took too long."""
    held: dict[str, Any] | None = request.session.pop(_key(kind), None)
    if held is None or not 0 <= time.time() - held["since"] < SECONDS:
        return None
    return held


def _key(kind: str) -> str:
    return f"ceremony:{kind}"
