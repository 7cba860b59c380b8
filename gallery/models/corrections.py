"""What the dates of photos were before people corrected them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db import models
from django.db.models import Exists, OuterRef
from django.utils import timezone

from gallery.models.photo_library import Photo


class DateCorrectionQuerySet(models.QuerySet["DateCorrection"]):
    """Queries on corrected dates."""

    def first_of(self, photo_ids: Iterable[uuid.UUID]) -> DateCorrectionQuerySet:
        """Return the first correction of each of the photos that has any."""
        earlier = DateCorrection.objects.filter(photo=OuterRef("photo"), pk__lt=OuterRef("pk"))
        return self.filter(~Exists(earlier), photo__in=list(photo_ids))

    def latest_of_photos(self) -> DateCorrectionQuerySet:
        """Leave out corrections after which the photo was corrected again."""
        later = DateCorrection.objects.filter(photo=OuterRef("photo"), pk__gt=OuterRef("pk"))
        return self.filter(~Exists(later))


class DateCorrection(models.Model):
    """The date that a photo had before a person corrected it.

    `before` has the values of the date's columns by name (`gallery.taken_time.TIME_COLUMNS`), times
    in ISO 8601. Those of the first correction are what the file said. `batch` is the same for
    photos that were corrected together and are undone together; undoing removes the rows.
    """

    photo = models.ForeignKey(Photo, models.CASCADE, related_name="date_corrections")
    batch = models.UUIDField(db_index=True)
    before = models.JSONField()
    corrected_at = models.DateTimeField(default=timezone.now)

    objects = DateCorrectionQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.photo_id)
