"""Makes the backups that BACKUP_TARGET asks for, in a thread of its own.

It is no job of `workers.jobs`: a backup may take hours, and jobs run one after another.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connections

from gallery import database_outages
from gallery.backup import history, schedule
from gallery.backup.back_up import Result, back_up
from gallery.backup.refused import Busy, Damaged, Refused, Stopped
from gallery.backup.targets import open_target
from gallery.models import WorkKind
from gallery.request_priority import lower_thread_priority
from gallery.work import pauses
from workers import activity

logger = logging.getLogger(__name__)

LOOK_SECONDS = 60.0


class Backups:
    """Looks every minute whether a backup is due, until it is stopped."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="backups", daemon=True)

    def start(self) -> None:
        """Start and return at once."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """End after the file at hand; the next backup goes on with what was copied."""
        self._stop.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        lower_thread_priority()
        try:
            self._look(schedule.announce)
            while not self._stop.wait(LOOK_SECONDS):
                self._look(self._back_up_if_due)
        finally:
            connections.close_all()

    def _look(self, step: Callable[[], None]) -> None:
        try:
            close_old_connections()
            step()
        except Exception as error:
            # Nobody would start this thread again.
            if not database_outages.is_told(error):
                logger.exception("Looking after the backups failed and is tried again.")

    def _back_up_if_due(self) -> None:
        if schedule.is_due() and not self._has_to_rest():
            with activity.at(WorkKind.BACKUP):
                back_up_now(self._has_to_rest)

    def _has_to_rest(self) -> bool:
        return self._stop.is_set() or pauses.is_paused(WorkKind.BACKUP)


def back_up_now(stop: Callable[[], bool]) -> None:
    """Make a backup into BACKUP_TARGET, and remember how it went."""
    try:
        result = back_up(open_target(settings.BACKUP_TARGET), stop=stop)
    except (Stopped, Busy):
        return
    except (Refused, Damaged, OSError, DatabaseError) as error:
        logger.warning("The backup failed. %s", error)
        history.remember_run(made=False, sentence=str(error))
    except Exception as error:
        history.remember_run(made=False, sentence=f"Unexpected: {error!r}. The log says more.")
        raise
    else:
        _report(result)


def _report(result: Result) -> None:
    made, refused = result.manifest, result.removed.refused
    logger.info("Backup %s: %d photos, %s files.", result.generation, made.photos, made.files)
    if refused:
        logger.warning("%s", refused)
    history.remember_run(made=True, sentence=" ".join(result.faults))
