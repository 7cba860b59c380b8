"""Cookies of the gallery's own beside those of Django: which names and paths they have.

Over HTTPS they are named `__Host-`, as Django's are here: browsers take such a cookie from this
host alone, so that another host of the domain cannot set it. Such a cookie goes to every path. Over
plain HTTP it goes to the path that needs it.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse


def keep(response: HttpResponse, name: str, value: str, *, max_age: timedelta, path: str) -> None:
    """Have the browser keep a value that no script may read and no other site sends."""
    is_https = bool(settings.SESSION_COOKIE_SECURE)
    response.set_cookie(
        name_of(name),
        value,
        max_age=max_age,
        path="/" if is_https else path,
        secure=is_https,
        httponly=True,
        samesite="Lax",
    )


def read(request: HttpRequest, name: str) -> str:
    """Return what the browser kept, or an empty text; whoever sent it may have made it up."""
    return request.COOKIES.get(name_of(name), "")


def name_of(name: str) -> str:
    """Return the name under which browsers keep a cookie."""
    return f"__Host-{name}" if settings.SESSION_COOKIE_SECURE else name


def forget(response: HttpResponse, name: str, *, path: str) -> None:
    """Have the browser drop what `keep` kept under the same path."""
    is_https = bool(settings.SESSION_COOKIE_SECURE)
    response.delete_cookie(name_of(name), path="/" if is_https else path, samesite="Lax")
