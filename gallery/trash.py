"""The trash: where every deletion goes first, and from where photos come back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Sum
from django.utils import timezone

from gallery import deletion, stacks
from gallery.locks import lock_owners_of
from gallery.models import Embedding, EmbeddingModel, Photo, User
from gallery.models.photos import PhotoQuerySet
from gallery.signals import photos_changed, photos_moved
from gallery.slices import slices

KEPT_DAYS = 30
"""Days after which the trash is emptied by itself."""


def trash(photos: PhotoQuerySet) -> list[UUID]:
    """Move the given live photos to the trash and return their ids; in no answer from now on.

    A worker takes their points out of the index afterwards.
    """
    with transaction.atomic():
        lock_owners_of(photos)
        rows = photos.live().order_by("pk").select_for_update(no_key=True)
        ids = list(rows.values_list("pk", flat=True))
        now = timezone.now()
        for part in slices(ids):
            Photo.objects.live().filter(pk__in=part).update(trashed_at=now)
        _tell(ids)
    return ids


def restore(photos: PhotoQuerySet) -> list[UUID]:
    """Bring the given photos back from the trash and return their ids.

    What was searchable goes into the index again, from the vectors kept in SQL, and is compared
    anew with what came meanwhile. What a model never saw waits for it like a new upload.
    """
    with transaction.atomic():
        lock_owners_of(photos)
        rows = photos.trashed().order_by("pk").select_for_update(no_key=True)
        ids = list(rows.values_list("pk", flat=True))
        for part in slices(ids):
            Photo.objects.trashed().filter(pk__in=part).update(trashed_at=None)
            _make_searchable_again(part)
        _tell(ids)
    return ids


def _make_searchable_again(ids: Sequence[UUID]) -> None:
    rows = Embedding.objects.filter(photo__in=ids)
    rows.filter(state=Embedding.State.INDEXED).update(state=Embedding.State.EMBEDDED)
    rows.exclude(compared_at=None).update(compared_at=None)
    for model in EmbeddingModel.objects.wanted():
        known = set(rows.filter(model=model).values_list("photo_id", flat=True))
        lacking = [Embedding(photo_id=pk, model=model) for pk in ids if pk not in known]
        Embedding.objects.bulk_create(lacking, ignore_conflicts=True)


def _tell(ids: list[UUID]) -> None:
    """Put the stacks right, and say after the commit what moved."""
    if not ids:
        return
    for part in slices(ids):
        stacks.mend(part)
    transaction.on_commit(lambda: photos_changed.send(sender=Photo))
    transaction.on_commit(lambda: photos_moved.send(sender=Photo, photo_ids=ids))


def empty(photos: PhotoQuerySet) -> int:
    """Delete the given photos, which must be in the trash, for ever; return how many there were."""
    return deletion.delete(photos)


def purge_old() -> int:
    """Delete for ever what has been in the trash for `KEPT_DAYS`; return how many photos."""
    since = timezone.now() - timedelta(days=KEPT_DAYS)
    return empty(Photo.objects.trashed().filter(trashed_at__lt=since))


# --- looking into it ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Holds:
    """How many photos lie in a trash, and how many bytes their originals take."""

    photos: int
    bytes: int


def holds(user: User) -> Holds:
    """Return what the user's trash holds; its bytes are part of what the gallery uses."""
    found = Photo.objects.in_trash_of(user).aggregate(photos=Count("pk"), bytes=Sum("size"))
    return Holds(found["photos"], found["bytes"] or 0)


def kept_until(photo: Photo) -> datetime:
    """Return when a photo in the trash will be deleted for ever."""
    return trashed_at(photo) + timedelta(days=KEPT_DAYS)


def days_left(photo: Photo) -> int:
    """Return the days, begun ones too, for which a photo in the trash can still come back."""
    return max(math.ceil((kept_until(photo) - timezone.now()) / timedelta(days=1)), 0)


def trashed_at(photo: Photo) -> datetime:
    """Return since when a photo lies in the trash."""
    return photo.trashed_at or timezone.now()
