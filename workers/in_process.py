"""The workers inside the web server's process, for a gallery that runs from one command."""

from __future__ import annotations

import logging
import threading

from celery.worker import WorkController
from django.utils import timezone

from gallery.models import Embedding, WorkerStatus
from search.vectors.index import close_all
from workers import compare_photos, doorbell, look_ahead, pipeline
from workers.celery import app
from workers.housekeeping import Rounds

logger = logging.getLogger(__name__)

CONCURRENCY = 2


class _Controller(WorkController):  # type: ignore[misc]
    """Celery's worker without its program: it touches neither signals nor logging."""

    def __init__(self) -> None:
        self.ready = threading.Event()
        super().__init__(
            app=app,
            pool="threads",
            concurrency=CONCURRENCY,
            hostname="embedded@localhost",
            without_heartbeat=True,
            without_gossip=True,
            without_mingle=True,
        )

    def on_consumer_ready(self, consumer: object) -> None:
        self.ready.set()


class EmbeddedWorkers:
    """Indexing, comparing, purging and sweeping in threads of this process."""

    def __init__(self, *, watchdog_seconds: float | None = None) -> None:
        """Prepare; `watchdog_seconds` without progress end the process (None: as usual)."""
        self._rounds = Rounds(embedded=True, watchdog_seconds=watchdog_seconds)
        self._controller: _Controller | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start everything and return at once; the model is loaded in the background."""
        _take_over()
        pipeline.allow()
        self._controller = _Controller()
        self._thread = threading.Thread(target=self._controller.start, name="workers", daemon=True)
        self._thread.start()
        doorbell.listen(listening=True)
        self._rounds.start()

    def stop(self, timeout: float = 30.0) -> None:
        """Finish the current batch, give back what was claimed ahead, and close everything."""
        doorbell.listen(listening=False)
        pipeline.request_stop()
        self._rounds.stop(timeout)
        if not pipeline.wait_until_idle(timeout):
            logger.warning("A batch is not finished; its rows are taken over at the next start.")
        if not compare_photos.wait_until_idle(timeout):
            logger.warning("Comparing for duplicates is cut short; it goes on at the next start.")
        if self._controller is not None and self._thread is not None:
            self._controller.stop()
            self._thread.join(timeout)
        look_ahead.close()
        close_all()


def _take_over() -> None:
    """Let leases of a process that is gone run out now: this one is alone with the data.

    This comes before any work of our own, whose leases it would end as well.
    """
    WorkerStatus.objects.all().delete()
    Embedding.objects.filter(state=Embedding.State.LEASED).update(lease_until=timezone.now())
