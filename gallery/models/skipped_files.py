"""Files that were not stored because the gallery has the same bytes already."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from gallery.models.photo_library import Photo


class SkippedFile(models.Model):
    """A file that was not stored because the gallery already has the same bytes.

    People can see which files were skipped and which photo each is a copy of. `name` is the
    cleaned file name of an upload, or the path below the imported folder.
    """

    class Source(models.TextChoices):
        UPLOAD = "upload"
        IMPORT = "import"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    photo = models.ForeignKey(Photo, models.CASCADE, related_name="skipped_copies")
    name = models.CharField(max_length=500)
    source = models.CharField(max_length=10, choices=Source.choices)
    skipped_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["photo", "source", "name"], name="one_row_per_skipped_name"
            )
        ]
        indexes = [models.Index(fields=["owner", "-skipped_at"], name="skipped_newest")]

    def __str__(self) -> str:
        return self.name
