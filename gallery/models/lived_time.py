"""How long this gallery has run, which no clock can change (`gallery.lived_time`)."""

from __future__ import annotations

from django.db import models

ONLY = 1


class LivedTime(models.Model):
    """The seconds for which the gallery has been seen running, in one row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY, editable=False)
    seconds = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.seconds} s"


class LivedHour(models.Model):
    """The earliest time that the clock showed during one hour of lived time, for some weeks."""

    hour = models.PositiveIntegerField(primary_key=True)
    earliest = models.DateTimeField()

    def __str__(self) -> str:
        return f"hour {self.hour}"
