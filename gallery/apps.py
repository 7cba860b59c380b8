"""The gallery app, and the system check that refuses services which cannot work together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register


class GalleryConfig(AppConfig):
    name = "gallery"


@register(Tags.compatibility)
def services(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """The embedded index can be opened by one process only, so a broker needs a Qdrant server."""
    messages: list[CheckMessage] = []
    if settings.REDIS_URL and not settings.QDRANT_URL:
        problem = (
            "REDIS_URL is set but QDRANT_URL is empty: workers in other processes could not open "
            "the embedded index."
        )
        hint = (
            "Set QDRANT_URL to a Qdrant server, or empty REDIS_URL to run everything in one "
            "process."
        )
        messages.append(Error(problem, hint=hint, id="scry.E001"))
    if settings.REDIS_URL and not settings.DATABASE_URL:
        problem = (
            "REDIS_URL is set but DATABASE_URL is empty: several processes will share one SQLite "
            "file."
        )
        hint = "Set DATABASE_URL to a Postgres database."
        messages.append(Warning(problem, hint=hint, id="scry.W001"))
    if settings.QDRANT_URL and not settings.QDRANT_API_KEY:
        problem = (
            "QDRANT_API_KEY is empty: a Qdrant server without a key is open to everyone who can "
            "reach it."
        )
        hint = "Give the server an API key and set QDRANT_API_KEY to it."
        messages.append(Warning(problem, hint=hint, id="scry.W002"))
    return messages
