"""The Celery tasks. Their messages carry nothing, and each may arrive twice or never."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable

from django.db import DatabaseError, close_old_connections

from gallery.request_priority import lower_thread_priority
from workers import INDEX, MAINTENANCE, housekeeping, jobs
from workers.celery import app

logger = logging.getLogger(__name__)


def _at_low_priority(work: Callable[[], object]) -> Callable[[], None]:
    """Run `work` at a lower priority than the web server, with fresh database connections."""

    @functools.wraps(work)
    def run() -> None:
        lower_thread_priority()
        close_old_connections()
        try:
            work()
        except DatabaseError:
            logger.exception("The database failed; the sweep will find the work again.")
        finally:
            close_old_connections()

    return run


@app.task(name="workers.index_pending")
@_at_low_priority
def index_pending() -> None:
    """Run the jobs that need the model."""
    jobs.run(INDEX)


@app.task(name="workers.purge_deleted")
@_at_low_priority
def purge_deleted() -> None:
    """Take trashed photos out of the index, and finish deletions."""
    jobs.WITHDRAW.run()
    jobs.PURGE.run()


@app.task(name="workers.compare_photos")
@_at_low_priority
def compare_photos() -> None:
    """Run the jobs of maintenance."""
    jobs.run(MAINTENANCE)


@app.task(name="workers.sweep")
@_at_low_priority
def sweep() -> None:
    """Repair what crashes left behind, and do other periodic work."""
    housekeeping.sweep()
