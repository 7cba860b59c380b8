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
    colouring,
    compare_photos as comparing,
    doorbell,
    due,
    embed_parts,
    model_choice,
    pipeline,
    purge,
    sweeper,
)
from workers.celery import app
from workers.index_sync import withdrawal
from workers.priority import lower_thread_priority

logger = logging.getLogger(__name__)

SLICE_SECONDS = 10.0
"""How long comparing keeps the other messages waiting before it rings for itself again."""


def _at_low_priority(work: Callable[[], object]) -> Callable[[], None]:
    """Run `work` below the web server's priority, and with a database connection that lives."""

    @functools.wraps(work)
    def run() -> None:
        lower_thread_priority()
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
        if pipeline.drain():
            embed_parts.wake()
        calibration.calibrate_unmeasured()
        _look_at_parts()


def _look_at_parts() -> None:
    """Make the parts of photos searchable for a while; whatever else is due comes first."""
    model = EmbeddingModel.objects.active()
    if model is None:
        return
    ends_at = time.monotonic() + SLICE_SECONDS
    embed_parts.make_due(model, stop=lambda: time.monotonic() > ends_at or _is_wanted_elsewhere())
    if embed_parts.is_due():
        doorbell.ring()


def _is_wanted_elsewhere() -> bool:
    if pipeline.is_stopping() or pipeline.is_indexing():
        return True
    return due.is_indexing_due() or comparing.is_comparing_due()


@app.task(name="workers.compare_photos")
@_at_low_priority
def compare_photos() -> None:
    """Look for duplicates among photos that were not compared yet; indexing comes first.

    Then the colours of photos that an earlier version decoded get their names.
    """
    model = EmbeddingModel.objects.active()
    if model is None or pipeline.is_indexing() or pipeline.is_stopping():
        return
    ends_at = time.monotonic() + SLICE_SECONDS

    def stop() -> bool:
        return pipeline.is_stopping() or pipeline.is_indexing() or time.monotonic() > ends_at

    comparing.compare_due(model, stop=stop)
    if not comparing.is_comparing_due():
        colouring.fill_due(stop)
    if comparing.is_comparing_due() or colouring.is_due():
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
