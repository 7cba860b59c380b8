"""The words of photos, for full-text search."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from gallery.models import Photo


class PhotoWords(models.Model):
    """The words of one photo: file name, tags, albums, caption, camera and lens.

    `words` has a line for each kind, as `search.fulltext.normalization` writes it. Triggers in the
    database (`search.fulltext.schema`) make a row with each photo, mark it as `stale` when
    something changes that the words come from, and maintain the full-text index. Then
    `search.fulltext.upkeep` writes the words again.
    """

    id = models.BigAutoField(primary_key=True)
    # No index of its own, because SQLite would prefer it to the index of stale rows.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False
    )
    photo = models.OneToOneField(Photo, models.CASCADE, related_name="words")
    words = models.TextField(blank=True)
    stale = models.BooleanField(default=True)

    class Meta:
        indexes = [
            models.Index(fields=["owner"], condition=Q(stale=True), name="words_to_refresh"),
        ]

    def __str__(self) -> str:
        return self.words[:80]
