"""The Celery app: a doorbell only. What is to be done stands in the database."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import worker_ready, worker_shutdown
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")

# Kombu's memory transport polls once a second by default; at 20 ms an upload is noticed at once.
_EMBEDDED = {"polling_interval": 0.02}
# A message of a dead worker comes back after ten minutes; work itself comes back by its lease.
# Every socket has a time limit, because a frozen broker would otherwise hang a request for ever.
_REDIS = {
    "visibility_timeout": 600,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
}

app = Celery("scry", set_as_current=True)
app.conf.update(
    broker_url=settings.REDIS_URL or "memory://localhost//",
    broker_transport_options=_REDIS if settings.REDIS_URL else _EMBEDDED,
    broker_connection_retry_on_startup=True,
    broker_connection_timeout=2,
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=False,
    task_publish_retry=False,
    task_default_queue="maintenance",
    task_routes={"workers.tasks.index_pending": {"queue": "index"}},
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    timezone="UTC",
    imports=["workers.tasks"],
    beat_schedule={
        "sweep": {"task": "workers.tasks.sweep", "schedule": 60.0},
        "look": {"task": "workers.tasks.index_pending", "schedule": 10.0},
    },
)


def _indexes(worker: Any) -> bool:
    return "index" in worker.app.amqp.queues.consume_from


@worker_ready.connect
def _ready(sender: Any = None, **kwargs: Any) -> None:
    """Load the model once when a worker process that indexes has started."""
    from workers import upkeep

    if settings.REDIS_URL and sender is not None and _indexes(sender):
        upkeep.start()


@worker_shutdown.connect
def _shutdown(**kwargs: Any) -> None:
    from workers import upkeep

    upkeep.stop(30.0)
