"""Deleting photos: gone from every answer at once, tidied up afterwards."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from gallery.models import Photo, Tombstone
from gallery.models.photos import PhotoQuerySet
from gallery.signals import photos_changed


def delete(photos: PhotoQuerySet) -> int:
    """Delete the given photos for ever and return how many there were.

    The rows are marked and get their tombstones in one transaction; a worker then removes the
    points, the files and at last the rows, and starts again wherever it was interrupted.
    """
    now = timezone.now()
    with transaction.atomic():
        doomed = list(photos.kept().values_list("pk", "owner_id", "sha256"))
        Tombstone.objects.bulk_create(
            [
                Tombstone(photo_id=pk, owner_id=owner_id, sha256=sha256, deleted_at=now)
                for pk, owner_id, sha256 in doomed
            ],
            ignore_conflicts=True,
        )
        count = Photo.objects.filter(pk__in=[pk for pk, _, _ in doomed], deleted_at=None).update(
            deleted_at=now
        )
        transaction.on_commit(lambda: photos_changed.send(sender=Photo))
    return count
