"""What each worker last said of itself, for the status page."""

from __future__ import annotations

from django.db import models


class WorkerStatus(models.Model):
    """One row per worker process: its heartbeat, device and speed."""

    name = models.CharField(max_length=200, primary_key=True)
    seen_at = models.DateTimeField(auto_now=True)
    model_key = models.CharField(max_length=200, blank=True)
    device = models.CharField(max_length=50, blank=True)
    device_reason = models.CharField(max_length=300, blank=True)
    photos_per_second = models.FloatField(default=0.0)
    detail = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return self.name
