"""Finishing deletions: the point goes first, then the files, and the row last.

Whoever is interrupted leaves a row that says what is still to be done.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from gallery import files
from gallery.models import EmbeddingModel, Photo, Tombstone
from search.vectors.index import IndexUnavailable, open_index, slug
from workers.failpoints import failpoint
from workers.index_sync import parts

logger = logging.getLogger(__name__)

CHUNK = 200
TOMBSTONES_KEPT = timedelta(days=30)
LATE_WORK = timedelta(hours=1)
"""For so long after a deletion its point is looked for again: far longer than any lease."""


def purge() -> int:
    """Finish all deletions that were asked for; return how many photos are gone now."""
    total = 0
    while doomed := list(Photo.objects.exclude(deleted_at=None).order_by("deleted_at")[:CHUNK]):
        try:
            remove_points([photo.pk for photo in doomed])
        except IndexUnavailable as error:
            logger.warning("Deletions wait for the index: %s", error)
            break
        failpoint("points_removed")
        gone = [photo.pk for photo in doomed if _remove_files(photo)]
        failpoint("files_removed")
        Photo.objects.filter(pk__in=gone).exclude(deleted_at=None).delete()
        total += len(gone)
        if len(gone) < len(doomed):
            break
    return total


def remove_points(photo_ids: Sequence[UUID]) -> None:
    """Remove the photos' points from the index of every model; raise `IndexUnavailable`."""
    for model in EmbeddingModel.objects.all():
        if not has_index(model):
            continue
        index = open_index(model.key, model.dim)
        index.delete(photo_ids)
        index.flush()
        parts.forget(model, photo_ids)


def remove_late_points() -> int:
    """Remove points that arrived after their photo was deleted; return how many."""
    since = timezone.now() - LATE_WORK
    recent = Tombstone.objects.filter(deleted_at__gte=since)
    ids = set(recent.values_list("photo_id", flat=True))
    # A photo that lives again under its id, out of a backup, keeps its point.
    ids -= set(Photo.objects.live().filter(pk__in=ids).values_list("pk", flat=True))
    total = 0
    for model in EmbeddingModel.objects.wanted() if ids else ():
        index = open_index(model.key, model.dim)
        late = [point.id for point in index.fetch(ids)]
        if late:
            index.delete(late)
            index.flush()
            total += len(late)
        total += parts.forget_late(model, ids)
    return total


def forget_old_tombstones() -> int:
    """Remove tombstones that no late work can need any more; return how many."""
    old = Tombstone.objects.filter(deleted_at__lt=timezone.now() - TOMBSTONES_KEPT)
    count, _ = old.delete()
    return count


def _remove_files(photo: Photo) -> bool:
    try:
        files.remove_files(photo)
    except OSError as error:
        logger.warning("The files of photo %s cannot be removed yet: %s", photo.pk, error)
        return False
    return True


def has_index(model: EmbeddingModel) -> bool:
    """Tell whether the model may have an index; for a retired one none is made to delete from."""
    return (
        model.state != EmbeddingModel.State.RETIRED
        or bool(settings.QDRANT_URL)
        or (Path(settings.DATA_DIR) / "index" / slug(model.key)).is_dir()
    )
