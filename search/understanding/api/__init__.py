"""The part of the API for what Scry says it sees."""

from __future__ import annotations

from ninja import NinjaAPI, Router

from search.understanding.api import (
    evaluations,
    labels,
    lessons,
    quality,
    sensitive,
    sentences,
    themes,
)

ROUTERS: tuple[Router, ...] = (
    labels.router,
    evaluations.router,
    sentences.router,
    lessons.router,
    quality.router,
    sensitive.router,
    themes.router,
)


def attach(api: NinjaAPI) -> None:
    """Add the routes."""
    for router in ROUTERS:
        api.add_router("", router)
