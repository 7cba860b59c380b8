"""Time that passes for the gallery in an instant, with a clock that was right all the while."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from gallery import lived_time
from gallery.models import LivedHour, LivedTime, PhotoQuerySet

_DAY = 24 * 60 * 60


def let_live(days: float) -> None:
    """Let the gallery have run for so many days until now."""
    seconds = lived_time.tick() + int(days * _DAY)
    lived_time.forget()
    LivedTime.objects.update(seconds=seconds)
    LivedHour.objects.all().delete()
    last, now = seconds // 3600, timezone.now()
    hours = range(max(last - int(days * 24) - 2, 0), last + 1)
    LivedHour.objects.bulk_create(
        LivedHour(hour=hour, earliest=now - timedelta(hours=last - hour)) for hour in hours
    )


def age(photos: PhotoQuerySet, days: float) -> None:
    """Let photos have been in the trash for so many days."""
    lived = lived_time.tick()
    if lived < days * _DAY:
        let_live(days)
        lived = lived_time.tick()
    since = timezone.now() - timedelta(days=days)
    photos.update(trashed_at=since, trashed_lived=lived - int(days * _DAY))
