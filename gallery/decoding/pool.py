"""The pool of decoder children: what the rest of Scry asks about a picture's bytes."""

from __future__ import annotations

import logging
import os
import stat
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gallery.decoding import faults as fault_marks
from gallery.decoding.answers import (
    PART_SIDE,
    Decoded,
    DecodeError,
    Film,
    PoolBusy,
    PoolClosed,
    Probe,
    to_decoded,
    to_film,
    to_pixels,
    to_probe,
    to_range,
    to_sidecar,
)
from gallery.decoding.frames import BadFrame, Header
from gallery.decoding.process import CannotStart, Child
from gallery.sidecars import Sidecar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

T = TypeVar("T")


class DecoderPool:
    """Reads pictures in `size` child processes, started when first needed.

    Safe to use from many threads and from forks, which start children of their own. Every method
    may raise `DecodeError` (the picture's fault, with a reason), `PoolBusy` (try again later) and
    `PoolClosed`. A child that dies or hangs costs only the picture that it worked on.
    """

    def __init__(
        self,
        size: int = 2,
        *,
        max_pixels: int = 50_000_000,
        wall_seconds: float = 20,
        cpu_seconds: int = 15,
        large_wall_seconds: float = 60,
        large_cpu_seconds: int = 40,
        memory_bytes: int = 1536 << 20,
        nice: int = 0,
        recycle_after: int = 200,
        queue_limit: int = 32,
        queue_seconds: float = 30,
        faults: bool = False,
    ) -> None:
        """Set the limits of each job.

        A picture of more than `max_pixels` is refused from its header. A child that takes longer
        than `wall_seconds` or `cpu_seconds` (`large_wall_seconds` and `large_cpu_seconds` for a
        picture of more than 50 megapixels) is killed; it gets no more than `memory_bytes` of
        address space, and is replaced after `recycle_after` pictures. `queue_limit` callers may
        wait, each for `queue_seconds`. `faults` lets test pictures crash children.
        """
        self._config = {
            "max_pixels": max_pixels,
            "cpu_seconds": cpu_seconds,
            "large_cpu_seconds": large_cpu_seconds,
            "memory_bytes": memory_bytes,
            "nice": nice,
        }
        self._size, self._queue_limit, self._queue_seconds = size, queue_limit, queue_seconds
        self._wall_seconds, self._large_wall_seconds = wall_seconds, large_wall_seconds
        self._recycle_after = recycle_after
        self._extra_env = {fault_marks.ENABLED: "1"} if faults else {}
        self._begin()
        _pools.add(self)

    def probe(self, path: Path | str) -> Probe:
        """Return what the header says without reading the pixels; takes milliseconds."""
        return self._run("probe", path, lambda header, _: to_probe(header))

    def decode(self, path: Path | str) -> Decoded:
        """Return the header and everything that comes from the pixels, in one decode."""
        return self._run("decode", path, to_decoded)

    def preview(self, path: Path | str) -> bytes:
        """Return a JPEG of at most 1440 px, upright, sRGB, without metadata."""
        return self._run("preview", path, lambda _, parts: _only_part(parts))

    def pixels(self, path: Path | str) -> NDArray[np.uint8]:
        """Return only the pixels at 512 px or less (uint8, height x width x 3, RGB).

        For stored thumbnails, from which another model can embed without the original.
        """
        return self._run("pixels", path, lambda header, parts: to_pixels(header, _only_part(parts)))

    def part(
        self, path: Path | str, box: tuple[float, float, float, float], side: int
    ) -> NDArray[np.uint8]:
        """Return the pixels inside a box at `side` px or less (uint8, height x width x 3, RGB).

        `box` is left, top, width and height as fractions of the upright picture; `side` is at
        most `PART_SIDE`.
        """
        side = min(side, PART_SIDE)
        return self._run(
            "part",
            path,
            lambda header, parts: to_pixels(header, _only_part(parts), side),
            side,
            box,
        )

    def video(self, path: Path | str) -> tuple[int, int] | None:
        """Return where in the file of a motion photo its video begins and ends; None without."""
        return self._run("video", path, lambda header, _: to_range(header))

    def film(self, path: Path | str) -> Film:
        """Return what a video says of itself; DecodeError(unsupported_type) if it is none."""
        return self._run("film", path, lambda header, _: to_film(header))

    def sidecar(self, path: Path | str, kind: str) -> Sidecar:
        """Return what a sidecar of a kind ("xmp", "json" or "aae") says of its photo."""
        return self._run(kind, path, lambda _, parts: to_sidecar(parts))

    def close(self) -> None:
        """Kill all children; callers at work or in the queue get PoolClosed. May be repeated."""
        self._queue.close()
        for child in list(self._busy):
            child.kill()
        self._close_idle()
        self._spawner.shutdown(wait=False)

    def children(self) -> list[int]:
        """Return the process ids of the children that live now."""
        return [child.pid for child in [*self._idle, *self._busy]]

    def _begin(self) -> None:
        self._queue = _Queue(self._size, self._queue_limit, self._queue_seconds)
        self._idle: deque[Child] = deque()
        self._busy: set[Child] = set()
        # One thread starts all children and outlives every caller: the kernel kills a child
        # when the *thread* that started it ends (prctl(2), PR_SET_PDEATHSIG).
        self._spawner = ThreadPoolExecutor(1, thread_name_prefix="decoder-spawner")

    def _begin_after_fork(self) -> None:
        for child in [*self._idle, *self._busy]:
            child.abandon()
        closed = self._queue.closed
        self._begin()
        if closed:
            self.close()

    def _run(
        self,
        kind: str,
        path: Path | str,
        convert: Callable[[Header, list[bytes]], T],
        *details: Any,
    ) -> T:
        """Have a child do a job, whose further arguments are `details`, and convert its answer."""
        file = Path(path).absolute()
        _check_file(file)
        with self._queue.turn():
            child = self._take()
            try:
                job = {"kind": kind, "path": str(file), "details": details}
                return convert(*child.ask(job, self._wall_seconds, self._large_wall_seconds))
            except CannotStart as error:
                if self._queue.closed:
                    raise PoolClosed from error
                raise PoolBusy(f"a decoder child was gone: {error}") from error
            except BadFrame as error:
                child.kill()
                raise DecodeError("decoder_crashed", f"answered nonsense: {error}") from error
            except DecodeError as error:
                if self._queue.closed:
                    raise PoolClosed from error
                raise
            finally:
                self._return(child)

    def _take(self) -> Child:
        child = self._idle_child() or self._start()
        self._busy.add(child)
        if self._queue.closed:
            self._return(child)
            raise PoolClosed
        return child

    def _idle_child(self) -> Child | None:
        while (child := self._pop_idle()) is not None:
            if child.is_alive():
                return child
            child.close()
        return None

    def _pop_idle(self) -> Child | None:
        with suppress(IndexError):
            return self._idle.pop()
        return None

    def _close_idle(self) -> None:
        while (child := self._pop_idle()) is not None:
            child.close()

    def _start(self) -> Child:
        try:
            return self._spawner.submit(Child, self._config, self._extra_env).result()
        except CannotStart as error:
            logger.error("no decoder child could be started: %s", error)
            raise PoolBusy(f"no decoder child could be started: {error}") from error
        except RuntimeError as error:  # The executor was shut down in between.
            raise PoolClosed from error

    def _return(self, child: Child) -> None:
        self._busy.discard(child)
        if child.usable and child.jobs < self._recycle_after:
            self._idle.append(child)
        else:
            child.close()
        if self._queue.closed:
            self._close_idle()


