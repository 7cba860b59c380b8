"""Takes photos out of the indexes: those in the trash, and those deleted for ever.

The row changes first and the point goes last, so that nothing relies on a point that is about to
go. SQL keeps a mark until the index has removed the point, so an interrupted removal is resumed.
The vectors of trashed photos stay in SQL, so that a restored photo needs no model.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from gallery import files, originals_marker
from gallery.failpoints import failpoint
from gallery.logs.log_context import about_photo
from gallery.models import Embedding, EmbeddingModel, Photo, PhotoQuerySet, Tombstone
from gallery.slices import slices
from search.vectors.index import IndexUnavailable
from workers import heartbeat
from workers.index_sync.sources import SOURCES, owed

logger = logging.getLogger(__name__)

CHUNK = 1000
"""Photos taken out of the index at a time."""
DELETED_AT_ONCE = 200
RECENTLY = timedelta(hours=1)
"""How far back frequent checks look. Work in progress ends far sooner than this."""

Stop = Callable[[], bool]


def forget(model: EmbeddingModel, photo_ids: Sequence[UUID]) -> None:
    """Remove the points of photos from all indexes of a model; raise `IndexUnavailable`.

    Photos that were restored meanwhile wait for the index again.
    """
    for source in SOURCES:
        source.wait_again(model, photo_ids)
    failpoint("rows_withdrawn")
    for source in SOURCES:
        if source.is_in_use(model):
            source.remove_points(model, photo_ids)
    failpoint("points_withdrawn")
    for source in SOURCES:
        source.wait_again(model, photo_ids)


# --- the trash ------------------------------------------------------------------------------------


def is_withdrawal_due() -> bool:
    """Tell whether the index still holds recently trashed photos."""
    recent = Photo.objects.trashed().filter(trashed_at__gte=timezone.now() - RECENTLY)
    return owed().filter(photo__in=recent).exists()


def withdraw(stop: Stop = lambda: False) -> int:
    """Take trashed photos out of the index of every model; return how many rows.

    Asks `stop` before each chunk.
    """
    total = 0
    for model in EmbeddingModel.objects.all():
        try:
            while not stop() and (withdrawn := _withdraw_some(model)):
                total += withdrawn
                heartbeat.progress()
        except IndexUnavailable as error:
            logger.warning("Photos in the trash wait for the index of %s: %s", model.key, error)
    return total


def _withdraw_some(model: EmbeddingModel) -> int:
    rows = owed().filter(model=model).order_by("pk")
    photo_ids = list(rows.values_list("photo_id", flat=True)[:CHUNK])
    if photo_ids:
        forget(model, photo_ids)
        _settle(model, photo_ids)
    return len(photo_ids)


def _settle(model: EmbeddingModel, photo_ids: Iterable[UUID]) -> None:
    """Clear the marks of photos that are still in the trash; restored ones keep theirs."""
    with transaction.atomic():
        trashed = Photo.objects.trashed().filter(pk__in=list(photo_ids))
        rows = Embedding.objects.filter(model=model, photo__in=trashed)
        rows.update(indexed_at=None, lease_token=None)


# --- for ever -------------------------------------------------------------------------------------


def is_purge_due() -> bool:
    """Tell whether a requested deletion is not finished, and can be."""
    return _doomed().exists() and not originals_marker.is_away()


def purge(stop: Stop = lambda: False) -> int:
    """Finish all requested deletions; return how many photos are gone.

    The points go first, then the files, and the row last. Asks `stop` before each chunk. While the
    originals are away, none of it can be finished.
    """
    total = 0
    while is_purge_due() and not stop() and (doomed := list(_doomed()[:DELETED_AT_ONCE])):
        try:
            for model in EmbeddingModel.objects.all():
                forget(model, [photo.pk for photo in doomed])
        except IndexUnavailable as error:
            logger.warning("Deletions wait for the index: %s", error)
            break
        failpoint("points_removed")
        gone = [photo.pk for photo in doomed if _remove_files(photo)]
        failpoint("files_removed")
        if originals_marker.is_away():
            break  # Files that were not found are there all the same.
        _doomed().filter(pk__in=gone).delete()
        failpoint("rows_removed")
        total += len(gone)
        if len(gone) < len(doomed):
            break
    return total


def _doomed() -> PhotoQuerySet:
    doomed = Photo.objects.exclude(deleted_at=None).prefetch_related("companions")
    return doomed.order_by("deleted_at")


def _remove_files(photo: Photo) -> bool:
    try:
        files.remove_files(photo)
    except OSError as error:
        with about_photo(photo.pk):
            logger.warning("The files of photo %s cannot be removed yet: %s", photo.pk, error)
        return False
    return True


# --- late work ------------------------------------------------------------------------------------


def remove_late_points() -> int:
    """Remove points that arrived after their photo was removed; return of how many photos.

    Raises `IndexUnavailable`.
    """
    since = timezone.now() - RECENTLY
    gone = set(Photo.objects.trashed().filter(trashed_at__gte=since).values_list("pk", flat=True))
    deleted = Tombstone.objects.filter(deleted_at__gte=since)
    gone |= set(deleted.values_list("photo_id", flat=True))
    total = 0
    for some in slices(gone, CHUNK):
        # A photo that was restored, also from a backup under its old id, keeps its point.
        back = set(Photo.objects.live().filter(pk__in=some).values_list("pk", flat=True))
        for model in EmbeddingModel.objects.wanted():
            total += _remove_late(model, set(some) - back)
    return total


def remove_late_renditions() -> None:
    """Remove thumbnails and previews that were made of a photo while it was deleted for ever."""
    deleted = Tombstone.objects.filter(deleted_at__gte=timezone.now() - RECENTLY)
    for some in slices(deleted.values_list("photo_id", flat=True), CHUNK):
        # A photo can come back from a backup under its old id.
        back = set(Photo.objects.filter(pk__in=some).values_list("pk", flat=True))
        for photo_id in set(some) - back:
            try:
                files.remove_renditions(photo_id)
            except OSError as error:
                with about_photo(photo_id):
                    logger.warning("The renditions of %s cannot be removed: %s", photo_id, error)


def _remove_late(model: EmbeddingModel, photo_ids: Iterable[UUID]) -> int:
    late: set[UUID] = set()
    for source in SOURCES:
        if not source.is_in_use(model):
            continue
        for some in slices(photo_ids, source.chunk):
            points = source.index(model).fetch(source.point_ids(some))
            late |= {source.photo_id(point.id) for point in points}
    if late:
        forget(model, sorted(late))
        _settle(model, late)
    return len(late)
