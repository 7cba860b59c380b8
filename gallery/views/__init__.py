"""The pages of the gallery, one function each."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class PageRequest(HttpRequest):
    """A request of a signed-in person; `htmx` is truthy where only a part of a page is wanted."""

    htmx: HtmxDetails
    user: AbstractBaseUser  # type: ignore[assignment]
