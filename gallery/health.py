"""Health checks for monitors: `/healthz` and `/readyz`, which answer in time whatever hangs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock, Thread

from django.db import connection, connections
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from gallery import database_outages, files, originals_marker
from gallery.models import EmbeddingModel
from gallery.sqlite import record_file
from gallery.user_errors import UserError

logger = logging.getLogger(__name__)

_SLOW_SECONDS = 0.1
_REST = 4
"""A check that was slow to fail rests for four times as long, and counts as failed until then.
Otherwise requests would wait for each other's checks, the more of them the longer."""


@dataclass(eq=False)
class Check:
    """A check that counts as failed if it raises or takes more than `seconds`.

    It runs once at a time, in a thread of its own with database connections of its own. One that
    hangs keeps nobody waiting, however many ask. `reason` is the sentence of the `UserError` that
    ended the last one.
    """

    passes: Callable[[], bool]
    seconds: float
    reason: str = ""
    _lock: Lock = field(default_factory=Lock)
    _rests_until: float = 0.0

    def passes_in_time(self) -> bool:
        """Run the check and return its result, or False after its time."""
        began = time.monotonic()
        if began < self._rests_until:
            return False
        passed = self._try(began + self.seconds)
        ended = time.monotonic()
        if not passed and ended - began > _SLOW_SECONDS:
            self._rests_until = ended + _REST * (ended - began)
        return passed

    def _try(self, ends_at: float) -> bool:
        if not self._lock.acquire(timeout=self.seconds):
            return False
        results: list[bool] = []
        thread = Thread(target=self._run, args=(results,), name="health", daemon=True)
        thread.start()
        thread.join(max(ends_at - time.monotonic(), 0))
        return results == [True]

    def _run(self, results: list[bool]) -> None:
        self.reason = ""
        try:
            results.append(self.passes())
        except UserError as error:
            self.reason = error.message
        except Exception as error:  # noqa: BLE001 - whatever a database or an engine raises
            if sentence := record_file.tell(error):
                self.reason = str(sentence)
                return
            if not database_outages.tell(error):
                logger.warning("A health check failed: %r", error)
        finally:
            connections.close_all()
            self._lock.release()


def _database_answers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


def _has_free_space() -> bool:
    files.require_free_space()
    return True


def _originals_are_there() -> bool:
    originals_marker.check()
    return True


_can_answer: Callable[[EmbeddingModel], bool] | None = None


def _search_answers() -> bool:
    model = EmbeddingModel.objects.active()
    return model is not None and _can_answer is not None and _can_answer(model)


def ask_search(can_answer: Callable[[EmbeddingModel], bool]) -> None:
    """Let the check of the model ask `can_answer` whether a search would be answered now."""
    global _can_answer
    _can_answer = can_answer


CHECKS = {
    "database": Check(_database_answers, 0.5),
    "storage": Check(_has_free_space, 0.3),
    "originals": Check(_originals_are_there, 0.3),
    "model": Check(_search_answers, 0.8),
}
"""Together they take less than two seconds, and monitors give up after a few."""
_NEEDED = ("database", "storage", "originals")


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer that the process is alive; check nothing else."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer whether photos can be uploaded, with each check by name.

    `reason` says in sentences why not, where that is known.
    """
    checks = {name: check.passes_in_time() for name, check in CHECKS.items()}
    ready = all(checks[name] for name in _NEEDED)
    failed = [CHECKS[name] for name in _NEEDED if not checks[name]]
    reason = " ".join(filter(None, (check.reason for check in failed)))
    body = {"status": "ready" if ready else "not ready", "checks": checks, "reason": reason}
    return JsonResponse(body, status=200 if ready else 503)
