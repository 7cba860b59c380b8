"""The API object and how exceptions become its one error shape, `{code, message}`."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, AuthorizationError, HttpError, ValidationError
from pydantic import ConfigDict

from gallery.decoding import PoolBusy
from gallery.middleware import RETRY_SECONDS, error
from gallery.user_errors import UserError


class In(Schema):
    """A body in which a field that does not exist is an error instead of a silent nothing."""

    model_config = ConfigDict(extra="forbid")


class ErrorOut(Schema):
    """Every error of the API."""

    code: str
    message: str


def attach(api: NinjaAPI) -> None:
    """Register the answers to every exception that routes may raise."""
    api.add_exception_handler(UserError, user_error)
    api.add_exception_handler(PoolBusy, busy)
    api.add_exception_handler(ValidationError, invalid)
    api.add_exception_handler(Http404, lambda request, exc: error(404))
    api.add_exception_handler(AuthenticationError, lambda request, exc: error(401))
    api.add_exception_handler(AuthorizationError, lambda request, exc: error(403))
    api.add_exception_handler(HttpError, http_error)


def user_error(request: HttpRequest, exc: Any) -> HttpResponse:
    """Something that the caller can act on."""
    response = error(exc.status, exc.code, exc.message)
    if exc.status == 503:
        response["Retry-After"] = RETRY_SECONDS
    return response


def busy(request: HttpRequest, exc: Any) -> HttpResponse:
    """More pictures at once than can be read: 503, come back soon."""
    response = error(503, "busy", "Too many pictures are being read at once. Try again shortly.")
    response["Retry-After"] = RETRY_SECONDS
    return response


def invalid(request: HttpRequest, exc: Any) -> HttpResponse:
    """A parameter of the wrong type: 400, naming the first one."""
    first = exc.errors[0] if exc.errors else {}
    name = str(first.get("loc", ("request",))[-1])[:40]
    return error(400, "bad_parameter", f"{name}: {first.get('msg', 'is not valid')}.")


def http_error(request: HttpRequest, exc: Any) -> HttpResponse:
    """An error that a route or the framework raised by status."""
    code = "bad_request" if exc.status_code == 400 else ""
    return error(exc.status_code, code, str(exc.message) if code else "")
