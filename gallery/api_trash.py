"""The trash part of the API: move there, list, restore, delete for ever."""

from __future__ import annotations

from ninja import Router

router = Router(tags=["trash"])
