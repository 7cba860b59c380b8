"""The thread that looks around by itself: model, due rows, heartbeat, watchdog and sweeper."""

from __future__ import annotations

import atexit
import gc
import logging
import threading
import time
from contextlib import suppress

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connections

from gallery.models import EmbeddingModel
from search.vectors.embedders import embed_query_text
from search.vectors.embedders.base import ModelUnavailable
from workers import doorbell, due, heartbeat, model_choice, sweeper, watchdog
from workers.priority import lower_thread_priority

logger = logging.getLogger(__name__)

ROUND_SECONDS = 2.0
SWEEP_SECONDS = 60.0
MODEL_RETRY_SECONDS = 60.0


def _set_aside_what_stays() -> None:
    """Have the garbage collector pass over what is there now: half a million objects of libraries.

    Going through them would stop all requests for 0.2 s every now and then.
    """
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # A library complains of what is never let go.


class Rounds:
    """Goes round every 2 s; when `embedded`, sweeps every minute as no schedule does it.

    The model is chosen and loaded by a second thread, so that a download holds up neither the
    heartbeat nor deletions.
    """

    def __init__(self, *, embedded: bool, watchdog_seconds: float | None = None) -> None:
        limit = getattr(settings, "WATCHDOG_SECONDS", watchdog.LIMIT_SECONDS)
        self._limit = limit if watchdog_seconds is None else watchdog_seconds
        self._sweeps = self._warms_text = embedded
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._go_round, name="rounds", daemon=True),
            threading.Thread(target=self._settle_model, name="model", daemon=True),
        ]
        self._swept_at = 0.0

    def start(self) -> None:
        """Start both threads and return at once."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float) -> None:
        """End the threads; a model that is being loaded is not waited for."""
        self._stop.set()
        self._threads[0].join(timeout)
        with suppress(DatabaseError):
            heartbeat.farewell()

    def _settle_model(self) -> None:
        lower_thread_priority()
        try:
            while not self._stop.is_set() and not self._settled():
                self._stop.wait(MODEL_RETRY_SECONDS)
        finally:
            connections.close_all()

    def _settled(self) -> bool:
        try:
            settled = model_choice.settle()
        except Exception as error:
            # A fault of a library must not end the attempts for good.
            logger.exception("The model could not be made ready.")
            heartbeat.tell("model", f"The model could not be made ready: {error}")
            return False
        doorbell.ring()
        if settled and self._warms_text:
            self._warm_text()
            _set_aside_what_stays()
        if settled:
            model_choice.prepare_bands()
        return settled

    def _warm_text(self) -> None:
        """Load the text tower where searches are answered too, so that the first is as fast."""
        model = EmbeddingModel.objects.active()
        if model is not None:
            with suppress(ModelUnavailable):
                embed_query_text(model.key, "photo")

    def _go_round(self) -> None:
        lower_thread_priority()
        first = True
        try:
            while first or not self._stop.wait(ROUND_SECONDS):
                self._round()
                first = False
        finally:
            connections.close_all()

    def _round(self) -> None:
        """Look at everything once; whatever fails is tried again in the next round."""
        watchdog.check(self._limit)
        try:
            close_old_connections()
            heartbeat.beat()
            if self._sweeps and time.monotonic() - self._swept_at > SWEEP_SECONDS:
                self._swept_at = time.monotonic()
                sweeper.sweep()
            elif due.is_work_due():
                doorbell.ring()
        except (DatabaseError, OSError):
            logger.exception("A round was cut short; the next one tries again.")
