"""The pages of the gallery, one function each, and what all of them need."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from contextlib import suppress

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.cache import patch_vary_headers
from django_htmx.middleware import HtmxDetails

from gallery.administrators import is_administrator
from gallery.models import Photo
from gallery.user_errors import RETRY_SECONDS


class PageRequest(HttpRequest):
    """A request of a signed-in person; `htmx` is truthy if it asks for a part of a page only."""

    htmx: HtmxDetails
    user: AbstractBaseUser  # type: ignore[assignment]


def administrators_only(request: PageRequest) -> None:
    """Answer everybody else with a 403."""
    if not is_administrator(request.user):
        raise PermissionDenied


def get_photo(request: HttpRequest, photo_id: uuid.UUID) -> Photo:
    """Return the photo if the user may see it, hidden or not, else raise the one 404."""
    return get_object_or_404(Photo.objects.visible_to(request.user, hidden=True), pk=photo_id)


def uuids(values: Iterable[str]) -> list[uuid.UUID]:
    """Return the ids among the values of form fields; anybody can send anything else."""
    ids = []
    for value in values:
        with suppress(ValueError):
            ids.append(uuid.UUID(value))
    return ids


def vary_on_htmx(response: HttpResponse, status: int = 0) -> HttpResponse:
    """Tell caches that the answer is a page or a part of one, depending on who asks.

    A 503 also says when to come back. `status` is the real one where htmx gets a 200 instead.
    """
    patch_vary_headers(response, ["HX-Request"])
    if 503 in {status, response.status_code}:
        response["Retry-After"] = RETRY_SECONDS
    return response
