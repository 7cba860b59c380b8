"""The search part of the API."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI

from gallery.middleware import RETRY_SECONDS, error
from search.api import facets, results, searches, suggest, why
from search.engine.answer import SearchUnavailable
from search.language.errors import QueryError


def attach(api: NinjaAPI) -> None:
    """Add the search routes and the answers to their exceptions."""
    api.add_exception_handler(QueryError, _query_error)
    api.add_exception_handler(SearchUnavailable, _unavailable)
    for part in (results, searches, facets, suggest, why):
        api.add_router("", part.router)


def _query_error(request: HttpRequest, exc: Any) -> HttpResponse:
    return error(exc.status, exc.code, exc.message)


def _unavailable(request: HttpRequest, exc: Any) -> HttpResponse:
    response = error(503, exc.code, exc.message)
    response["Retry-After"] = RETRY_SECONDS
    return response
