"""Every minute: heal what crashes, outages and other processes left behind. Safe in parallel.

Expired leases need no sweeping, since whoever claims next takes them over.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import OperationalError, connection
from django.utils import timezone

from gallery import trash
from gallery.models import EmbeddingModel, WorkerStatus
from search import fulltext
from search.engine import sent_pictures
from search.vectors.index import IndexUnavailable
from workers import doorbell, due, model_choice, purge
from workers.index_sync import parts, photos, reconcile, withdrawal

logger = logging.getLogger(__name__)

STALE_FILE_SECONDS = 24 * 60 * 60
SILENT_WORKERS_KEPT = timedelta(days=7)


def sweep() -> None:
    """Do everything that is due, each part on its own: the index may be away, the disk not."""
    remove_stale_files()
    purge.forget_old_tombstones()
    WorkerStatus.objects.filter(seen_at__lt=timezone.now() - SILENT_WORKERS_KEPT).delete()
    model_choice.add_missing_rows()
    trash.purge_old()
    sent_pictures.purge()
    fulltext.catch_up()
    withdrawal.withdraw()
    purge.purge()
    _sweep_index()
    model_choice.promote()
    refresh_statistics()
    if due.is_work_due():
        doorbell.ring()


def _sweep_index() -> None:
    try:
        for model in EmbeddingModel.objects.wanted():
            reconcile.quickly(model)
            photos.project_waiting(model)
            parts.quickly(model)
        purge.remove_late_points()
        withdrawal.remove_late_points()
    except IndexUnavailable as error:
        logger.warning("The index is away and will be looked after later: %s", error)


def refresh_statistics() -> None:
    """Let SQLite learn how large the tables became, which it does not do by itself.

    Without it a list of 60 ids is found by walking over all photos of their owner: 15 times
    slower at 10,000 photos. 0x10002 is what SQLite's documentation advises for long connections.
    """
    if connection.vendor == "sqlite":
        # Where somebody writes just now it fails at once, and the next round does it.
        with suppress(OperationalError), connection.cursor() as cursor:
            cursor.execute("PRAGMA optimize=0x10002")


def remove_stale_files() -> int:
    """Remove uploads that were never finished and are older than a day; return how many."""
    removed = 0
    for path in Path(settings.UPLOAD_TMP_DIR).iterdir():
        if path.is_file() and time.time() - path.stat().st_mtime > STALE_FILE_SECONDS:
            path.unlink(missing_ok=True)
            removed += 1
    return removed
