"""Finishing deletions: points, files and at last the row; each step may be repeated."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

from django.utils import timezone

from gallery import files
from gallery.models import EmbeddingModel, Photo, Tombstone
from search.index import VectorIndexError, open_index
from workers.failpoints import failpoint

log = logging.getLogger(__name__)

BATCH = 500
TOMBSTONE_AGE = timedelta(days=30)

_purging = threading.Lock()


def finish_deletions() -> int:
    """Tidy up behind photos whose deletion was asked for; return how many are gone."""
    with _purging:
        done = 0
        while rows := list(Photo.objects.exclude(deleted_at=None)[:BATCH]):
            try:
                _remove_points(rows)
            except VectorIndexError as error:
                log.warning("Deletions wait for the index: %s", error)
                return done
            failpoint("point_deleted")
            for row in rows:
                files.remove_files(row)
            failpoint("files_removed")
            Photo.objects.filter(pk__in=[row.pk for row in rows]).delete()
            done += len(rows)
        return done


def _remove_points(rows: list[Photo]) -> None:
    for model in EmbeddingModel.objects.wanted():
        index = open_index(model.key, model.dim)
        index.ensure()
        index.delete([row.pk for row in rows])
        index.flush()


def forget_old_tombstones() -> int:
    """Remove tombstones of more than 30 days, when nothing late can come any more."""
    return Tombstone.objects.filter(deleted_at__lt=timezone.now() - TOMBSTONE_AGE).delete()[0]
