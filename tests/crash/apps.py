"""Leases that end soon, so that a run need not wait five minutes for each of them."""

from __future__ import annotations

import sys
from datetime import timedelta

from django.apps import AppConfig

LEASE_SECONDS = 10.0
"""In place of five minutes; nothing else of the gallery's times is changed."""


class ShortLeases(AppConfig):
    name = "tests.crash"

    def ready(self) -> None:
        from gallery.models import claims

        assert "workers.jobs" not in sys.modules, "it would keep the long lease"
        assert hasattr(claims, "LEASE"), "a lease that nobody reads would stay as long as it is"
        claims.LEASE = timedelta(seconds=LEASE_SECONDS)
