"""Several processes that serve the same sockets, watched by one that does nothing else.

Each is a program of its own and no copy of this process, because the threads of torch do not
survive a copy. They share the weights all the same, which are mapped from a file.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType

logger = logging.getLogger(__name__)

_SILENT_SECONDS = 120.0
"""A process that says nothing for so long hangs: its first thread writes every second."""
_LOADING_SECONDS = 300.0
_STOP_SECONDS = 35.0
"""The processes themselves let requests finish for 30 s."""
_TURN_SECONDS = 1.0
_SHORT_LIFE = 10.0
_LONGEST_WAIT = 30.0


@dataclass(eq=False)
class Child:
    """A process that serves, and the pipe through which it says that it lives."""

    process: subprocess.Popen[bytes]
    pipe: int
    started: float = field(default_factory=time.monotonic)
    heard: float = field(default_factory=time.monotonic)
    is_ready: bool = False

    def hear(self) -> None:
        """Read what the process has said."""
        with suppress(BlockingIOError):
            if os.read(self.pipe, 4096):
                self.heard, self.is_ready = time.monotonic(), True


class Supervisor:
    """Keeps `processes` children alive that serve the sockets `listening`."""

    def __init__(self, listening: list[socket.socket], processes: int, threads: int) -> None:
        self._listening, self._processes, self._threads = listening, processes, threads
        self._children: dict[int, Child] = {}
        self._was_ready = self._is_asked_to_stop = False
        self._wait, self._start_at = 0.0, 0.0
        self._looked_at = time.monotonic()

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; return 0, or the status of the first if it cannot load."""
        with _woken_by_signals(self._ask_to_stop) as woken:
            while not self._is_asked_to_stop:
                status = self._bury()
                if status is not None:
                    return status
                self._kill_the_silent()
                self._start_the_missing()
                self._listen(woken)
            self._stop(woken)
        return 0

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._is_asked_to_stop = True

    def _start_the_missing(self) -> None:
        """Start one process, unless another one is still loading: one sentence is enough."""
        is_loading = not all(child.is_ready for child in self._children.values())
        is_time = time.monotonic() >= self._start_at
        if len(self._children) < self._processes and not is_loading and is_time:
            try:
                child = self._start()
            except OSError as error:
                self._try_later(error)
            else:
                self._children[child.process.pid] = child

    def _try_later(self, error: OSError) -> None:
        """A machine without memory or numbers for a process must not end those that serve."""
        self._start_at = time.monotonic() + _LONGEST_WAIT
        told = "No web process can start (%s); the next attempt is in %.0f s."
        logger.error(told, error.strerror, _LONGEST_WAIT)

    def _start(self) -> Child:
        pipe, said = os.pipe()
        os.set_blocking(pipe, False)
        sockets = [listener.fileno() for listener in self._listening]
        command = [sys.executable, "-m", "gallery.web_server.child"]
        numbers = [str(number) for number in (self._threads, said, *sockets)]
        try:
            process = subprocess.Popen([*command, *numbers], pass_fds=[said, *sockets])
        except OSError:
            os.close(pipe)
            raise
        finally:
            os.close(said)
        return Child(process, pipe)

    def _listen(self, woken: int) -> None:
        """Wait a second, or for the next signal, and hear the children."""
        select.select([woken], [], [], _TURN_SECONDS)
        _empty(woken)
        for child in self._children.values():
            child.hear()
            self._was_ready = self._was_ready or child.is_ready

    def _kill_the_silent(self) -> None:
        """Kill who says nothing. While this process itself was frozen, nobody could be heard."""
        now = time.monotonic()
        frozen = max(now - self._looked_at - 2 * _TURN_SECONDS, 0.0)
        self._looked_at = now
        for pid, child in self._children.items():
            patience = _SILENT_SECONDS if child.is_ready else _LOADING_SECONDS
            child.heard += frozen
            if now - child.heard > patience:
                logger.error("Web process %d hangs and is killed.", pid)
                child.process.kill()
                child.heard = now

    def _bury(self) -> int | None:
        """Take note of what has ended; return a status if nothing can be served at all."""
        while (ended := _ended()) is not None:
            pid, status = ended
            child = self._children.pop(pid, None)
            if child is None:
                continue  # A decoder whose web process ended before it.
            child.process.returncode = status
            child.hear()
            os.close(child.pipe)
            if not (self._was_ready or child.is_ready or self._is_asked_to_stop):
                return status if status > 0 else 1
            self._come_back_later(child, status)
        return None

    def _come_back_later(self, child: Child, status: int) -> None:
        now = time.monotonic()
        is_short = now - child.started < _SHORT_LIFE
        self._wait = min(max(2 * self._wait, 1.0), _LONGEST_WAIT) if is_short else 0.0
        self._start_at = now + self._wait
        if not self._is_asked_to_stop:
            told = "Web process %d ended with status %d; another one starts in %.0f s."
            logger.error(told, child.process.pid, status, self._wait)

    def _stop(self, woken: int) -> None:
        """Let the processes finish what they do, and kill those that do not."""
        for listener in self._listening:
            listener.close()
        self._send(signal.SIGTERM)
        ends_at = time.monotonic() + _STOP_SECONDS
        while self._children and time.monotonic() < ends_at:
            self._listen(woken)
            self._bury()
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        for child in self._children.values():
            with suppress(ProcessLookupError):
                child.process.send_signal(number)


@contextmanager
def _woken_by_signals(stop: Callable[[int, FrameType | None], None]) -> Iterator[int]:
    """Call `stop` on SIGTERM and SIGINT, and give a pipe that can be read after every signal."""
    woken, waking = os.pipe()
    for end in (woken, waking):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    yield woken
    signal.set_wakeup_fd(-1)


def _empty(pipe: int) -> None:
    with suppress(BlockingIOError):
        os.read(pipe, 4096)


def _ended() -> tuple[int, int] | None:
    """Return the number and the exit status of a process that has ended, None without one.

    The first process of a container inherits the children of those that end, so all are asked for.
    """
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, os.waitstatus_to_exitcode(status)) if pid else None
