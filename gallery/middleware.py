"""One error shape for the whole API, also for errors raised before a route is reached."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from gallery.files import StorageFull

API_PREFIX = "/api/"
RETRY_SECONDS = "2"
"""When to come back after a 503, for the header Retry-After."""

_WORDS = {
    400: ("bad_request", "The request could not be understood."),
    401: ("not_signed_in", "Sign in, or send a bearer token."),
    403: ("forbidden", "This is not allowed; a CSRF token may be missing."),
    404: ("not_found", "There is no such thing here."),
    405: ("method_not_allowed", "This address does not answer that method."),
    429: ("too_many_requests", "Too many requests; wait a little and try again."),
    500: ("internal_error", "Something went wrong here; the log of the gallery has the details."),
    503: ("busy", "The database is at work on something that takes long. Try again shortly."),
    507: (StorageFull.code, StorageFull.message),
}


def error(status: int, code: str = "", message: str = "") -> JsonResponse:
    """Return the error answer `{code, message}` that every API route uses."""
    default_code, default_message = _WORDS.get(status, ("error", "The request failed."))
    return JsonResponse(
        {"code": code or default_code, "message": message or default_message}, status=status
    )


def api_errors(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Give errors under /api/ that are not JSON yet the API's own shape."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if response.status_code < 400 or not request.path.startswith(API_PREFIX):
            return response
        if response.headers.get("Content-Type", "").startswith("application/json"):
            return response
        if isinstance(response, HttpResponse):
            response.content = error(response.status_code).content
            response["Content-Type"] = "application/json"
            # Another middleware may have counted the page that stood here before.
            response["Content-Length"] = str(len(response.content))
        return response

    return middleware
