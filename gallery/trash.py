"""The trash: every deletion goes there first, and photos come back or are deleted for ever."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Count, Q, Sum
from django.utils import timezone

from gallery import audit, lived_time, stacks
from gallery.failpoints import failpoint
from gallery.locks import lock_owners_of
from gallery.models import (
    Deed,
    Embedding,
    EmbeddingModel,
    ForgottenFile,
    Photo,
    PhotoQuerySet,
    Tombstone,
    User,
)
from gallery.signals import photos_changed, photos_moved
from gallery.slices import slices

KEPT_DAYS = 30
"""Days after which photos in the trash are deleted for ever."""
MASS_FRACTION, MASS_AT_LEAST = 0.1, 20
"""More than both, of the photos of one owner, are not deleted for ever at once without a word."""


def trash(photos: PhotoQuerySet) -> list[UUID]:
    """Move live photos to the trash and return their ids; no answer shows them from now on.

    A worker takes their points out of the index afterwards.
    """
    with transaction.atomic():
        lock_owners_of(photos)
        rows = photos.live().order_by("pk").select_for_update(no_key=True)
        ids = list(rows.values_list("pk", flat=True))
        stamps = {"trashed_at": timezone.now(), "trashed_lived": lived_time.tick()}
        for part in slices(ids):
            Photo.objects.live().filter(pk__in=part).update(**stamps)
        transaction.on_commit(lambda: failpoint("trashed"))
        _announce(ids)
    return ids


def restore(photos: PhotoQuerySet) -> list[UUID]:
    """Bring photos back from the trash and return their ids.

    Photos that were searchable go back into the index, from the vectors in SQL, and are compared
    with whatever came in the meantime. Photos that a model has not seen wait for it like uploads.
    """
    with transaction.atomic():
        lock_owners_of(photos)
        rows = photos.trashed().order_by("pk").select_for_update(no_key=True)
        ids = list(rows.values_list("pk", flat=True))
        for part in slices(ids):
            Photo.objects.trashed().filter(pk__in=part).update(trashed_at=None)
            _make_searchable_again(part)
        transaction.on_commit(lambda: failpoint("restored"))
        _announce(ids)
    return ids


def _make_searchable_again(ids: Sequence[UUID]) -> None:
    rows = Embedding.objects.filter(photo__in=ids)
    rows.filter(state=Embedding.State.INDEXED).update(state=Embedding.State.EMBEDDED)
    rows.exclude(compared_at=None).update(compared_at=None)
    for model in EmbeddingModel.objects.wanted():
        present = set(rows.filter(model=model).values_list("photo_id", flat=True))
        missing = [Embedding(photo_id=pk, model=model) for pk in ids if pk not in present]
        Embedding.objects.bulk_create(missing, ignore_conflicts=True)


def _announce(ids: list[UUID]) -> None:
    """Repair the stacks, and send the signals after the commit."""
    if not ids:
        return
    for part in slices(ids):
        stacks.repair(part)
    transaction.on_commit(lambda: photos_changed.send(sender=Photo))
    transaction.on_commit(lambda: photos_moved.send(sender=Photo, photo_ids=ids))


def empty(photos: PhotoQuerySet) -> int:
    """Delete those of the photos that are in the trash for ever; return how many there were.

    The rows are marked and get their tombstones in one transaction. A worker then removes the
    points, the files and finally the rows; if interrupted, it carries on where it stopped. Files of
    external folders stay, and their content is remembered, so that no scan brings them back.
    """
    now = timezone.now()
    with transaction.atomic():
        lock_owners_of(photos)
        rows = photos.trashed().order_by("pk").select_for_update(no_key=True)
        values = list(rows.values_list("pk", "owner_id", "sha256"))
        Tombstone.objects.bulk_create(
            [
                Tombstone(photo_id=pk, owner_id=owner_id, sha256=sha256, deleted_at=now)
                for pk, owner_id, sha256 in values
            ],
            ignore_conflicts=True,
        )
        for part in slices(pk for pk, _, _ in values):
            _remember_external(part, now)
            Photo.objects.trashed().filter(pk__in=part).update(deleted_at=now)
            stacks.repair(part)
        _write_down(owner_id for _, owner_id, _ in values)
        transaction.on_commit(lambda: failpoint("tombstones_written"))
        if values:
            transaction.on_commit(lambda: photos_changed.send(sender=Photo))
    return len(values)


def _write_down(owner_ids: Iterable[int]) -> None:
    """Note in the audit log how many photos each of the owners has no more."""
    numbers = Counter(owner_ids)
    for owner in get_user_model().objects.filter(pk__in=numbers):
        audit.note(Deed.DELETED, owner, detail=str(numbers[owner.pk]))


def _remember_external(ids: Sequence[UUID], now: datetime) -> None:
    """Remember the content of those of the photos that lie in external folders."""
    external = Photo.objects.filter(pk__in=ids, external_files__isnull=False).distinct()
    rows = [
        ForgottenFile(owner_id=owner_id, sha256=sha256, forgotten_at=now)
        for owner_id, sha256 in external.values_list("owner_id", "sha256")
    ]
    ForgottenFile.objects.bulk_create(rows, ignore_conflicts=True)


def purge_old() -> int:
    """Delete for ever what has been in the trash for `KEPT_DAYS`; return how many photos.

    An owner who would lose many at once is asked first (`overdue`).
    """
    now = lived_time.tick()
    # Those from before there was lived time begin to count now.
    Photo.objects.trashed().filter(trashed_lived=None).update(trashed_lived=now)
    due = _due(now)
    owners = due.order_by().values_list("owner_id", flat=True).distinct()
    return sum(empty(due.filter(owner_id=pk)) for pk in owners if not _is_mass(due, pk))


def overdue(user: User) -> PhotoQuerySet:
    """Return the photos of a user that should be deleted for ever, but are too many at once.

    Somebody may have put them into the trash by mistake, and it was not noticed. They stay until
    their owner says so, or restores them.
    """
    due = _due(lived_time.total())
    many = user.is_authenticated and _is_mass(due, user.pk)
    return due.filter(owner_id=user.pk) if many else Photo.objects.none()


def _due(now: int) -> PhotoQuerySet:
    """Return the photos that have been in the trash for long enough, whatever the clock says."""
    since = lived_time.before(now, timedelta(days=KEPT_DAYS))
    return Photo.objects.trashed().filter(trashed_lived__lte=since)


def _is_mass(due: PhotoQuerySet, owner_id: int) -> bool:
    """Tell whether an owner would lose so many photos at once that they should be asked."""
    number = due.filter(owner_id=owner_id).count()
    if number <= MASS_AT_LEAST:
        return False
    return number > MASS_FRACTION * Photo.objects.not_deleted().filter(owner_id=owner_id).count()


@dataclass(frozen=True)
class Contents:
    """The number of photos in a trash, and the bytes of their originals."""

    photos: int
    bytes: int


def contents(user: User) -> Contents:
    """Return how much is in the user's trash; its bytes still take up space on Scry's disk."""
    own = Sum("size", filter=Q(external=False))
    totals = Photo.objects.in_trash_of(user).aggregate(photos=Count("pk"), bytes=own)
    return Contents(totals["photos"], totals["bytes"] or 0)


def time_left(photo: Photo, lived: int) -> timedelta:
    """Return for how long a photo in the trash can still come back, while the gallery runs.

    `lived` is `lived_time.total()`, which is the same for all photos of a page.
    """
    if photo.trashed_lived is None:
        return timedelta(days=KEPT_DAYS)
    return timedelta(days=KEPT_DAYS, seconds=photo.trashed_lived - lived)


def days_left(photo: Photo, lived: int) -> int:
    """Return `time_left` in days, rounded up."""
    return max(math.ceil(time_left(photo, lived) / timedelta(days=1)), 0)


def trashed_at(photo: Photo) -> datetime:
    """Return when a photo went to the trash."""
    return photo.trashed_at or timezone.now()
