"""What happens without a message: a round every two seconds and a sweep every minute.

The sweep repairs what crashes, outages and other processes left behind. Several may run at once.
Expired leases need no sweep, since the next claim takes them over.
"""

from __future__ import annotations

import atexit
import gc
import logging
import threading
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import OperationalError, close_old_connections, connection, connections
from django.utils.translation import gettext_noop

from gallery import (
    allocator,
    audit,
    database_outages,
    invitations,
    lived_time,
    partial_uploads,
    private_files,
    trash,
)
from gallery.models import EmbeddingModel, LastRun, Tombstone, WorkerStatus
from gallery.request_priority import lower_thread_priority
from gallery.sentences import Sentence
from gallery.sessions import SessionStore
from search import fulltext
from search.engine import sent_pictures
from search.understanding.evaluation import runs
from search.understanding.lessons import tagging
from search.vectors.embedders import embed_query_text, folders, received
from search.vectors.embedders.base import ModelUnavailable
from search.vectors.index import IndexUnavailable
from workers import (
    INDEX,
    doorbell,
    fetch_models,
    heartbeat,
    jobs,
    look_into_folders,
    model_choice,
)
from workers.index_sync import reconcile, removal
from workers.index_sync.sources import SOURCES

logger = logging.getLogger(__name__)

ROUND_SECONDS = 2.0
MODEL_RETRY_SECONDS = 60.0
CLOSING_SECONDS = 2.0
"""In each sweep, for files that an older version left open to others: some 60,000 of them."""
SILENT_WORKERS_KEPT = timedelta(days=1)
TOMBSTONES_KEPT = timedelta(days=30)
"""Late work that asks for them ends far sooner."""


# --- the sweep ------------------------------------------------------------------------------------


def sweep() -> None:
    """Do all periodic work; the rest runs even if the index is unavailable."""
    _remove_stale_uploads()
    private_files.close_inside(Path(settings.DATA_DIR), seconds=CLOSING_SECONDS)
    received.remove_abandoned()
    SessionStore.clear_expired()
    invitations.remove_old()
    audit.remove_old()
    Tombstone.objects.filter(deleted_at__lt=lived_time.older_than(TOMBSTONES_KEPT)).delete()
    silent = lived_time.older_than(SILENT_WORKERS_KEPT)
    WorkerStatus.objects.filter(seen_at__lt=silent).delete()
    model_choice.add_missing_rows()
    trash.purge_old()
    sent_pictures.purge()
    fulltext.catch_up()
    removal.withdraw()
    removal.purge()
    removal.remove_late_renditions()
    _repair_indexes()
    jobs.cut_waits()
    jobs.PROJECT.run()
    _let_live_tags_act()
    model_choice.promote()
    model_choice.remove_former()
    runs.go_on()
    refresh_statistics()
    LastRun.remember(LastRun.Work.SWEEP)
    if jobs.is_work_due():
        doorbell.ring()


def _repair_indexes() -> None:
    try:
        for model in EmbeddingModel.objects.wanted():
            for source in SOURCES:
                reconcile.quickly(source, model)
        removal.remove_late_points()
    except IndexUnavailable as error:
        logger.warning("The index is away and will be looked after later: %s", error)


def _let_live_tags_act() -> None:
    """Put live tags on new photos; what fails now is tried at the next sweep."""
    model = EmbeddingModel.objects.active()
    if model is not None:
        try:
            tagging.tag_new_photos(model)
        except OSError as error:
            logger.warning("Live tags have to wait: %s", error)


def refresh_statistics() -> None:
    """Update SQLite's statistics of table sizes, which it does not do on its own.

    Without them it finds 60 photos by id by walking over all photos of their owner: 15 times
    slower at 10,000 photos. SQLite's documentation advises 0x10002 for long-lived connections.
    """
    if connection.vendor == "sqlite":
        # It fails at once while somebody writes; the next sweep tries again.
        with suppress(OperationalError), connection.cursor() as cursor:
            cursor.execute("PRAGMA optimize=0x10002")


def _remove_stale_uploads() -> None:
    """Remove uploads that were never finished and that nobody went on with for a day."""
    since = lived_time.older_than(partial_uploads.KEPT).timestamp()
    for path in Path(settings.UPLOAD_TMP_DIR).iterdir():
        with suppress(FileNotFoundError):  # The request that wrote it may end just now.
            if path.is_file() and path.stat().st_mtime < since:
                path.unlink()


# --- the rounds -----------------------------------------------------------------------------------


def _exclude_libraries_from_collection() -> None:
    """Exclude existing objects, half a million from libraries, from garbage collection.

    Otherwise each full collection stops all requests for 0.2 s.
    """
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # A library complains about objects that are never freed.


