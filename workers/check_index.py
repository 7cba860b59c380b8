"""Checks the vector index when somebody asks for it on the jobs page, in a thread of its own.

It is no job of `workers.jobs`: it reads all vectors and all points, which takes minutes in a large
gallery, and jobs run one after another.
"""

from __future__ import annotations

import logging
import threading
import time

from django.db import close_old_connections, connections
from django.utils.translation import gettext_noop

from gallery import database_outages
from gallery.failpoints import failpoint
from gallery.models import EmbeddingModel, IndexCheck
from gallery.request_priority import lower_thread_priority, yield_to_requests
from gallery.sentences import Sentence, said_by
from gallery.work import index_checks
from search.vectors.index import VectorIndexError
from workers import doorbell, jobs, measure_recall
from workers.index_sync import reconcile
from workers.index_sync.sources import SOURCES

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
REPORT_SECONDS = 10.0


class Stopped(Exception):
    """The process ends; another one begins the check anew."""


class IndexChecks:
    """Looks every two seconds whether a check is asked for, until it is stopped."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="index checks", daemon=True)

    def start(self) -> None:
        """Start and return at once."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """End within a step, and leave a check that was begun to the next worker."""
        self._stop.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        lower_thread_priority()
        try:
            while not self._stop.wait(LOOK_SECONDS):
                self._look()
        finally:
            connections.close_all()

    def _look(self) -> None:
        try:
            close_old_connections()
            check_if_asked(self._stop)
        except Exception as error:
            # Nobody would start this thread again.
            if not database_outages.is_told(error):
                logger.exception("The check of the index was cut short and is begun anew.")


def check_if_asked(stop: threading.Event) -> IndexCheck | None:
    """Make the check that waits, if any; return it. One that is stopped is left to others."""
    check = index_checks.claim()
    if check is None:
        return None
    failpoint("index_check_begun")
    steps = _Steps(check, stop)
    try:
        _fill(check, steps)
    except Stopped:
        index_checks.give_back(check)
        return None
    except VectorIndexError as error:
        check.problem = said_by(error)
    index_checks.finish(check)
    return check


def _fill(check: IndexCheck, steps: _Steps) -> None:
    """Write into a check what is found, and repair what it is asked to repair."""
    model = EmbeddingModel.objects.active()
    if model is None:
        check.problem = Sentence(gettext_noop("No model is active yet."))
        return
    check.model_key = model.key
    _compare(check, model, steps)
    recall = measure_recall.measure(model, step=steps.take)
    check.recall, check.queries, check.searches = recall.value, recall.queries, recall.searches


def _compare(check: IndexCheck, model: EmbeddingModel, steps: _Steps) -> None:
    """Count the photos whose points are not what SQL says, and put them right if asked to."""
    for source in SOURCES:
        if not source.is_in_use(model):
            continue
        lost, extra = reconcile.differences(source, model, step=steps.take)
        check.missing += len(lost)
        check.orphans += len(extra)
        if check.repair:
            reconcile.project_again(source, model, lost)
            reconcile.remove_extra(source, model, extra)
    if check.repair and check.missing:
        jobs.PROJECT.run(steps.must_stop)
        doorbell.ring()


class _Steps:
    """Between two steps: requests go first, others hear that the work goes on, or it stops."""

    def __init__(self, check: IndexCheck, stop: threading.Event) -> None:
        self._check, self._stop = check, stop
        self._reported_at = time.monotonic()

    def must_stop(self) -> bool:
        """Tell whether the process ends."""
        return self._stop.is_set()

    def take(self) -> None:
        """Let others go first; raise `Stopped` if the process ends."""
        if self.must_stop():
            raise Stopped
        yield_to_requests()
        if time.monotonic() - self._reported_at > REPORT_SECONDS:
            self._reported_at = time.monotonic()
            index_checks.report(self._check)
