"""Who is asking, when reverse proxies stand in between."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """Return the address that failed sign-ins are counted by.

    Each proxy appends the address that it was asked from, so with PROXY_COUNT of them the client
    is that many entries from the end. What stands before it came from the client and may be lies.
    """
    direct = str(request.META.get("REMOTE_ADDR", ""))
    forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    if settings.PROXY_COUNT and len(forwarded) >= settings.PROXY_COUNT and forwarded[0]:
        return str(forwarded[-settings.PROXY_COUNT])
    return direct
