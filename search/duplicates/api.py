"""The duplicates part of the API: groups, decisions, history, and the search for them."""

from __future__ import annotations

from ninja import Router

router = Router(tags=["duplicates"])
