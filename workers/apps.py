"""The workers app. At start it connects the doorbell and counts requests."""

from __future__ import annotations

from django.apps import AppConfig


class WorkersConfig(AppConfig):
    name = "workers"

    def ready(self) -> None:
        from gallery import request_priority
        from workers import doorbell

        doorbell.connect()
        request_priority.connect()
