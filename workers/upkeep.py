"""The thread beside the queue: loads the model once, looks for work, keeps time."""

from __future__ import annotations

import logging
import threading
import time

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection

from gallery.models import EmbeddingModel
from search import embedders
from search.embedders.base import ModelUnavailable
from search.index import VectorIndexError
from workers import doorbell, heartbeat, model_choice, pipeline, reconcile, sweeper

log = logging.getLogger(__name__)

LOOK_EVERY = 2.0
SWEEP_EVERY = 60.0
BEAT_EVERY = 10.0
TRY_MODEL_EVERY = 30.0

_stop = threading.Event()
_thread: threading.Thread | None = None


def start() -> None:
    """Start the thread of this process."""
    global _thread
    _stop.clear()
    pipeline.reset()
    _thread = threading.Thread(target=_run, name="upkeep", daemon=True)
    _thread.start()


def stop(seconds: float) -> None:
    """Finish the batch in work, give back what is only claimed, and end the thread."""
    _stop.set()
    pipeline.stop()
    heartbeat.farewell()
    if _thread is not None and _thread is not threading.current_thread():
        _thread.join(seconds)


def _run() -> None:
    try:
        if _settle_model():
            _keep_time()
    finally:
        connection.close()


def _settle_model() -> bool:
    """Load the model, trying again while it cannot be had; return False when told to stop."""
    while not _stop.is_set():
        try:
            model = model_choice.settle()
            reconcile.after_start(model)
            if not settings.REDIS_URL:
                embedders.embed_query_text(_active_key(model), "warm")
            return True
        except (ModelUnavailable, VectorIndexError, DatabaseError) as error:
            heartbeat.say(str(error))
        except Exception as error:  # a fault of a library must not end the thread for good
            log.exception("The model could not be loaded.")
            heartbeat.say(f"The model could not be loaded: {error}")
        heartbeat.beat(force=True)
        _stop.wait(TRY_MODEL_EVERY)
    return False


def _active_key(model: EmbeddingModel) -> str:
    active = EmbeddingModel.objects.active()
    return active.key if active else model.key


def _keep_time() -> None:
    """Look for work that other processes wrote, sweep, beat, and watch over the batches."""
    swept = 0.0
    while not _stop.is_set():
        close_old_connections()
        try:
            if time.monotonic() - swept > SWEEP_EVERY:
                swept = time.monotonic()
                sweeper.sweep()
            elif sweeper.work_waits():
                doorbell.ring()
            heartbeat.beat_every(BEAT_EVERY)
        except DatabaseError as error:
            log.warning("The database did not answer: %s", error)
        heartbeat.bite_if_hanging()
        _stop.wait(LOOK_EVERY)
