"""Healing what crashes and lost messages left behind; harmless to run twice or at once."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from gallery.models import Embedding, EmbeddingModel, Photo, WorkerStatus
from workers import doorbell, heartbeat, model_choice, purge

log = logging.getLogger(__name__)

STALE_UPLOAD = 24 * 3600  # seconds
GONE_WORKER = timedelta(hours=1)


def sweep() -> None:
    """Look for everything that should not stay as it is."""
    for model in EmbeddingModel.objects.wanted():
        Embedding.objects.add_missing(model)
    model_choice.promote()
    if work_waits():
        doorbell.ring()
    purge.forget_old_tombstones()
    remove_stale_uploads()
    heard = timezone.now() - GONE_WORKER
    WorkerStatus.objects.filter(seen_at__lt=heard).delete()
    heartbeat.beat()


def work_waits() -> bool:
    """Return whether a row is due, saved but not projected, or a deletion not finished."""
    wanted = Embedding.objects.filter(model__in=EmbeddingModel.objects.wanted())
    saved = wanted.live().filter(state=Embedding.State.EMBEDDED)
    return (
        wanted.due().exists() or saved.exists() or Photo.objects.exclude(deleted_at=None).exists()
    )


def remove_stale_uploads() -> int:
    """Remove files that an upload left behind more than a day ago; return how many."""
    oldest, removed = time.time() - STALE_UPLOAD, 0
    for path in Path(settings.UPLOAD_TMP_DIR).iterdir():
        try:
            if path.is_file() and path.stat().st_mtime < oldest:
                path.unlink()
                removed += 1
        except OSError as error:
            log.info("Could not remove %s: %s", path.name, error)
    return removed
