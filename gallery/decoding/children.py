"""The decoder children of a pool: which of them may serve whom, and when one starts or ends."""

from __future__ import annotations

import logging
import threading
from collections.abc import Hashable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from gallery.decoding.answers import LAYERS, PoolBusy, PoolClosed
from gallery.decoding.process import CannotStart, Child

logger = logging.getLogger(__name__)

_known_layers: tuple[str, ...] | None = None


def known_layers() -> tuple[str, ...] | None:
    """Return the layers around the children that this process started, None before the first."""
    return _known_layers


class Children:
    """Children at work and idle ones, `most` of them, and at times a spare one.

    A child serves the owner of its first job until it ends, and nobody else. Safe to use from many
    threads.
    """

    def __init__(self, most: int, config: dict[str, Any], extra_env: dict[str, str]) -> None:
        self._most, self._config, self._extra_env = most, config, extra_env
        self._libraries: frozenset[str] = frozenset()
        self._layers: tuple[str, ...] | None = None
        self._closed = False
        self._lock = threading.Lock()
        # Used last, at the end.
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        self._spare: Future[Child] | None = None
        # One thread starts all children and outlives every caller: the kernel kills a child
        # when the *thread* that started it ends (prctl(2), PR_SET_PDEATHSIG).
        self._spawner = ThreadPoolExecutor(1, thread_name_prefix="decoder-spawner")

    def take(self, owner: Hashable, needed: frozenset[str]) -> Child:
        """Return a child that has served this owner only, or nobody yet.

        `needed` are the libraries that it must have loaded. Raises PoolBusy and PoolClosed.
        """
        child = self._idle_child(owner, needed)
        if child is None:
            self._libraries |= needed
            self._make_room(1)
            child = self._spare_child(needed) or self._start()
            child.owner = owner
        with self._lock:
            self._busy.add(child)
        self._keep_spare(owner)
        if self._closed:
            self.take_back(child, keep=False)
            raise PoolClosed
        return child

    def take_back(self, child: Child, *, keep: bool) -> None:
        """Keep a child for its owner, or end it."""
        keep = keep and child.usable
        with self._lock:
            self._busy.discard(child)
            if keep:
                self._idle.append(child)
        if not keep:
            child.close()
        self._close_restless()
        self._make_room(0)
        if self._closed:
            self._close_idle()

    def layers(self) -> tuple[str, ...]:
        """Return the layers that hold, as a child says. Raises PoolBusy if none can be started."""
        if self._layers is None:
            try:
                self._warm().result()
            except (CannotStart, CancelledError) as error:
                raise PoolBusy(f"no decoder child could be started: {error}") from error
        return self._layers or ()

    def all(self) -> list[Child]:
        """Return the children that live now."""
        spare = self._spare
        spares = [spare.result()] if spare and spare.done() and not spare.exception() else []
        with self._lock:
            return [*self._idle, *self._busy, *spares]

    def close(self) -> None:
        """Kill all children; none is started any more."""
        self._closed = True
        with self._lock:
            busy = list(self._busy)
        for child in busy:
            child.kill()
        self._close_idle()
        self._spawner.shutdown(wait=False)

    def abandon(self) -> None:
        """Let go of all children in a fork, whose parent they belong to."""
        # Another thread of the parent may have held the lock.
        self._lock = threading.Lock()
        for child in self.all():
            child.abandon()

    # --- idle children ----------------------------------------------------------------------------

    def _idle_child(self, owner: Hashable, needed: frozenset[str]) -> Child | None:
        while (child := self._pop_idle(owner, needed)) is not None:
            if child.is_alive():
                return child
            child.close()
        return None

    def _pop_idle(self, owner: Hashable, needed: frozenset[str]) -> Child | None:
        """Take out the child that served this owner last."""
        with self._lock:
            for place in reversed(range(len(self._idle))):
                child = self._idle[place]
                if child.owner == owner and needed <= child.libraries:
                    return self._idle.pop(place)
        return None

    def _make_room(self, coming: int) -> None:
        """Close the children that were idle for longest if there are too many."""
        while True:
            with self._lock:
                live = len(self._idle) + len(self._busy) + coming
                if not self._idle or live <= self._most:
                    return
                child = self._idle.pop(0)
            child.close()

    def _close_restless(self) -> None:
        """Close idle children that use CPU time: an honest one waits."""
        with self._lock:
            restless = [child for child in self._idle if not child.rests()]
            self._idle = [child for child in self._idle if child not in restless]
        for child in restless:
            child.close()

    def _close_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
            spare, self._spare = self._spare, None
        for child in idle:
            child.close()
        if spare is not None and not spare.cancel():
            # It is about to start, which takes a moment, or it has.
            with suppress(CannotStart):
                spare.result().close()

    # --- new children -----------------------------------------------------------------------------

    def _start(self) -> Child:
        try:
            return self._spawner.submit(self._start_child).result()
        except CannotStart as error:
            logger.error("no decoder child could be started: %s", error)
            raise PoolBusy(f"no decoder child could be started: {error}") from error
        except RuntimeError as error:  # The executor was shut down in between.
            raise PoolClosed from error

    def _start_child(self) -> Child:
        child = Child({**self._config, "libraries": sorted(self._libraries)}, self._extra_env)
        if self._layers is None and set(self._config["layers"]) == set(LAYERS):
            _note(child.layers)
        self._layers = child.layers
        return child

    def _keep_spare(self, owner: Hashable) -> None:
        """Start the next child ahead if people take turns, since starting one takes a while."""
        with self._lock:
            others = any(child.owner != owner for child in [*self._idle, *self._busy])
        if others and self._spare is None:
            with suppress(PoolClosed):
                self._warm()

    def _warm(self) -> Future[Child]:
        """Have a child started that serves whoever comes next."""
        with self._lock:
            if self._spare is None:
                try:
                    self._spare = self._spawner.submit(self._start_child)
                except RuntimeError as error:  # The executor was shut down.
                    raise PoolClosed from error
            return self._spare

    def _spare_child(self, needed: frozenset[str]) -> Child | None:
        with self._lock:
            spare, self._spare = self._spare, None
        if spare is None:
            return None
        try:
            child = spare.result()
        except (CannotStart, CancelledError):
            return None
        if child.is_alive() and needed <= child.libraries:
            return child
        child.close()
        return None


def _note(layers: tuple[str, ...]) -> None:
    """Remember the layers, and say once in the log which ones are missing."""
    global _known_layers
    missing = [name for name in LAYERS if name not in layers]
    if missing and _known_layers is None:
        logger.warning("decoder children run without %s", ", ".join(missing))
    _known_layers = layers