class _Queue:
    """The queue for the children: `size` callers have a turn at a time, `limit` more may wait.

    First come, first served.
    """

    def __init__(self, size: int, limit: int, seconds: float) -> None:
        self._free = size
        self._limit = limit
        self._seconds = seconds
        self.closed = False
        self._changed = threading.Condition()
        self._tickets: deque[object] = deque()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn and hold it. Raises PoolBusy (queue full or slow) and PoolClosed."""
        self._enter()
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()

    def close(self) -> None:
        """Turn away every caller that waits or comes later."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def _enter(self) -> None:
        ticket = object()
        with self._changed:
            if self.closed:
                raise PoolClosed
            if len(self._tickets) >= self._limit + self._free:
                raise PoolBusy(f"{len(self._tickets)} pictures wait already")
            self._tickets.append(ticket)
            try:
                self._wait(ticket)
                self._free -= 1
            finally:
                self._tickets.remove(ticket)
                self._changed.notify_all()

    def _wait(self, ticket: object) -> None:
        def my_turn() -> bool:
            return self.closed or (self._free > 0 and self._tickets[0] is ticket)

        if not self._changed.wait_for(my_turn, self._seconds):
            raise PoolBusy(f"no child was free for {self._seconds:.0f} s")
        if self.closed:
            raise PoolClosed


def _only_part(parts: list[bytes]) -> bytes:
    if len(parts) != 1:
        raise BadFrame(f"{len(parts)} parts instead of one")
    return parts[0]


def _check_file(path: Path) -> None:
    """Refuse what no child needs to see: a missing file, a pipe (it would hang), an empty file."""
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise DecodeError("missing_original", type(error).__name__) from error
    if not stat.S_ISREG(status.st_mode):
        raise DecodeError("missing_original", "not a regular file")
    if status.st_size == 0:
        raise DecodeError("empty")


_pools: weakref.WeakSet[DecoderPool] = weakref.WeakSet()


def _forget_children() -> None:
    for pool in _pools:
        pool._begin_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_children)
