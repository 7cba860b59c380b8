"""The Celery application; `celery -A workers worker` finds it here.

A message is a doorbell: it says that there is work, but not which. Lost, doubled or reordered
messages are harmless, because the rows say what to do and workers also look on their own.
"""

from __future__ import annotations

import os
from typing import Any

import django
from celery import Celery
from celery.signals import celeryd_after_setup, setup_logging
from django.apps import apps
from kombu.entity import Queue

from gallery import startup

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
if not apps.ready:
    with startup.one_sentence():
        django.setup()
        startup.check_services()

from django.conf import settings

from workers import INDEX, MAINTENANCE

MEMORY = {"polling_interval": 0.02}
REDIS = {
    "visibility_timeout": 600,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "health_check_interval": 15,
}

# The tasks close database connections themselves. Celery's own Django support would do it around
# every message, even one that finds nothing to do.
app = Celery("workers", fixups=[], include=["workers.tasks", "workers.processes"])
app.conf.update(
    broker_url=settings.REDIS_URL or "memory://localhost//",
    broker_transport="workers.broker:Transport" if settings.REDIS_URL else None,
    broker_transport_options=REDIS if settings.REDIS_URL else MEMORY,
    broker_connection_retry_on_startup=True,
    # A Redis whose memory is full answers with an error, which would end a worker that starts.
    broker_channel_error_retry=True,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    accept_content=["json"],
    task_serializer="json",
    task_ignore_result=True,
    task_acks_late=True,
    # Leases recover the work of a killed worker; redelivery would loop on a poison picture.
    task_reject_on_worker_lost=False,
    worker_prefetch_multiplier=1,
    worker_soft_shutdown_timeout=30.0,
    worker_enable_remote_control=bool(settings.REDIS_URL),
    worker_hijack_root_logger=False,
    task_queues=[Queue(INDEX), Queue(MAINTENANCE)],  # type: ignore[no-untyped-call]
    task_default_queue=MAINTENANCE,
    task_routes={"workers.index_pending": {"queue": INDEX}},
    timezone="UTC",
    beat_schedule={"sweep": {"task": "workers.sweep", "schedule": settings.SWEEP_SECONDS}},
)


@setup_logging.connect
def keep_logging(**kwargs: Any) -> None:
    """Leave the log as the settings have it: with a receiver, Celery sets up none of its own."""


@celeryd_after_setup.connect
def keep_to_json(instance: Any, **kwargs: Any) -> None:
    """Print no banner where each line is to be JSON."""
    instance.quiet = instance.quiet or settings.LOG_FORMAT == "json"
