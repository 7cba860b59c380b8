"""Photos that are shown as one tile."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from gallery.models.photo_library import OwnedQuerySet, Photo


class Stack(models.Model):
    """Photos shown as one tile, that of the cover (`Photo.stack`, `Photo.folded`).

    A stack has two or more live photos, and its cover is one of them. `gallery.stacks` keeps this
    true when photos come and go.
    """

    counts_for_quota = True
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="stacks")
    cover = models.ForeignKey(Photo, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    objects = OwnedQuerySet["Stack"].as_manager()

    def __str__(self) -> str:
        return str(self.pk)
