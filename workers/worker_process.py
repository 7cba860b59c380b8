"""A worker process of its own: `celery -A workers worker --pool solo -Q index`."""

from __future__ import annotations

from typing import Any

from celery.signals import worker_ready, worker_shutdown, worker_shutting_down
from django.conf import settings

from search.vectors.index import close_all
from workers import look_ahead, pipeline
from workers.celery import INDEX
from workers.housekeeping import Rounds

_rounds: Rounds | None = None


@worker_ready.connect  # type: ignore[untyped-decorator]
def begin(sender: Any = None, **kwargs: Any) -> None:
    """Load the model in the process that indexes, once, and begin its heartbeat."""
    global _rounds
    if settings.REDIS_URL and INDEX in sender.app.amqp.queues.consume_from:
        _rounds = Rounds(embedded=False)
        _rounds.start()


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def finish_batch(**kwargs: Any) -> None:
    """End the drain after the batch at work, so that a stop takes seconds."""
    if settings.REDIS_URL:
        pipeline.request_stop()


@worker_shutdown.connect  # type: ignore[untyped-decorator]
def end(**kwargs: Any) -> None:
    """Let go of children and connections."""
    if not settings.REDIS_URL:
        return
    if _rounds is not None:
        _rounds.stop(5.0)
    look_ahead.close()
    close_all()
