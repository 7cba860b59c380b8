"""Gives a call over HTTP one deadline for all of it.

httpx limits how long each single read waits. A server that sends a byte now and then never exceeds
that, and would keep a thread for ever.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import httpcore
import httpx

_here = threading.local()


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Let reads and writes of this thread fail as timed out when `seconds` have passed."""
    former = getattr(_here, "ends_at", None)
    _here.ends_at = monotonic() + seconds
    try:
        yield
    finally:
        _here.ends_at = former


def transport() -> httpx.HTTPTransport:
    """Return a transport for `httpx.Client` whose connections keep deadlines."""
    made = httpx.HTTPTransport()
    # httpx offers no way to choose the backend, although its connection pool has one.
    made._pool._network_backend = _Backend()
    return made


def _left(timeout: float | None) -> float | None:
    """Return how long the next step may take; raise `ReadTimeout` if the time is over."""
    ends_at = getattr(_here, "ends_at", None)
    if ends_at is None:
        return timeout
    left = float(ends_at - monotonic())
    if left <= 0:
        raise httpcore.ReadTimeout("timed out")
    return left if timeout is None else min(left, timeout)


class _Backend(httpcore.SyncBackend):
    """Opens connections that keep deadlines."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        made = super().connect_tcp(host, port, _left(timeout), local_address, socket_options)
        return _Stream(made)


class _Stream(httpcore.NetworkStream):
    """A connection that keeps deadlines."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(self, *arguments: Any, **options: Any) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(*arguments, **options))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
