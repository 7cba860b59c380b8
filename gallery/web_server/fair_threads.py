"""The threads that answer pages: one client never has all of them, however much it asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import Any, Protocol

from django.conf import settings
from waitress.task import ThreadedTaskDispatcher


class Task(Protocol):
    """What waitress has a thread do."""

    def service(self) -> None: ...
    def cancel(self) -> None: ...


def asker_of(address: str, headers: dict[str, str]) -> Hashable:
    """Return what tells the clients of requests apart, without looking into the database.

    Whoever makes up credentials counts as several, but is refused quickly.
    """
    forwarded = headers.get("X_FORWARDED_FOR", "") if settings.PROXY_COUNT else ""
    return address, forwarded, headers.get("AUTHORIZATION", ""), headers.get("COOKIE", "")


class _Queue:
    """Tasks that wait, in the order in which they may begin; it looks empty if none may."""

    def __init__(self) -> None:
        self.limit = 1
        self._waiting: list[_Turn] = []
        self._running: Counter[Hashable] = Counter()

    def append(self, task: _Turn) -> None:
        self._waiting.append(task)

    def popleft(self) -> _Turn:
        """Take out the first task of who has the fewest running; while stopping, any."""
        task = min(self._allowed() or self._waiting, key=lambda one: self._running[one.asker])
        self._waiting.remove(task)
        self._running[task.asker] += 1
        return task

    def end(self, task: _Turn) -> None:
        self._running[task.asker] -= 1
        self._running += Counter()  # It drops those that have none.

    def _allowed(self) -> list[_Turn]:
        return [one for one in self._waiting if self._running[one.asker] < self.limit]

    def __bool__(self) -> bool:
        return any(self._running[one.asker] < self.limit for one in self._waiting)

    def __len__(self) -> int:
        return len(self._waiting)


class _Turn:
    """A task, and who asked for it."""

    def __init__(self, threads: FairThreads, task: Task, asker: Hashable) -> None:
        self._threads, self._task, self.asker = threads, task, asker

    def service(self) -> None:
        try:
            self._task.service()
        finally:
            self._threads.end(self)

    def cancel(self) -> None:
        self._task.cancel()


class FairThreads(ThreadedTaskDispatcher):  # type: ignore[misc]  # waitress has no types
    """Threads of which one client has three eighths at most, and who has the fewest goes first."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = _Queue()

    def set_thread_count(self, count: int) -> None:
        """Start or stop threads."""
        if count:
            # Threads share one interpreter, so each thread of one client delays all others, and
            # more of them are no faster. While one person flooded the gallery, a list took another
            # one 0.5 s with six of eight threads, and 0.18 s with three (benchmarks.attacks).
            self.queue.limit = max(2, count * 3 // 8)
        super().set_thread_count(count)

    def add(self, task: Task, asker: Hashable) -> None:
        """Have a task done for somebody."""
        self.add_task(_Turn(self, task, asker))

    def end(self, turn: Any) -> None:
        """Note that a task is done."""
        with self.lock:
            self.queue.end(turn)
            # The thread that did it takes the next; another one may be free for somebody else.
            self.queue_cv.notify()
