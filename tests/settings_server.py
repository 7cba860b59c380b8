"""Settings of the tests that start a web server: a route that takes long, and no other model."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from tests.settings_e2e import *  # noqa: F403


def slow(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: answer /slow after 3 seconds."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path != "/slow":
            return get_response(request)
        time.sleep(3)
        return HttpResponse("done")

    return middleware


MIDDLEWARE = ["tests.settings_server.slow", *MIDDLEWARE]  # noqa: F405
