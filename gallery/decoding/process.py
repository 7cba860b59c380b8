"""One decoder child, seen from its parent: start it, ask it, kill it, and say how it died."""

from __future__ import annotations

import json
import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Hashable
from contextlib import suppress
from pathlib import Path
from typing import Any

from gallery.decoding.answers import LAYERS, DecodeError
from gallery.decoding.frames import BadFrame, Header, read_frame, send_job

try:
    import resource
except ImportError:  # pragma: no cover - a platform without limits
    resource = None  # type: ignore[assignment]

_ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 30.0
# libtiff prints thousands of lines about a bad file.
_MAX_STDERR = 64 * 1024
# How often the parent looks at the CPU time of a child that works.
_LOOK_SECONDS = 0.5
# After its answer a child only frees what it held.
_REST_SECONDS = 0.5
_NO_MEMORY = re.compile(rb"MemoryError|bad_alloc|[Cc]annot allocate|[Oo]ut of memory")


_CPU_SPENT = "the limit on CPU time was reached"


class _CpuSpent(Exception):
    """The child used more CPU time than it may."""


class CannotStart(Exception):
    """There is no child to ask. This is the machine's fault, never the picture's."""


class Child:
    """A clean process that reads pictures: no secrets in its environment, no shared memory.

    It is not thread-safe: the thread that took it from the pool uses it alone. Only `kill` may be
    called from any thread at any time. `owner` is set with the first job, and all files that the
    child ever sees are of that owner. `layers` are those of `answers.LAYERS` that hold.
    """

    def __init__(self, config: dict[str, Any], extra_env: dict[str, str]) -> None:
        """Start the process and wait until it is ready. Raises CannotStart."""
        self.jobs = 0
        self.usable = True
        self.owner: Hashable = None
        self.libraries = frozenset(config["libraries"])
        self.layers: tuple[str, ...] = ()
        self._config = config
        self._ending = threading.Lock()
        self._cpu_limit, self._next_look = float("inf"), float("inf")
        self._cpu_at_answer = float("inf")
        self._stderr = bytearray()
        self._deadline = time.monotonic() + _START_SECONDS
        self._jobs, theirs = socket.socketpair()
        command = [sys.executable, "-P", "-s", "-m", "gallery.decoding.child"]
        try:
            self._process = subprocess.Popen(
                [*command, json.dumps({**config, "parent": os.getpid()})],
                stdin=theirs.fileno(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment() | extra_env,
                cwd=_ROOT.anchor,
                start_new_session=True,
            )
        except OSError as error:
            self._jobs.close()
            raise CannotStart(str(error)) from error
        finally:
            theirs.close()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._out, selectors.EVENT_READ)
        self._selector.register(self._err, selectors.EVENT_READ)
        self._await_ready()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return not self._has_ended()

    def rests(self) -> bool:
        """Whether it used next to no CPU time since its last answer."""
        used = self._cpu_used()
        return used is None or used - self._cpu_at_answer < _REST_SECONDS

    def ask(
        self, job: Header, descriptor: int, seconds: float, large: float
    ) -> tuple[Header, list[bytes]]:
        """Return the answer to a job on an open file.

        It takes at most `seconds`, or `large` for a large picture.

        Raises DecodeError with the child's own reason, or with decode_timeout, decode_oom or
        decoder_crashed if the child did not answer and is now dead. Raises BadFrame for garbage,
        and CannotStart if it was dead before.
        """
        self.jobs += 1
        self._stderr.clear()
        self._deadline = time.monotonic() + seconds
        self._allow_cpu(self._config["cpu_seconds"])
        header, parts = self._exchange(job, descriptor, time.monotonic() + large)
        self._cpu_at_answer = self._cpu_used() or 0.0
        if "reason" in header:
            # What a MemoryError leaves behind in a process is anyone's guess.
            self.usable = header["reason"] != "decode_oom"
            raise DecodeError(str(header["reason"]), str(header.get("detail", "")))
        return header, parts

    def kill(self) -> None:
        """End the process at once, and any that it started.

        A thread that waits for its answer sees the pipe close.
        """
        self.usable = False
        with self._ending:
            # Once the process was waited for, its number may belong to another one.
            if self._process.returncode is None:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End the process, reap it and close its pipes."""
        self.kill()
        self._wait()
        self._close_pipes()

    def abandon(self) -> None:
        """Close this fork's copy of the pipes; the process belongs to the parent of the fork."""
        self.usable = False
        self._process.returncode = 0
        self._close_pipes()

    def _close_pipes(self) -> None:
        self._selector.close()
        self._jobs.close()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _await_ready(self) -> None:
        try:
            header, _ = read_frame(self._read)
            if header.get("ready") is not True:
                raise BadFrame("no greeting")
            self.layers = tuple(layer for layer in LAYERS if layer in header["layers"])
        except (EOFError, BadFrame, TimeoutError) as error:
            self._drain()
            self.close()
            output = self._stderr.decode("utf-8", "replace").strip()[-500:]
            raise CannotStart(output or type(error).__name__) from error

    def _exchange(
        self, job: Header, descriptor: int, large_deadline: float
    ) -> tuple[Header, list[bytes]]:
        try:
            send_job(self._jobs, job, descriptor)
        except (BrokenPipeError, ConnectionResetError):
            self.usable = False
            self.close()
            how = _how_it_ended(self._process.returncode)
            raise CannotStart(f"it ended before it was asked: {how}") from None
        try:
            header, parts = read_frame(self._read)
            # The child has read the header of a large picture, and the answer is yet to come.
            if header.get("large") is True:
                self._deadline = large_deadline
                self._allow_cpu(self._config["large_cpu_seconds"])
                header, parts = read_frame(self._read)
            return header, parts
        except _CpuSpent:
            self.kill()
            raise DecodeError("decode_timeout", _CPU_SPENT) from None
        except TimeoutError:
            self.kill()
            raise DecodeError("decode_timeout", "the wall clock ran out") from None
        except (EOFError, BadFrame, OSError) as error:
            raise self._cause_of_death(error) from None

    def _cause_of_death(self, error: Exception) -> DecodeError:
        """Return why the child gave no valid answer, judging by how its process ended."""
        self.usable = False
        end = time.monotonic() + 1
        while not self._has_ended():
            if time.monotonic() > end:
                self.kill()
                return DecodeError("decoder_crashed", f"answered nonsense: {error}")
            time.sleep(0.005)
        self.kill()  # What it started, if anything, ends with it.
        code = self._wait()
        self._drain()
        if code == -signal.SIGXCPU:
            return DecodeError("decode_timeout", _CPU_SPENT)
        # Scry sends no SIGKILL while a job runs, so the kernel did: it was out of memory.
        if code == -signal.SIGKILL or _NO_MEMORY.search(self._stderr):
            return DecodeError("decode_oom", "the process was killed or found no memory")
        return DecodeError("decoder_crashed", _how_it_ended(code))

    def _has_ended(self) -> bool:
        """Tell whether the process has ended, and leave it to be waited for."""
        if not hasattr(os, "waitid"):  # macOS before Python 3.13
            return self._process.poll() is not None
        with self._ending, suppress(ChildProcessError):
            how = os.WEXITED | os.WNOHANG | os.WNOWAIT
            return os.waitid(os.P_PID, self._process.pid, how) is not None
        return True

    def _wait(self) -> int:
        """Wait for a process that was killed or has ended; return how it ended."""
        with self._ending:
            return self._process.wait()

    def _allow_cpu(self, seconds: int) -> None:
        """Let the child use that many more seconds of CPU.

        The kernel ends it with SIGXCPU after them. A child that ignores it, or was able to lift
        the limit, is killed when the parent next looks.
        """
        used = self._cpu_used()
        if used is None or resource is None:
            return
        self._cpu_limit, self._next_look = used + 1 + seconds, time.monotonic() + _LOOK_SECONDS
        limits = (int(used) + 1 + seconds, self._config["life_cpu_seconds"])
        with suppress(OSError, ValueError):
            resource.prlimit(self._process.pid, resource.RLIMIT_CPU, limits)

    def _look_at_cpu(self) -> None:
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + _LOOK_SECONDS
        used = self._cpu_used()
        if used is not None and used > self._cpu_limit + _LOOK_SECONDS:
            raise _CpuSpent

    def _cpu_used(self) -> float | None:
        """Return the seconds of CPU that the process has used, None where nobody can tell."""
        if sys.platform != "linux":
            return None
        with suppress(OSError):
            # The clock of a process, as clock_getcpuclockid(3) numbers it.
            return time.clock_gettime((~self._process.pid << 3) | 2)
        return None

    def _read(self, length: int) -> bytes:
        """Return `length` bytes of the answer, or fewer if the pipe ends.

        Raises TimeoutError and _CpuSpent.
        """
        data = bytearray()
        while len(data) < length:
            remaining = self._deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError
            self._look_at_cpu()
            for key, _ in self._selector.select(min(remaining, _LOOK_SECONDS)):
                if key.fd == self._err:
                    self._collect(os.read(self._err, _MAX_STDERR))
                elif chunk := os.read(self._out, length - len(data)):
                    data += chunk
                else:
                    return bytes(data)
        return bytes(data)

    def _collect(self, chunk: bytes) -> None:
        if not chunk:
            self._selector.unregister(self._err)
        self._stderr += chunk[: _MAX_STDERR - len(self._stderr)]

    def _drain(self) -> None:
        """Read what a dead child left in its standard error."""
        os.set_blocking(self._err, False)
        with suppress(BlockingIOError):
            while len(self._stderr) < _MAX_STDERR and (chunk := os.read(self._err, _MAX_STDERR)):
                self._stderr += chunk

    @property
    def _out(self) -> int:
        return self._process.stdout.fileno()  # type: ignore[union-attr]

    @property
    def _err(self) -> int:
        return self._process.stderr.fileno()  # type: ignore[union-attr]


def _environment() -> dict[str, str]:
    """Return the whole environment of a child: this package's place, one thread per library."""
    environment = {key: value for key, value in os.environ.items() if key == "LD_LIBRARY_PATH"}
    environment |= {"PYTHONPATH": str(_ROOT), "LC_ALL": "C.UTF-8"}
    return environment | {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"exited with {code} without an answer"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
