"""Starts and stops workers: in threads of the web server, or in separate processes.

A gallery that runs from one command uses `EmbeddedWorkers`. A separate process is started with
`celery -A workers worker --pool solo -Q index`; Celery's signals call the functions at the end.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from typing import Any

from celery.bootsteps import CLOSE
from celery.signals import worker_ready, worker_shutdown, worker_shutting_down
from celery.worker import WorkController
from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from gallery.models import Embedding, WorkerStatus
from search.vectors.index import close_all
from workers import INDEX, MAINTENANCE, doorbell, heartbeat, jobs, look_ahead
from workers.back_up_on_time import Backups
from workers.celery import app
from workers.check_index import IndexChecks
from workers.housekeeping import Rounds
from workers.measure_space import SpaceFigures
from workers.watch import Watch

logger = logging.getLogger(__name__)

_ASK_SECONDS = 0.2
"""So often a controller that is given up is asked to end."""


class EmbeddedWorkers:
    """All jobs, rounds and sweeps in threads of this process."""

    def __init__(self) -> None:
        self._rounds, self._backups, self._checks = Rounds(embedded=True), Backups(), IndexChecks()
        self._space = SpaceFigures()
        self._controller: Any = None
        self._thread: threading.Thread | None = None
        self._watch = Watch(self._has_ended, self._start_again)

    def start(self) -> None:
        """Start everything and return at once; the model is loaded in the background."""
        _take_over()
        heartbeat.report.queues = f"{INDEX},{MAINTENANCE}"
        jobs.allow()
        self._start_threads()
        doorbell.listen(listening=True)
        self._rounds.start()
        self._backups.start()
        self._checks.start()
        self._space.start()
        self._watch.start()

    def _start_threads(self) -> None:
        # Celery's worker without its command line leaves signals and logging alone.
        self._controller = WorkController(
            app=app,
            pool="threads",
            concurrency=2,  # One thread indexes while the other does maintenance.
            hostname="embedded@localhost",
            without_heartbeat=True,
            without_gossip=True,
            without_mingle=True,
        )
        self._thread = threading.Thread(target=self._controller.start, name="workers", daemon=True)
        self._thread.start()

    def _has_ended(self) -> bool:
        return self._thread is None or not self._thread.is_alive()

    def _start_again(self) -> None:
        """Start other threads in the place of those that do not work any more."""
        # A job holds a lock, so no two threads do it.
        self._dismiss()
        self._start_threads()

    def _dismiss(self) -> None:
        """Let the controller end what it can end, in its own time."""
        given_up = (self._controller, self._thread)
        threading.Thread(target=_end, args=given_up, name="dismissed", daemon=True).start()

    def request_stop(self) -> None:
        """Make all jobs end after their current step; a signal handler may ask for it."""
        jobs.request_stop()

    def stop(self, timeout: float = 30.0) -> None:
        """Finish the current batch, release what was claimed ahead, and close everything.

        What has not ended after `timeout` seconds is left behind.
        """
        ends_at = time.monotonic() + timeout

        def left() -> float:
            return max(ends_at - time.monotonic(), 0.0)

        self._watch.stop(left())
        doorbell.listen(listening=False)
        jobs.request_stop()
        self._rounds.stop(left())
        with suppress(DatabaseError):
            heartbeat.farewell()
        self._backups.stop(left())
        self._checks.stop(left())
        self._space.stop(left())
        for job in jobs.JOBS:
            if not job.wait_until_idle(left()):
                logger.warning("%s was cut short and goes on at the next start.", job.name)
        if self._thread is not None:
            self._controller.stop()
            self._thread.join(left())
            if self._thread.is_alive():
                self._dismiss()
        look_ahead.close()
        close_all()


def _end(controller: Any, thread: threading.Thread) -> None:
    """Let a controller take no more messages, and its threads end with what they are doing.

    Celery forgets that it was asked to end while it was still starting, so its consumer is closed
    until it has heard.
    """
    controller.consumer.blueprint.state = CLOSE
    while thread.is_alive():
        thread.join(_ASK_SECONDS)
        controller.consumer.blueprint.state = CLOSE
    if controller.pool is not None:
        controller.pool.stop()


def _take_over() -> None:
    """Expire the leases of an earlier process now, since this one is alone with the data.

    This must come before any new work, whose leases it would end as well.
    """
    WorkerStatus.objects.all().delete()
    Embedding.objects.filter(state=Embedding.State.LEASED).update(lease_until=timezone.now())


# --- a process of its own -------------------------------------------------------------------------

_threads: list[Rounds | Backups | IndexChecks | SpaceFigures | heartbeat.Heartbeat] = []


@worker_ready.connect  # type: ignore[untyped-decorator]
def begin(sender: Any = None, **kwargs: Any) -> None:
    """Start the heartbeat; with the indexing the rounds, and what maintenance does by itself.

    The rounds load the model as well.
    """
    if not settings.REDIS_URL:
        return
    queues = set(sender.app.amqp.queues.consume_from)
    _threads.append(heartbeat.Heartbeat(queues))
    if INDEX in queues:
        _threads.append(Rounds(embedded=False))
    if MAINTENANCE in queues:
        _threads.extend([Backups(), IndexChecks(), SpaceFigures()])
    for threads in _threads:
        threads.start()


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def finish_batch(**kwargs: Any) -> None:
    """End the jobs after their current step, so that a stop takes seconds."""
    if settings.REDIS_URL:
        jobs.request_stop()


@worker_shutdown.connect  # type: ignore[untyped-decorator]
def end(**kwargs: Any) -> None:
    """Close children and connections."""
    if not settings.REDIS_URL:
        return
    while _threads:
        _threads.pop().stop(5.0)
    look_ahead.close()
    close_all()
