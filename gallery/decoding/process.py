"""One decoder child, seen from its parent: start it, ask it, kill it, and say how it died."""

from __future__ import annotations

import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from gallery.decoding.answers import DecodeError
from gallery.decoding.frames import BadFrame, Header, read_frame, write_frame

_ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 30.0
# libtiff prints thousands of lines about a bad file.
_MAX_STDERR = 64 * 1024
_NO_MEMORY = re.compile(rb"MemoryError|bad_alloc|[Cc]annot allocate|[Oo]ut of memory")


class CannotStart(Exception):
    """There is no child to ask. This is the machine's fault, never the picture's."""


class Child:
    """A clean process that reads pictures: no secrets in its environment, no shared memory.

    It is not thread-safe: the thread that took it from the pool uses it alone. Only `kill` may be
    called from any thread at any time.
    """

    def __init__(self, config: dict[str, Any], extra_env: dict[str, str]) -> None:
        """Start the process and wait until it is ready. Raises CannotStart."""
        self.jobs = 0
        self.usable = True
        self._stderr = bytearray()
        self._deadline = time.monotonic() + _START_SECONDS
        command = [sys.executable, "-P", "-s", "-m", "gallery.decoding.child"]
        try:
            self._process = subprocess.Popen(
                [*command, json.dumps({**config, "parent": os.getpid()})],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment() | extra_env,
                cwd=_ROOT.anchor,
                start_new_session=True,
            )
        except OSError as error:
            raise CannotStart(str(error)) from error
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
        return self._process.poll() is None

    def ask(self, job: Header, seconds: float, large: float) -> tuple[Header, list[bytes]]:
        """Return the answer to a job; wait at most `seconds`, or `large` for a large picture.

        Raises DecodeError with the child's own reason, or with decode_timeout, decode_oom or
        decoder_crashed if the child did not answer and is now dead. Raises BadFrame for garbage,
        and CannotStart if it was dead before.
        """
        self.jobs += 1
        self._stderr.clear()
        self._deadline = time.monotonic() + seconds
        header, parts = self._exchange(job, time.monotonic() + large)
        if "reason" in header:
            # What a MemoryError leaves behind in a process is anyone's guess.
            self.usable = header["reason"] != "decode_oom"
            raise DecodeError(str(header["reason"]), str(header.get("detail", "")))
        return header, parts

    def kill(self) -> None:
        """End the process at once; a thread that waits for its answer sees the pipe close."""
        self.usable = False
        self._process.kill()

    def close(self) -> None:
        """End the process, reap it and close its pipes."""
        self.kill()
        self._process.wait()
        self._close_pipes()

    def abandon(self) -> None:
        """Close this fork's copy of the pipes; the process belongs to the parent of the fork."""
        self.usable = False
        self._process.returncode = 0
        self._close_pipes()

    def _close_pipes(self) -> None:
        self._selector.close()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                # Closing flushes a job that the dead child never read.
                with suppress(BrokenPipeError):
                    pipe.close()

    def _await_ready(self) -> None:
        try:
            header, _ = read_frame(self._read)
            if header.get("ready") is not True:
                raise BadFrame("no greeting")
        except (EOFError, BadFrame, TimeoutError) as error:
            self._drain()
            self.close()
            output = self._stderr.decode("utf-8", "replace").strip()[-500:]
            raise CannotStart(output or type(error).__name__) from error

    def _exchange(self, job: Header, large_deadline: float) -> tuple[Header, list[bytes]]:
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101 - opened in __init__; for the type checker
        try:
            write_frame(stdin, job)  # type: ignore[arg-type]
        except BrokenPipeError:
            self.usable = False
            raise CannotStart("it ended before it was asked") from None
        try:
            header, parts = read_frame(self._read)
            # The child has read the header of a large picture, and the answer is yet to come.
            if header.get("large") is True:
                self._deadline = large_deadline
                header, parts = read_frame(self._read)
            return header, parts
        except TimeoutError:
            self.kill()
            raise DecodeError("decode_timeout", "the wall clock ran out") from None
        except (EOFError, BadFrame, OSError) as error:
            raise self._cause_of_death(error) from None

    def _cause_of_death(self, error: Exception) -> DecodeError:
        """Return why the child gave no valid answer, judging by how its process ended."""
        self.usable = False
        try:
            code = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self.kill()
            return DecodeError("decoder_crashed", f"answered nonsense: {error}")
        self._drain()
        if code == -signal.SIGXCPU:
            return DecodeError("decode_timeout", "the limit on CPU time was reached")
        # Scry sends no SIGKILL while a job runs, so the kernel did: it was out of memory.
        if code == -signal.SIGKILL or _NO_MEMORY.search(self._stderr):
            return DecodeError("decode_oom", "the process was killed or found no memory")
        return DecodeError("decoder_crashed", _how_it_ended(code))

    def _read(self, length: int) -> bytes:
        """Return `length` bytes of the answer, or fewer if the pipe ends; raise TimeoutError."""
        data = bytearray()
        while len(data) < length:
            remaining = self._deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError
            for key, _ in self._selector.select(remaining):
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
    return environment | {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"exited with {code} without an answer"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
