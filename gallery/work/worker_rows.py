"""The worker processes, as a page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from gallery.models import WorkerStatus, WorkKind
from gallery.work import figures


@dataclass(frozen=True)
class Row:
    """A worker process, how many seconds ago it reported, and what it is at, with its rate."""

    status: WorkerStatus
    age: int
    is_alive: bool
    at_work: list[tuple[str, float]]

    @property
    def queues(self) -> str:
        """The queues that it serves, for people."""
        return self.status.queues.replace(",", ", ")


def rows() -> list[Row]:
    """Return all workers that reported lately, those that are gone last."""
    return [_row(status) for status in figures.workers()]


def _row(status: WorkerStatus) -> Row:
    age = max((timezone.now() - status.seen_at) // timedelta(seconds=1), 0)
    kinds = [(kind, rate) for kind, (is_working, rate) in status.work.items() if is_working]
    titles = [(str(WorkKind(kind).label), rate) for kind, rate in kinds if kind in WorkKind.values]
    return Row(status, age, figures.is_alive(status), titles)
