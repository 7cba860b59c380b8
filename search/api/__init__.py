"""The search part of the API."""

from __future__ import annotations

from ninja import NinjaAPI

from search.api import models, results, searches


def attach(api: NinjaAPI) -> None:
    """Add the search routes."""
    for part in (results, searches, models):
        api.add_router("", part.router)
