"""The search part of the API."""

from __future__ import annotations

from ninja import NinjaAPI

from search.api import facets, results, searches, suggest, why


def attach(api: NinjaAPI) -> None:
    """Add the search routes."""
    for part in (results, searches, facets, suggest, why):
        api.add_router("", part.router)
