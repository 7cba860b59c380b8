"""The words of photos, which full-text search looks in."""

from __future__ import annotations

from django.db import models

from gallery.models import Photo


class PhotoWords(models.Model):
    """The words of one photo: file name, caption, tags, albums, camera and lens.

    `words` is text as full-text search takes it (`search.words`): folded, apart, CJK in pairs.
    The full-text index over it is kept by the database itself (triggers or a generated index).
    """

    id = models.BigAutoField(primary_key=True)
    photo = models.OneToOneField(Photo, models.CASCADE, related_name="words")
    words = models.TextField()

    def __str__(self) -> str:
        return self.words[:80]
