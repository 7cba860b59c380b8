"""What the API answers over plain HTTP where everything else is redirected to HTTPS.

A program that follows a redirect would send its token over plain HTTP each time, and nobody would
notice. It gets an error instead, which is noticed.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _

from gallery.api.errors import API_PREFIX, error


def refuse_plain_http(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: with SSL_REDIRECT, refuse requests to the API over plain HTTP."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        is_plain = settings.SECURE_SSL_REDIRECT and not request.is_secure()
        if is_plain and request.path.startswith(API_PREFIX):
            told = _("Use https:// for the API. The token of this request was sent unprotected.")
            return error(403, "https_required", told)
        return get_response(request)

    return middleware
