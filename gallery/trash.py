"""The trash: where every deletion goes first, and from where photos come back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from gallery import deletion, stacks
from gallery.models import Embedding, Photo
from gallery.models.photos import PhotoQuerySet
from gallery.signals import photos_changed, photos_moved

KEPT_DAYS = 30
"""Days after which the trash is emptied by itself."""


def trash(photos: PhotoQuerySet) -> list[UUID]:
    """Move the given live photos to the trash and return their ids; in no answer from now on.

    A worker takes their points out of the index afterwards.
    """
    with transaction.atomic():
        ids = list(photos.live().select_for_update().values_list("pk", flat=True))
        Photo.objects.live().filter(pk__in=ids).update(trashed_at=timezone.now())
        stacks.mend(ids)
        transaction.on_commit(lambda: photos_changed.send(sender=Photo))
        transaction.on_commit(lambda: photos_moved.send(sender=Photo, photo_ids=ids))
    return ids


def restore(photos: PhotoQuerySet) -> list[UUID]:
    """Bring the given photos back from the trash and return their ids.

    What was searchable goes into the index again, from the vectors kept in SQL.
    """
    with transaction.atomic():
        ids = list(photos.trashed().select_for_update().values_list("pk", flat=True))
        Photo.objects.trashed().filter(pk__in=ids).update(trashed_at=None)
        Embedding.objects.filter(photo__in=ids, state=Embedding.State.INDEXED).update(
            state=Embedding.State.EMBEDDED
        )
        stacks.mend(ids)
        transaction.on_commit(lambda: photos_changed.send(sender=Photo))
        transaction.on_commit(lambda: photos_moved.send(sender=Photo, photo_ids=ids))
    return ids


def empty(photos: PhotoQuerySet) -> int:
    """Delete the given photos, which must be in the trash, for ever; return how many there were."""
    return deletion.delete(photos.trashed())


def purge_old() -> int:
    """Delete for ever what has been in the trash for `KEPT_DAYS`; return how many photos."""
    since = timezone.now() - timedelta(days=KEPT_DAYS)
    return empty(Photo.objects.trashed().filter(trashed_at__lt=since))


def bytes_of(photos: PhotoQuerySet | Iterable[UUID]) -> int:
    """Return how many bytes the originals of the given photos take."""
    rows = photos if isinstance(photos, PhotoQuerySet) else Photo.objects.filter(pk__in=photos)
    total: int | None = rows.aggregate(total=Sum("size"))["total"]
    return total or 0
