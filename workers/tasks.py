"""What messages may ask for. None carries anything, and each may come twice or never."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable

from django.db import DatabaseError, close_old_connections

from workers import model_choice, pipeline, purge, sweeper
from workers.celery import app
from workers.priority import give_way

logger = logging.getLogger(__name__)


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


@app.task(name="workers.purge_deleted")
@_at_low_priority
def purge_deleted() -> None:
    """Finish the deletions that were asked for."""
    purge.purge()


@app.task(name="workers.sweep")
@_at_low_priority
def sweep() -> None:
    """Heal what crashes left behind."""
    sweeper.sweep()
