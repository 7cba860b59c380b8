"""The pool of decoder children: what the rest of Scry asks about a picture's bytes."""

from __future__ import annotations

import errno
import os
import stat
import weakref
from collections.abc import Callable, Collection, Hashable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from gallery.decoding import faults as fault_marks, libraries
from gallery.decoding.answers import LAYERS, DecodeError, PoolBusy, PoolClosed
from gallery.decoding.children import Children
from gallery.decoding.frames import BadFrame, Header
from gallery.decoding.process import CannotStart
from gallery.decoding.reader import QUICK_JOBS, Reader
from gallery.turns import NoTurn, Turns

T = TypeVar("T")

_KEPT_MORE = 4
"""Idle children of other owners that a pool keeps beside those that can work at once, some 15 MB
each. With more people in turn, each picture waits for a new child: 0.1 s."""
_NEEDED_FOR_SNIFFING = 64
_PICTURE_JOBS = frozenset({"probe", "decode", "preview", "pixels", "part", "squares", "video"})


def in_order(size: int, waiting: int = 32, seconds: float = 30) -> Turns:
    """Return the turns of callers that are no people: each may have them all."""
    most = size + waiting
    return Turns(size, waiting, seconds, spare=0, at_once=most, quick_at_once=most)


class DecoderPool(Reader):
    """Reads pictures in child processes, started when first needed.

    A child opens nothing: it gets each file as an open descriptor. It serves one owner and nobody
    else, so that whatever a file does to it reaches no file of another person.

    Safe to use from many threads and from forks, which start children of their own. A child that
    dies or hangs costs only the picture that it worked on.
    """

    def __init__(
        self,
        size: int = 2,
        *,
        turns: Callable[[int], Turns] = in_order,
        max_pixels: int = 50_000_000,
        wall_seconds: float = 20,
        cpu_seconds: int = 15,
        large_wall_seconds: float = 60,
        large_cpu_seconds: int = 40,
        memory_bytes: int = 1536 << 20,
        nice: int = 0,
        recycle_after: int = 200,
        faults: bool = False,
        layers: Collection[str] = LAYERS,
    ) -> None:
        """Set the limits of each job.

        `size` callers have a child at a time, and `turns` makes the turns that they take. A picture
        of more than `max_pixels` is refused from its header. A child that takes longer than
        `wall_seconds` or `cpu_seconds` (`large_wall_seconds` and `large_cpu_seconds` for a picture
        of more than 50 megapixels) is killed; it gets no more than `memory_bytes` of address space,
        and is replaced after `recycle_after` pictures. `faults` lets test pictures crash children,
        and `layers` are those that tests leave standing.
        """
        self._config: dict[str, Any] = {
            "max_pixels": max_pixels,
            "cpu_seconds": cpu_seconds,
            "large_cpu_seconds": large_cpu_seconds,
            "memory_bytes": memory_bytes,
            "nice": nice,
            # More than all jobs of a child may take together, so that none meets this limit.
            "life_cpu_seconds": (recycle_after + 1) * (max(cpu_seconds, large_cpu_seconds) + 2),
            "layers": list(layers),
        }
        self._make_turns = partial(turns, size)
        self._wall_seconds, self._large_wall_seconds = wall_seconds, large_wall_seconds
        self._recycle_after = recycle_after
        self._extra_env = {fault_marks.ENABLED: "1"} if faults else {}
        self._begin()
        _pools.add(self)

    def layers(self) -> tuple[str, ...]:
        """Return those of `answers.LAYERS` that hold around the children of this machine."""
        return self._children.layers()

    def close(self) -> None:
        """Kill all children; callers at work or in the queue get PoolClosed. May be repeated."""
        self._turns.close()
        self._children.close()

    def children(self) -> list[int]:
        """Return the process ids of the children that live now."""
        return [child.pid for child in self._children.all()]

    def _begin(self) -> None:
        self._turns = self._make_turns()
        self._children = Children(self._turns.most + _KEPT_MORE, self._config, self._extra_env)

    def _begin_after_fork(self) -> None:
        self._children.abandon()
        closed = self._turns.is_closed
        self._begin()
        if closed:
            self.close()

    def read(
        self,
        kind: str,
        path: Path | str,
        owner: Hashable,
        convert: Callable[[Header, list[bytes]], T],
        *details: Any,
        asker: Hashable = None,
    ) -> T:
        """Have a child do a job when it is the turn of `asker`; see `Reader`."""
        job = {"kind": kind, "details": details}
        turn = self._turns.turn(asker, is_quick=kind in QUICK_JOBS)
        with _opened(path) as descriptor, self._explained(), turn:
            child = self._children.take(owner, _needed(kind, descriptor))
            try:
                limits = self._wall_seconds, self._large_wall_seconds
                return convert(*child.ask(job, descriptor, *limits))
            except BadFrame as error:
                child.kill()
                raise DecodeError("decoder_crashed", f"answered nonsense: {error}") from error
            finally:
                self._children.take_back(child, keep=child.jobs < self._recycle_after)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say PoolBusy where it is no fault of the picture, and PoolClosed where that is why."""
        try:
            yield
        except (NoTurn, CannotStart, DecodeError) as error:
            if self._turns.is_closed:
                raise PoolClosed from error
            if isinstance(error, DecodeError):
                raise
            raise PoolBusy(f"no decoder child reads the picture now: {error}") from error


def _needed(kind: str, descriptor: int) -> frozenset[str]:
    """Return the libraries that a job needs, none if the file cannot be read."""
    if kind not in _PICTURE_JOBS:
        return frozenset()
    with suppress(OSError):
        return libraries.needed_for(os.pread(descriptor, _NEEDED_FOR_SNIFFING, 0))
    return frozenset()


@contextmanager
def _opened(path: Path | str) -> Iterator[int]:
    """Open a file for a child, which gets nothing else of it: neither its name nor its folder.

    Raises DecodeError for what no child needs to see (a missing or an empty file, a folder, a
    pipe), and PoolBusy if this process has too many files open.
    """
    try:
        # Opening a pipe would wait for whoever writes into it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        if getattr(error, "errno", 0) in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
            raise PoolBusy(f"no file can be opened: {error}") from error
        raise DecodeError("missing_original", type(error).__name__) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise DecodeError("missing_original", "not a regular file")
        if status.st_size == 0:
            raise DecodeError("empty")
        yield descriptor
    finally:
        os.close(descriptor)


_pools: weakref.WeakSet[DecoderPool] = weakref.WeakSet()


def _forget_children() -> None:
    for pool in _pools:
        pool._begin_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_children)
