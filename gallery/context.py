"""What every page may show. Nothing is computed until a template asks for it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from gallery.status import status


def page(request: HttpRequest) -> dict[str, Any]:
    """Return, for someone signed in, their `status` and the upload limit."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    return {
        "status": SimpleLazyObject(lambda: status(user)),
        "max_file_mb": settings.MAX_FILE_BYTES // (1024 * 1024),
    }
