"""Reading what nobody wanted: a client that is still sending when it is answered sees a reset."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from django.http import HttpRequest
from django.http.response import HttpResponseBase

_PIECE = 1 << 20
_SECONDS = 30.0


def read_to_the_end(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: read, for a while, what is left of a request that was refused without it.

    Servers that say that the body ends by itself (gunicorn, waitress) are read from directly, since
    Django reads nothing of a body whose length the client did not say.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.META.get("wsgi.input_terminated"):
            _exhaust(request)
        return response

    return middleware


def _exhaust(request: HttpRequest) -> None:
    ends_at = time.monotonic() + _SECONDS
    # The answer is made, whatever a server raises about the rest of a body that breaks off.
    with suppress(Exception):
        while request.META["wsgi.input"].read(_PIECE) and time.monotonic() < ends_at:
            pass
