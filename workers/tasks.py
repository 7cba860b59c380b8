"""The tasks that messages name. They carry nothing; each looks for its work in the database."""

from __future__ import annotations

from django.db import close_old_connections

from workers.celery import app


@app.task
def index_pending() -> None:
    """Make searchable whatever waits."""
    from workers import pipeline

    close_old_connections()
    pipeline.drain()


@app.task
def purge_deleted() -> None:
    """Finish deletions that were asked for."""
    from workers import purge

    close_old_connections()
    purge.finish_deletions()


@app.task
def sweep() -> None:
    """Heal what a crash or a lost message left behind."""
    from workers import sweeper

    close_old_connections()
    sweeper.sweep()
