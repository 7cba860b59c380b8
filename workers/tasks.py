"""What messages may ask for. None carries anything, and each may come twice or never."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable

from django.db import DatabaseError, close_old_connections

from gallery.models import EmbeddingModel
from workers import (
    calibration,
    doorbell,
    duplicates,
    model_choice,
    pipeline,
    purge,
    sweeper,
    withdrawal,
)
from workers.celery import app
from workers.priority import give_way

logger = logging.getLogger(__name__)

SLICE_SECONDS = 10.0
"""How long comparing keeps the other messages waiting before it rings for itself again."""


def _at_low_priority(work: Callable[[], object]) -> Callable[[], None]:
    """Run `work` below the web server's priority, and with a database connection that lives."""

    @functools.wraps(work)
    def run() -> None:
        give_way()
        close_old_connections()
        try:
            work()
        except DatabaseError:
            logger.exception("The database failed; the work is found again by the sweeper.")
        finally:
            close_old_connections()

    return run


@app.task(name="workers.index_pending")
@_at_low_priority
def index_pending() -> None:
    """Embed and index whatever is due."""
    if not model_choice.is_settling():
        pipeline.drain()
        calibration.calibrate_unmeasured()


@app.task(name="workers.compare_photos")
@_at_low_priority
def compare_photos() -> None:
    """Look for duplicates among photos that were not compared yet; indexing comes first."""
    model = EmbeddingModel.objects.active()
    if model is None or pipeline.is_indexing() or pipeline.is_stopping():
        return
    ends_at = time.monotonic() + SLICE_SECONDS
    duplicates.compare_due(
        model,
        stop=lambda: pipeline.is_stopping() or pipeline.is_indexing() or time.monotonic() > ends_at,
    )
    if duplicates.is_comparing_due():
        doorbell.ring()


@app.task(name="workers.purge_deleted")
@_at_low_priority
def purge_deleted() -> None:
    """Take what went to the trash out of the index, and finish deletions for ever."""
    withdrawal.withdraw()
    purge.purge()


@app.task(name="workers.sweep")
@_at_low_priority
def sweep() -> None:
    """Heal what crashes left behind."""
    sweeper.sweep()
