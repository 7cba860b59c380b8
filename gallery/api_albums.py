"""The albums part of the API: albums, and the marks that people put on photos."""

from __future__ import annotations

from ninja import Router

router = Router(tags=["albums"])
