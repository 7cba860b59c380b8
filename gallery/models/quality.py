"""How sharp photos are and what of their tones is gone, as measured from the pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from uuid import UUID

from django.db import models, transaction
from django.utils import timezone

from gallery.decoding.quality import ENGINE, Measured
from gallery.models.photo_library import Photo, PhotoQuerySet


class PhotoQuality(models.Model):
    """What was measured of a photo by one way of measuring (`gallery.decoding.quality.Measured`).

    A row without numbers says that a photo cannot be measured: it is too small, damaged, or of a
    kind that is not read. `Photo.measured_at` is empty for photos that still wait for the present
    `ENGINE`.
    """

    photo = models.ForeignKey(Photo, models.CASCADE, related_name="quality")
    engine = models.CharField(max_length=40)
    sharpness = models.FloatField(null=True)
    centre = models.FloatField(null=True)
    clipped_lights = models.FloatField(null=True)
    clipped_darks = models.FloatField(null=True)
    noise = models.FloatField(null=True)
    light = models.FloatField(null=True)
    reach = models.FloatField(null=True)
    measured_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["photo", "engine"], name="one_quality_of_an_engine")
        ]

    def __str__(self) -> str:
        return str(self.photo_id)


def unmeasured() -> PhotoQuerySet:
    """Return the live, decoded photos that are not measured yet."""
    return Photo.objects.live().filter(decoded_at__isnull=False, measured_at=None)


def measure_again() -> None:
    """Forget what was measured of all photos, as for another `ENGINE`."""
    PhotoQuality.objects.all().delete()
    Photo.objects.exclude(measured_at=None).update(measured_at=None)


def save_quality(found: Mapping[UUID, Measured | None]) -> None:
    """Save what was measured of photos that still exist; None for what cannot be measured."""
    if not found:
        return
    with transaction.atomic():
        photos = Photo.objects.filter(pk__in=list(found)).order_by("pk")
        rows = [
            PhotoQuality(photo_id=pk, engine=ENGINE, **_columns(found[pk]))
            for pk in photos.select_for_update(no_key=True).values_list("pk", flat=True)
        ]
        PhotoQuality.objects.bulk_create(rows, ignore_conflicts=True)
        Photo.objects.filter(pk__in=list(found)).update(measured_at=timezone.now())


def _columns(measured: Measured | None) -> dict[str, float]:
    return {} if measured is None else asdict(measured)


def quality_of(photo_ids: list[UUID]) -> dict[UUID, Measured]:
    """Return what is known of these photos; nothing of those without numbers."""
    rows = PhotoQuality.objects.filter(photo__in=photo_ids, engine=ENGINE)
    known = rows.exclude(sharpness=None).values_list("photo_id", *Measured.__dataclass_fields__)
    return {pk: Measured(*numbers) for pk, *numbers in known}
