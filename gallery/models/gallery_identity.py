"""Which gallery a database belongs to."""

from __future__ import annotations

import uuid

from django.db import models

ONLY = 1


class GalleryIdentity(models.Model):
    """The id of this gallery, in one row; the folder of the originals carries the same id.

    `marked_at` is set once that folder has been marked. From then on a folder without the mark is
    not the right one (`gallery.originals_marker`).
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY, editable=False)
    gallery_id = models.UUIDField(default=uuid.uuid4)
    marked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return str(self.gallery_id)
