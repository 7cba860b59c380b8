"""Pages for what went wrong, which the API turns into its own shape (`gallery.middleware`)."""

from __future__ import annotations

import errno
import sys

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from gallery.files import StorageFull
from gallery.middleware import RETRY_SECONDS

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_SAID_OF_NO_ROOM = ("disk is full", "No space left on device")
"""What SQLite and Postgres say; neither has an exception of its own in Django."""
_SAID_OF_A_LOCK = ("database is locked", "database table is locked")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The one 404: nothing in it tells an unknown photo from somebody else's."""
    return render(request, "404.html", status=404)


def failed(request: HttpRequest) -> HttpResponse:
    """What no route expected: a full disk (507), a database at work (503), or our mistake (500).

    The pages are made without the request, for what they know of it may fail again.
    """
    error = sys.exception()
    if _is_full(error):
        page = render_to_string("507.html", {"message": StorageFull.message})
        return HttpResponse(page, status=507)
    if isinstance(error, OperationalError) and str(error).startswith(_SAID_OF_A_LOCK):
        busy = render_to_string("503.html")
        return HttpResponse(busy, status=503, headers={"Retry-After": RETRY_SECONDS})
    return HttpResponse(render_to_string("500.html"), status=500)


def _is_full(error: BaseException | None) -> bool:
    if isinstance(error, OSError):
        return error.errno in _NO_ROOM
    if isinstance(error, OperationalError):
        return any(said in str(error) for said in _SAID_OF_NO_ROOM)
    return isinstance(error, StorageFull)
