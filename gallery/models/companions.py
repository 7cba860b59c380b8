"""Files that belong to a photo and are no photos: the video of a Live Photo, and sidecars."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gallery.models.photo_library import Photo


class Companion(models.Model):
    """A file that is kept with one photo, byte for byte, and goes when the photo goes.

    The id names the stored file, which was last read whole at `read_at`. `given` holds what a
    sidecar gave the photo, so that a later sidecar may say otherwise, but nobody's own word is ever
    replaced: `caption`, `rating` and `favourite` as in `Photo`; `tags`: names; `place`: latitude
    and longitude in degrees; `date`: whether it is surely that of the shot.
    """

    class Kind(models.TextChoices):
        VIDEO = "video", _("video")
        XMP = "xmp", _("sidecar (XMP)")
        AAE = "aae", _("edits (AAE)")
        JSON = "json", _("sidecar (Takeout)")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    photo = models.ForeignKey(Photo, models.CASCADE, related_name="companions")
    kind = models.CharField(max_length=5, choices=Kind)
    name = models.CharField(max_length=200, help_text="the cleaned file name, for people")
    extension = models.CharField(max_length=5)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField(help_text="bytes of the file")
    created_at = models.DateTimeField(default=timezone.now)
    given = models.JSONField(default=dict, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    owner_id = models.BigIntegerField(
        default=0, editable=False, help_text="of the photo: repeated here for the index"
    )

    class Meta:
        ordering = ["created_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["photo", "sha256"], name="one_companion_of_a_content")
        ]
        # Postgres reads those that were never read from the second one, and SQLite from the first.
        indexes = [
            models.Index(fields=["read_at", "owner_id"], name="companion_read"),
            models.Index(fields=["owner_id"], condition=Q(read_at=None), name="companion_to_read"),
            models.Index(fields=["owner_id", "sha256"], name="companion_of_content"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **more: Any) -> None:
        """Save the row with the owner of its photo."""
        self.owner_id = self.photo.owner_id
        super().save(*args, **more)

    def get_absolute_url(self) -> str:
        return reverse("companion", args=[self.photo_id, self.pk])
