"""The words of photos, which full-text search looks in."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from gallery.models import Photo


class PhotoWords(models.Model):
    """The words of one photo: file name, caption, tags, albums, camera and lens.

    `words` is text as `search.fulltext.normalization` writes it, a line for each kind. The database
    keeps the full-text index over it, makes a row with each photo, and marks the row `stale`
    whenever something that the words come from is changed (`search.fulltext.schema`);
    `search.fulltext.upkeep` then writes the words anew.
    """

    id = models.BigAutoField(primary_key=True)
    # Without an index of its own, which SQLite would prefer to the one of stale rows.
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
