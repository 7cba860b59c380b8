"""A TCP proxy between Scry and a server it needs, which fails on command while it runs.

    with FaultProxy(("127.0.0.1", 6379)) as proxy:
        proxy.suffer(Hang())       # until it is told otherwise
        proxy.suffer(None)         # goes on, with what was held back meanwhile

It knows no protocol, apart from `Status`, which speaks HTTP.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

_PIECE = 1 << 16
_LENGTH = re.compile(rb"(?im)^content-length: *(\d+)")


@dataclass(frozen=True)
class Refuse:
    """Nobody listens: new connections are refused, and those that were open end."""


@dataclass(frozen=True)
class Hang:
    """Connections are accepted, and nothing gets through in either direction."""


@dataclass(frozen=True)
class Drip:
    """Answers come byte by byte, one every `seconds`."""

    seconds: float = 0.2


@dataclass(frozen=True)
class Delay:
    """Each piece of a request is passed on only after `seconds`."""

    seconds: float = 1.0


@dataclass(frozen=True)
class Reset:
    """The connection is reset in the middle of an answer, after `after` bytes of it."""

    after: int = 20


@dataclass(frozen=True)
class Status:
    """Each HTTP request is answered with this status, and does not reach the server."""

    status: int = 500
    retry_after: int | None = None


Fault = Refuse | Hang | Drip | Delay | Reset | Status


class FaultProxy:
    """A context manager that passes connections on to `target`, from a thread of its own.

    The port stays the same for its whole life. `connections` counts those that were accepted.
    """

    def __init__(self, target: tuple[str, int], port: int = 0) -> None:
        self.target = target
        self.connections = 0
        self._fault: Fault | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._changed: asyncio.Event
        self._server: asyncio.Server | None = None
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread | None = None
        with socket.create_server(("127.0.0.1", port)) as probe:
            self.port = int(probe.getsockname()[1])

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def suffer(self, fault: Fault | None) -> None:
        """Fail like this from now on; None heals. Returns when that is so."""
        self._do(self._become(fault))

    def cut(self) -> None:
        """End all open connections, and let new ones through as before."""
        self._do(self._end_connections())

    @property
    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._do(self._begin())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        if self._thread is not None:
            self._thread.join(5)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    # --- in the thread of the loop ----------------------------------------------------------

    async def _begin(self) -> None:
        self._changed = asyncio.Event()
        await self._listen()

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _become(self, fault: Fault | None) -> None:
        former, self._fault = self._fault, fault
        self._changed.set()
        self._changed = asyncio.Event()
        if isinstance(fault, Refuse):
            await self._close()
        else:
            await self._listen()
        # An answer that was made up must not be followed by one of the server.
        if any(isinstance(one, Refuse | Status) for one in (former, fault)):
            await self._end_connections()

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _end_connections(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _end(self) -> None:
        await self._close()
        await self._end_connections()
        self._changed.set()
        here = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not here]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        try:
            # At its end the proxy cancels this, which asyncio would log as an error.
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                if isinstance(self._fault, Status):
                    await _answer(reader, writer, self._fault)
                else:
                    await self._pass_on(reader, writer)
        finally:
            self._open.discard(writer)
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._while_hanging()
        there, onward = await asyncio.open_connection(*self.target)
        self._open.add(onward)
        try:
            ways = [self._ask(reader, onward), self._reply(there, writer)]
            pumps = [asyncio.ensure_future(way) for way in ways]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        finally:
            self._open.discard(onward)
            onward.close()

    async def _ask(self, reader: asyncio.StreamReader, onward: asyncio.StreamWriter) -> None:
        while piece := await reader.read(_PIECE):
            if isinstance(self._fault, Delay):
                await self._rest(self._fault.seconds)
            await self._while_hanging()
            onward.write(piece)
            await onward.drain()

    async def _reply(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await there.read(_PIECE):
            await self._while_hanging()
            match self._fault:
                case Reset(after):
                    writer.write(piece[:after])
                    await writer.drain()
                    return _reset(writer)
                case Drip():
                    await self._drip(piece, writer)
                case _:
                    writer.write(piece)
            await writer.drain()

    async def _drip(self, piece: bytes, writer: asyncio.StreamWriter) -> None:
        """Send bytes slowly for as long as the fault lasts, and the rest at once."""
        for at in range(len(piece)):
            if not isinstance(self._fault, Drip):
                writer.write(piece[at:])
                return
            writer.write(piece[at : at + 1])
            await writer.drain()
            await self._rest(self._fault.seconds)

    async def _while_hanging(self) -> None:
        while isinstance(self._fault, Hang):
            await self._changed.wait()

    async def _rest(self, seconds: float) -> None:
        """Wait, but no longer than the fault lasts."""
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)


def _reset(writer: asyncio.StreamWriter) -> None:
    # Lingering for no time makes the kernel send a reset in place of a proper end.
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Status
) -> None:
    """Read one HTTP request whole and answer it."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    await reader.readexactly(int(length[1]) if length else 0)
    body = json.dumps({"status": {"error": "A fault that was asked for"}}).encode()
    wait = f"Retry-After: {fault.retry_after}\r\n" if fault.retry_after is not None else ""
    writer.write(
        f"HTTP/1.1 {fault.status} Fault\r\nContent-Type: application/json\r\n{wait}"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
        + body
    )
    await writer.drain()
