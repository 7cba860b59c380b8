"""Photos that are no more."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class Tombstone(models.Model):
    """Records for 30 days that a photo was deleted, so that late work cannot bring it back."""

    photo_id = models.UUIDField(primary_key=True)
    owner_id = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    deleted_at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return str(self.photo_id)