def _warm_text() -> None:
    """Load the text tower where searches are answered, so that the first one is fast."""
    model = EmbeddingModel.objects.active()
    if model is not None:
        with suppress(ModelUnavailable):
            embed_query_text(model.key, "photo")


def _warm_search() -> None:
    """Load first what answers a search by text. What fails here is told by what comes next."""
    try:
        _warm_text()
    except Exception as error:  # noqa: BLE001 - whatever a library or the database raises
        logger.info("Searches are prepared later: %s", error)
    finally:
        connections.close_all()


class Rounds:
    """Looks for due work every 2 s; with `embedded`, also sweeps, as there is no Celery beat.

    A second thread chooses and loads the model, a third one looks into folders of the server, and
    a fourth one downloads models, so that neither a download nor a slow disk delays deletions.
    """

    def __init__(self, *, embedded: bool) -> None:
        self._embedded = embedded
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._go_round, name="rounds", daemon=True),
            threading.Thread(target=self._settle_model, name="model", daemon=True),
            threading.Thread(
                target=look_into_folders.run, args=(self._stop,), name="folders", daemon=True
            ),
            threading.Thread(
                target=fetch_models.run, args=(self._stop,), name="downloads", daemon=True
            ),
        ]
        self._swept_at = 0.0
        self._excluded = False
        self._was_busy = True

    def start(self) -> None:
        """Start all threads and return at once."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float) -> None:
        """End the threads, without waiting for a model that is being loaded."""
        self._stop.set()
        ends_at = time.monotonic() + timeout
        for thread in (self._threads[0], *self._threads[2:]):
            thread.join(max(ends_at - time.monotonic(), 0.0))

    def _settle_model(self) -> None:
        """Settle the model until that succeeds, and again whenever the settings page chose one."""
        if self._embedded:
            # Searches by text come first; for the image tower, only photos wait.
            _warm_search()
        lower_thread_priority()
        while not self._stop.is_set():
            version = folders.version()
            try:
                wait = self._settle_once()
            finally:
                connections.close_all()
            self._wait_for_choice(version, wait)

    def _wait_for_choice(self, version: object, limit: float | None) -> None:
        """Wait until the choice has another version, or for `limit` seconds."""
        started = time.monotonic()
        while not self._stop.wait(ROUND_SECONDS) and folders.version() == version:
            if limit is not None and time.monotonic() - started > limit:
                return

    def _settle_once(self) -> float | None:
        """Settle the model; return None, or after how many seconds to try it again."""
        try:
            settled = model_choice.settle()
            doorbell.ring()
            if settled:
                self._prepare_searches()
        except Exception as error:
            # Whatever a library raises, there must be another attempt.
            if database_outages.is_told(error):
                # It may be back in a second, and no photo is embedded until then.
                return ROUND_SECONDS
            logger.exception("The model could not be prepared.")
            text = gettext_noop("The model could not be prepared: %(error)s")
            heartbeat.tell("model", Sentence(text, error=str(error)))
            return MODEL_RETRY_SECONDS
        return None if settled else MODEL_RETRY_SECONDS

    def _prepare_searches(self) -> None:
        if self._embedded:
            _warm_text()
            self._exclude_libraries_once()
        model_choice.prepare_bands()
        allocator.give_back()

    def _exclude_libraries_once(self) -> None:
        if not self._excluded:
            self._excluded = True
            _exclude_libraries_from_collection()

    def _go_round(self) -> None:
        lower_thread_priority()
        try:
            self._round()
            while not self._stop.wait(ROUND_SECONDS):
                self._round()
        finally:
            connections.close_all()

    def _round(self) -> None:
        """Do one round; what fails is tried again in the next."""
        try:
            close_old_connections()
            is_due = jobs.is_work_due()
            self._give_back_memory(is_due=is_due)
            since = time.monotonic() - self._swept_at
            if self._embedded and since > settings.SWEEP_SECONDS:
                self._swept_at = time.monotonic()
                sweep()
            elif is_due:
                doorbell.ring()
                if doorbell.is_broker_away() and not self._embedded:
                    # No message comes through, also while the memory of Redis is full.
                    jobs.run(INDEX)
        except Exception as error:
            # Nobody would start this thread again.
            if not database_outages.is_told(error):
                logger.exception("A round was cut short; the next one tries again.")

    def _give_back_memory(self, *, is_due: bool) -> None:
        """Give back what batches took, once the last of the work is done."""
        if self._was_busy and not is_due:
            allocator.give_back()
        self._was_busy = is_due
