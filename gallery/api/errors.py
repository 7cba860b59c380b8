"""The one error shape of the API, `{code, message}`, whether or not a route was reached."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import gettext, gettext_lazy as _
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, AuthorizationError, HttpError, ValidationError
from pydantic import ConfigDict

from gallery.decoding import PoolBusy
from gallery.files import StorageFull
from gallery.uploads import several_files
from gallery.user_errors import UserError

API_PREFIX = "/api/"
_DEFAULTS = {
    400: ("bad_request", _("The request could not be understood.")),
    401: ("not_signed_in", _("Sign in, or send a bearer token.")),
    403: ("forbidden", _("This is not allowed; a CSRF token may be missing.")),
    404: ("not_found", _("Not found.")),
    405: ("method_not_allowed", _("This address does not accept that method.")),
    408: ("too_slow", _("The request came too slowly. Send it again.")),
    411: (
        "no_length",
        _("The request does not say how long it is. Send it with a Content-Length."),
    ),
    413: ("too_large", _("The request is larger than the limit allows.")),
    414: ("bad_request", _("The address is too long.")),
    429: ("too_many_requests", _("Too many requests; wait a little and try again.")),
    431: ("headers_too_large", _("The headers of the request are larger than the limit allows.")),
    500: ("internal_error", _("Something went wrong here; the gallery's log has the details.")),
    501: ("bad_request", _("The request is sent in a way that the gallery does not support.")),
    503: ("busy", _("The database is busy with a long task. Try again shortly.")),
    507: (StorageFull.code, StorageFull.sentence),
}


class In(Schema):
    """A request body that refuses unknown fields instead of ignoring them."""

    model_config = ConfigDict(extra="forbid")


class ErrorOut(Schema):
    """Every error of the API."""

    code: str
    message: str


def error(status: int, code: str = "", message: str = "") -> JsonResponse:
    """Return the error answer `{code, message}` that every API route uses."""
    default_code, default_message = _DEFAULTS.get(status, ("error", _("The request failed.")))
    body = {"code": code or default_code, "message": message or str(default_message)}
    return JsonResponse(body, status=status)


def api_errors(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: give errors under /api/ that are not JSON yet the API's own shape."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if response.status_code < 400 or not request.path.startswith(API_PREFIX):
            return response
        if response.headers.get("Content-Type", "").startswith("application/json"):
            return response
        if isinstance(response, HttpResponse):
            response.content = error(response.status_code).content
            response["Content-Type"] = "application/json"
            # Another middleware may have set the length of the page that this replaces.
            response["Content-Length"] = str(len(response.content))
        return response

    return middleware


def attach(api: NinjaAPI) -> None:
    """Register the answers to every exception that routes may raise."""
    api.add_exception_handler(UserError, user_error)
    api.add_exception_handler(PoolBusy, busy)
    api.add_exception_handler(ValidationError, invalid)
    api.add_exception_handler(Http404, lambda request, exc: error(404))
    api.add_exception_handler(AuthenticationError, lambda request, exc: error(401))
    api.add_exception_handler(AuthorizationError, lambda request, exc: error(403))
    api.add_exception_handler(HttpError, http_error)
    api.add_exception_handler(MultiPartParserError, unreadable_form)
    api.add_exception_handler(RequestDataTooBig, body_too_large)
    api.add_exception_handler(TooManyFieldsSent, too_many_fields)
    api.add_exception_handler(
        TooManyFilesSent, lambda request, exc: user_error(request, several_files())
    )


def user_error(request: HttpRequest, exc: Any) -> HttpResponse:
    """Answer an error that the caller can act on."""
    response = error(exc.status, exc.code, exc.message)
    if exc.status == 503:
        response["Retry-After"] = exc.retry_seconds
    return response


def busy(request: HttpRequest, exc: Any) -> HttpResponse:
    """Answer that the decoders are busy: 503, try again soon."""
    message = gettext("Too many pictures are being read at once. Try again shortly.")
    return user_error(request, UserError(message, code="busy", status=503))


def invalid(request: HttpRequest, exc: Any) -> HttpResponse:
    """Answer a parameter of the wrong type: 400, naming the first one."""
    first = exc.errors[0] if exc.errors else {}
    name = str(first.get("loc", ("request",))[-1])[:40]
    problem = first.get("msg") or gettext("is not valid")
    return error(400, "bad_parameter", f"{name}: {problem}.")


def http_error(request: HttpRequest, exc: Any) -> HttpResponse:
    """Answer an error that a route or the framework raised by status."""
    code = "bad_request" if exc.status_code == 400 else ""
    return error(exc.status_code, code, str(exc.message) if code else "")


def unreadable_form(request: HttpRequest, exc: Any) -> HttpResponse:
    """Answer a body that is not the form that its Content-Type promises."""
    return error(400, "bad_request", gettext("The body cannot be read as multipart/form-data."))


def body_too_large(request: HttpRequest, exc: Any) -> HttpResponse:
    """Answer a body that is too large for what is no file: 413."""
    return error(413, "too_large", besides_files())


def besides_files() -> str:
    """Return the sentence about a body that is too large for what is no file."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // (1024 * 1024)
    message = gettext("The request holds more than the %(limit)d MB allowed besides the file.")
    return message % {"limit": limit}


def too_many_fields(request: HttpRequest, exc: Any) -> HttpResponse:
    """Answer a form or an address with more fields than Django reads."""
    message = gettext("The request has more than the %(limit)d fields allowed.")
    return error(400, "bad_request", message % {"limit": settings.DATA_UPLOAD_MAX_NUMBER_FIELDS})
