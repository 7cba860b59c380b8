"""Compresses pages, which shrinks them to a tenth. Everything else is sent as it is."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class CompressPages(GZipMiddleware):
    """Django's compression for whole HTML answers alone.

    Pictures gain nothing, parts of a file must keep their place in it, and static files are
    compressed once. Django adds random bytes, which hide how well a secret of the page compresses
    together with what an address put into it (BREACH).
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        kind = response.headers.get("Content-Type", "")
        if response.streaming or not kind.startswith("text/html"):
            return response
        return super().process_response(request, response)
