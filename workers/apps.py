"""The workers app. At start it connects the doorbell and counts requests."""

from __future__ import annotations

from django.apps import AppConfig


class WorkersConfig(AppConfig):
    name = "workers"

    def ready(self) -> None:
        from gallery import request_priority
        from gallery.signals import photos_changed
        from workers import doorbell

        photos_changed.connect(doorbell.ring, dispatch_uid="workers.doorbell")
        request_priority.connect()
