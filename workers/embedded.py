"""The worker inside the web process: Celery's own, in threads, on a broker in memory."""

from __future__ import annotations

import threading
from typing import Any

from celery.worker import WorkController

from search.index import close_all
from workers import doorbell, upkeep
from workers.celery import app


class _Controller(WorkController):  # type: ignore[misc]
    """Tells when it listens."""

    def __init__(self, **options: Any) -> None:
        self.listening = threading.Event()
        super().__init__(**options)

    def on_consumer_ready(self, consumer: Any) -> None:
        self.listening.set()


class EmbeddedWorkers:
    """One Celery worker in a daemon thread and the upkeep thread beside it."""

    def __init__(self) -> None:
        app.loader.import_default_modules()
        self._controller = _Controller(
            app=app,
            pool="threads",
            concurrency=2,
            hostname="embedded@local",
            queues=["index", "maintenance"],
            without_heartbeat=True,
            without_gossip=True,
            without_mingle=True,
        )
        self._thread = threading.Thread(target=self._controller.start, name="celery", daemon=True)

    def start(self) -> None:
        """Start both threads; the model loads in the background."""
        self._thread.start()
        doorbell.listening = self._controller.listening.wait(20)
        upkeep.start()

    def stop(self, timeout: float) -> None:
        """Finish the batch in work and close the index."""
        doorbell.listening = False
        upkeep.stop(timeout)
        self._controller.stop()
        self._thread.join(timeout)
        close_all()
