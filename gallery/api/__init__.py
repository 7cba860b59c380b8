"""The gallery's routes of the API, and the API object to which other apps add theirs."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import NinjaAPI
from ninja.security import HttpBearer, SessionAuth

from gallery.api import albums, dates, errors, photos, session, stacks, trash
from gallery.models import ApiToken


class BearerToken(HttpBearer):
    """`Authorization: Bearer ...` with a token from `manage.py create_token`."""

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        """Return the token's owner, or None."""
        owner = ApiToken.owner_of(token)
        if owner is not None:
            request.user = owner
        return owner


AUTH = [BearerToken(), SessionAuth(csrf=True)]


def make_api() -> NinjaAPI:
    """Return the API with the gallery's own routes; other apps add theirs."""
    api = NinjaAPI(
        title="Scry",
        version="1",
        description="Upload photos, find them by describing them, find similar ones.",
        urls_namespace="api",
        auth=AUTH,
    )
    errors.attach(api)
    for part in (photos, albums, dates, stacks, trash, session):
        api.add_router("", part.router)
    return api
