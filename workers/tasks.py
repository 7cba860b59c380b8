"""The Celery tasks. Their messages carry nothing, and each may arrive twice or never."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, close_old_connections

from gallery import database_outages
from gallery.request_priority import lower_thread_priority
from workers import INDEX, MAINTENANCE, heartbeat, housekeeping, jobs
from workers.celery import app

logger = logging.getLogger(__name__)


def _task(work: Callable[[], object]) -> Any:
    """Make a task of `work`: at a lower priority than the web server, with fresh connections."""

    @app.task(name=f"workers.{work.__name__}")
    @functools.wraps(work)
    def run() -> None:
        heartbeat.prove()
        lower_thread_priority()
        close_old_connections()
        try:
            work()
        except DatabaseError as error:
            if not database_outages.is_told(error):
                logger.exception("The database failed; the sweep will find the work again.")
        finally:
            close_old_connections()
            heartbeat.prove()

    return run


@_task
def index_pending() -> None:
    """Run the jobs that need the model."""
    jobs.run(INDEX)


@_task
def purge_deleted() -> None:
    """Take trashed photos out of the index, and finish deletions."""
    jobs.WITHDRAW.run()
    jobs.PURGE.run()


@_task
def compare_photos() -> None:
    """Run the jobs of maintenance."""
    jobs.run(MAINTENANCE)


@_task
def prove() -> None:
    """Do nothing: whoever takes this message works."""


sweep = _task(housekeeping.sweep)
