"""The workers app; its only duty at start is to listen for work."""

from __future__ import annotations

from django.apps import AppConfig


class WorkersConfig(AppConfig):
    name = "workers"

    def ready(self) -> None:
        from gallery import request_priority
        from workers import doorbell

        doorbell.connect()
        request_priority.connect()
