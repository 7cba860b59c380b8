"""The duplicates part of the API."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI

from gallery.middleware import error
from search.duplicates.api import routes
from search.duplicates.groups import keeper
from search.duplicates.review import decisions


def attach(api: NinjaAPI) -> None:
    """Add the routes and the answers to their exceptions."""
    api.add_exception_handler(decisions.Changed, _changed)
    api.add_exception_handler(decisions.NothingKept, _nothing_kept)
    api.add_exception_handler(keeper.BadCriteria, _bad_criteria)
    api.add_router("", routes.router)


def _changed(request: HttpRequest, exc: Any) -> HttpResponse:
    return error(409, exc.code, exc.note)


def _nothing_kept(request: HttpRequest, exc: Any) -> HttpResponse:
    return error(400, exc.code, str(exc))


def _bad_criteria(request: HttpRequest, exc: Any) -> HttpResponse:
    return error(400, "bad_parameter", str(exc))
