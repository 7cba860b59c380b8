"""Watches the worker threads of this process, which prove that they work, or are started again.

The proof is a message that asks for nothing: a thread that takes it is alive. While a job runs, the
proof is that its work goes on, since busy threads take no message.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from django.db import close_old_connections, connections
from django.utils.translation import gettext_noop

from gallery import database_outages
from gallery.sentences import Sentence
from workers import heartbeat, jobs, tasks

logger = logging.getLogger(__name__)

ROUND_SECONDS = 1.0
ASK_SECONDS = 5.0
PROOF_SECONDS = 20.0
"""How long a proof counts. No row is written without one, and pages then say that nobody works."""

GONE_SECONDS = 60.0
"""Threads that are idle and silent for so long are given up."""

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 300.0
"""Seconds between two starts; the pause doubles, and is short again after a proof that followed the
longest one."""


class Watch:
    """A thread that writes the heartbeat of the worker threads, and has them started again.

    `has_ended` tells that they certainly do not work; `start_again` starts others.
    """

    def __init__(self, has_ended: Callable[[], bool], start_again: Callable[[], None]) -> None:
        self._has_ended, self._start_again = has_ended, start_again
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)
        self._asked_at = -ASK_SECONDS
        self._started_at = time.monotonic()
        self._pause = FIRST_PAUSE

    def start(self) -> None:
        """Start to watch, and return at once."""
        heartbeat.forget_proof()
        self._started_at = time.monotonic()
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Watch no more, so that nothing is started again."""
        self._stop.set()
        self._thread.join(timeout)

    def _watch(self) -> None:
        try:
            while not self._stop.is_set():
                try:
                    self._look()
                except Exception as error:
                    # Whatever a database or a broker raises, somebody has to watch.
                    if not database_outages.is_told(error):
                        logger.exception("The worker could not be looked after; it is tried again.")
                self._stop.wait(ROUND_SECONDS)
        finally:
            connections.close_all()

    def _look(self) -> None:
        heartbeat.end_if_stuck()
        close_old_connections()
        self._ask()
        if self._has_ended():
            self._revive(gettext_noop("The worker has ended"))
        elif self._is_proven():
            self._calm_down()
            heartbeat.beat()
        elif self._is_given_up():
            self._revive(gettext_noop("The worker does not answer"))

    def _ask(self) -> None:
        """Send the message if it is due; an answer that is late is not asked for twice."""
        now = time.monotonic()
        answered = heartbeat.seconds_since_proof() < now - self._asked_at
        if now - self._asked_at > (ASK_SECONDS if answered else PROOF_SECONDS):
            tasks.prove.apply_async(expires=PROOF_SECONDS, retry=False)
            self._asked_at = now

    def _is_proven(self) -> bool:
        if _is_busy():
            return heartbeat.seconds_since_progress() < heartbeat.STUCK_SECONDS
        return heartbeat.seconds_since_proof() < PROOF_SECONDS

    def _is_given_up(self) -> bool:
        silent = min(heartbeat.seconds_since_proof(), time.monotonic() - self._started_at)
        # A thread cannot be stopped: one that is stuck in a job would only be joined by another.
        return silent > GONE_SECONDS and not _is_busy()

    def _calm_down(self) -> None:
        if time.monotonic() - self._started_at > LONGEST_PAUSE:
            self._pause = FIRST_PAUSE
            heartbeat.tell("worker", "")

    def _revive(self, what: str) -> None:
        now = time.monotonic()
        if now - self._started_at < self._pause:
            return
        self._started_at, self._pause = now, min(2 * self._pause, LONGEST_PAUSE)
        text = gettext_noop("%(what)s and was started again.")
        heartbeat.tell("worker", Sentence(text, what=what))
        heartbeat.forget_proof()
        self._start_again()
        self._asked_at = -ASK_SECONDS


def _is_busy() -> bool:
    return any(job.is_running() for job in jobs.JOBS)
