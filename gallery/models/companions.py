"""Files that belong to a photo and are no photos: the video of a Live Photo, and sidecars."""

from __future__ import annotations

import uuid

from django.db import models
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
    read_at = models.DateTimeField(null=True, blank=True, db_index=True)

    class Meta:
        ordering = ["created_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["photo", "sha256"], name="one_companion_of_a_content")
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("companion", args=[self.photo_id, self.pk])
