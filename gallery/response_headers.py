"""The headers that keep an answer from being read, framed or kept where it should not be.

Every answer has them: those of pages, of the API, of static files, and those that the server makes
by itself before the gallery is asked.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

PROTECTION = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # The place of this device is asked for by a button of the filters. Nothing else is ever used.
    "Permissions-Policy": ", ".join(
        f"{feature}=({'self' if feature == 'geolocation' else ''})"
        for feature in (
            "accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "hid",
            "magnetometer", "microphone", "midi", "payment", "serial", "usb",
        )
    ),
}  # fmt: skip
NOTHING = "default-src 'none'; frame-ancestors 'none'"
"""The content security policy of what is no page."""
NO_STORE = "no-store"
PAGE = "private, no-cache"
"""Browsers ask again before they show it, but Back shows it as it was: no-store would forbid that
(the back-forward cache keeps no page that may not be stored)."""


def protect(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: add the headers that no view or other middleware has set."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        for name, value in PROTECTION.items():
            response.headers.setdefault(name, value)
        if "Cache-Control" not in response.headers:
            kind = response.headers.get("Content-Type", "")
            response.headers["Cache-Control"] = PAGE if kind.startswith("text/html") else NO_STORE
        return response

    return middleware


def of_server() -> list[tuple[str, str]]:
    """Return the headers of an answer that the server makes by itself."""
    headers = {**PROTECTION, "Content-Security-Policy": NOTHING, "Cache-Control": NO_STORE}
    if settings.SECURE_HSTS_SECONDS:
        # Browsers look at it over HTTPS alone, and what a proxy took over HTTPS is not known here.
        whole = "; includeSubDomains" if settings.SECURE_HSTS_INCLUDE_SUBDOMAINS else ""
        headers["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}{whole}"
    return list(headers.items())
