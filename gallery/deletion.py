"""Deleting photos for ever, out of the trash: marked at once, tidied up afterwards."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from gallery import stacks
from gallery.locks import lock_owners_of
from gallery.models import Photo, Tombstone
from gallery.models.photos import PhotoQuerySet
from gallery.signals import photos_changed
from gallery.slices import slices


def delete(photos: PhotoQuerySet) -> int:
    """Delete the given photos for ever and return how many there were; only those in the trash.

    The rows are marked and get their tombstones in one transaction; a worker then removes the
    points, the files and at last the rows, and starts again wherever it was interrupted.
    """
    now = timezone.now()
    with transaction.atomic():
        lock_owners_of(photos)
        found = photos.trashed().order_by("pk").select_for_update(no_key=True)
        doomed = list(found.values_list("pk", "owner_id", "sha256"))
        Tombstone.objects.bulk_create(
            [
                Tombstone(photo_id=pk, owner_id=owner_id, sha256=sha256, deleted_at=now)
                for pk, owner_id, sha256 in doomed
            ],
            ignore_conflicts=True,
        )
        for part in slices(pk for pk, _, _ in doomed):
            Photo.objects.trashed().filter(pk__in=part).update(deleted_at=now)
            stacks.mend(part)
        if doomed:
            transaction.on_commit(lambda: photos_changed.send(sender=Photo))
    return len(doomed)
