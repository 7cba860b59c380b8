"""Gives each request an id, which its answer and its lines of the log carry; the access log."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable
from time import perf_counter
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.encoding import escape_uri_path

from gallery.logs.log_context import about_request, user_id

logger = logging.getLogger(__name__)

HEADER = "X-Request-ID"
_SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEALTH_CHECKS = frozenset({"/healthz", "/readyz"})


def follow_requests(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: give the request an id, and with ACCESS_LOG log it once it is answered."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        started, request_id = perf_counter(), _id_of(request)
        with about_request(request_id, request):
            response = get_response(request)
            response.headers[HEADER] = request_id
            if settings.ACCESS_LOG and request.path not in _HEALTH_CHECKS:
                _log(request, response, request_id, perf_counter() - started)
        return response

    return middleware


def _id_of(request: HttpRequest) -> str:
    """Return the id that a trusted proxy gave the request, or a new one."""
    given = request.headers.get(HEADER, "") if settings.PROXY_COUNT else ""
    return given if _SANE.fullmatch(given) else secrets.token_hex(8)


def _log(request: HttpRequest, response: HttpResponseBase, request_id: str, took: float) -> None:
    fields: dict[str, Any] = {
        "method": request.method,
        "path": _path(request),
        "status": response.status_code,
        "bytes": _length(response),
        "ms": round(took * 1000, 1),
    }
    values = (*fields.values(), user_id(request), request_id)
    text = "%s %s %s, bytes: %s, ms: %s, user: %s, request: %s"
    logger.info(text, *values, extra={"fields": fields})


def _path(request: HttpRequest) -> str:
    """Return the path without its query; where people wrote a part of it, that of the route."""
    match = request.resolver_match
    if match and any(isinstance(value, str) for value in match.kwargs.values()):
        return f"/{match.route}"
    return escape_uri_path(request.path)


def _length(response: HttpResponseBase) -> int | None:
    """Return the bytes of the answer; None if it is made while it is sent."""
    said = response.headers.get("Content-Length")
    if said is not None:
        return int(said)
    return None if response.streaming else len(response.content)  # type: ignore[attr-defined]
