"""Every address of the API: the routes of the gallery, of search, and of its rooms."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import get_language
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.security import HttpBearer, SessionAuth
from ninja.types import DictStrAny

from gallery.api import (
    albums,
    dates,
    errors,
    jobs,
    marks,
    partial_uploads,
    photos,
    places,
    session,
    shares,
    stacks,
    trash,
)
from gallery.models import ApiToken
from gallery.permissions import require_scope
from search import api as search_api
from search.duplicates import api as duplicates_api
from search.understanding import api as understanding_api


class BearerToken(HttpBearer):
    """`Authorization: Bearer ...` with a token of the account page or of `create_token`."""

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        """Return the token's owner, or None; raise a 403 if the token is not for this."""
        found = ApiToken.of(token)
        if found is None:
            return None
        require_scope(found, request)
        request.user = found.owner
        return found.owner


AUTH = [BearerToken(), SessionAuth(csrf=True)]


class _Api(NinjaAPI):
    """Ninja's API, which makes its description once and not for each request.

    It takes a second of CPU time, and whoever knows the address may ask for it.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._described: dict[tuple[str | None, str], OpenAPISchema] = {}

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: DictStrAny | None = None
    ) -> OpenAPISchema:
        """Return the description in the language of the request."""
        key = (path_prefix, get_language() or "")
        if key not in self._described:
            self._described[key] = super().get_openapi_schema(
                path_prefix=path_prefix, path_params=path_params
            )
        return self._described[key]


def make_api() -> NinjaAPI:
    """Return the API with the gallery's own routes; other packages add theirs."""
    api = _Api(
        title="Scry",
        version="1",
        description="Upload photos, find them by describing them, find similar ones.",
        urls_namespace="api",
        auth=AUTH,
    )
    errors.attach(api)
    for part in (
        photos,
        partial_uploads,
        albums,
        marks,
        shares,
        dates,
        stacks,
        trash,
        places,
        jobs,
        session,
    ):
        api.add_router("", part.router)
    return api


api = make_api()
search_api.attach(api)
api.add_router("", duplicates_api.router)
understanding_api.attach(api)

urlpatterns, app_name, namespace = api.urls
