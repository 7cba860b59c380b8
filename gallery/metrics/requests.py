"""Counts requests by the name of their route, never by what people wrote into an address."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from gallery.metrics.stages import REQUESTS, request_stages

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def count_requests(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: time each request, and the stages of those that search."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        started = perf_counter()
        with request_stages():
            response = get_response(request)
        method = request.method if request.method in _METHODS else "other"
        status = f"{response.status_code // 100}xx"
        REQUESTS.labels(_route(request), method, status).observe(perf_counter() - started)
        return response

    return middleware


def _route(request: HttpRequest) -> str:
    """Return the name of a request's route; "static" for the files, "none" for no address."""
    if request.resolver_match is not None:
        return request.resolver_match.view_name
    return "static" if request.path.startswith(settings.STATIC_URL) else "none"
