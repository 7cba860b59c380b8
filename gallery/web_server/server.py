"""The server: one thread for all connections, and threads that answer.

Bodies are received, and files sent, by the one thread that never waits, so a slow client costs a
connection and no thread. What monitors ask has threads of its own, and so have refusals.
"""

from __future__ import annotations

import errno
import resource
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from threading import RLock
from typing import Any

from django.conf import settings
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from gallery.web_server.addresses import neighbourhood
from gallery.web_server.admission import CredentialCheck, Spool
from gallery.web_server.connections import Connection, without_bodies_for_head
from gallery.web_server.fair_threads import FairThreads, asker_of
from gallery.web_server.parsing import Parser
from gallery.web_server.refusals import body_limit, turn_away

STOP_SECONDS = 30.0
"""How long a stopping server lets requests finish."""
CONNECTIONS = 1000
CONNECTIONS_OF_ONE = 100
"""The most connections of one address, in each process. A browser opens 6; a household or office
behind one address has room for 16 of them. Behind a proxy, all share the bound of all."""
_HEADER_BYTES = 65_536
_PIECE = 65_536
_LOOK_SECONDS = 1.0
_LAST_TURNS = 32
_KEPT_FILES = 200
"""File descriptors that databases, models and answers need beside connections."""


class Threads:
    """The threads that answer, apart by what may keep them."""

    def __init__(self, threads: int) -> None:
        self._gallery = FairThreads()
        self._readiness, self._prompt, self._doormen = (ThreadedTaskDispatcher() for _ in range(3))
        self._gallery.set_thread_count(threads)
        self._readiness.set_thread_count(2)  # Each check of it may take half a second.
        self._prompt.set_thread_count(2)
        self._doormen.set_thread_count(2)

    def add_task(self, connection: Connection) -> None:
        """Have the first request of a connection answered."""
        request = connection.requests[0]
        if request.error or request.path == "/healthz":
            self._prompt.add_task(connection)
        elif request.path == "/readyz":
            self._readiness.add_task(connection)
        else:
            asker = asker_of(connection.neighbourhood, request.headers)
            self._gallery.add(connection, asker)

    def check(self, check: CredentialCheck) -> None:
        """Have a credential looked for."""
        self._doormen.add_task(check)

    def shutdown(self) -> None:
        """End the threads that do nothing; the others do not keep the process from ending."""
        for dispatcher in (self._gallery, self._readiness, self._prompt, self._doormen):
            dispatcher.set_thread_count(0)


class Listener(TcpWSGIServer):  # type: ignore[misc]  # waitress has no types
    """Accepts the connections of one address of the server."""

    channel_class = Connection
    is_stopping = False
    is_closed = False
    waking = RLock()  # A signal may come while the thread that it interrupts has it.

    def add_task(self, task: Connection) -> None:
        """Have the first request of a connection answered."""
        self.task_dispatcher.add_task(task)

    def check(self, check: CredentialCheck) -> None:
        """Have a credential looked for, while the connection waits."""
        self.task_dispatcher.check(check)

    def pull_trigger(self) -> None:
        """Wake the thread that serves, unless the server was closed.

        Threads may be at work for longer than it. The number of its pipe is then that of the next
        file that is opened, and a byte written into it could damage the database.
        """
        with self.waking:
            if not self.is_closed:
                super().pull_trigger()

    def readable(self) -> bool:
        """Tell whether there is room for a connection, or whether another one can give way."""
        return bool(self.accepting and (not self._is_full() or self._who_gives_way()))

    def _is_full(self) -> bool:
        return bool(len(self._map) >= self.adj.connection_limit)

    def _who_gives_way(self) -> Connection | None:
        """Return the connection without a whole request that has been silent for longest."""
        idle = (other for other in self._connections() if other.is_idle())
        return min(idle, key=lambda other: other.active_at, default=None)

    def _connections(self) -> list[Connection]:
        return [other for other in self._map.values() if isinstance(other, Connection)]

    def handle_accept(self) -> None:
        """Accept a connection, or turn it away if its address has too many."""
        try:
            accepted = self.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                time.sleep(0.01)  # It is reported again at once.
            return
        if accepted is None:
            return
        client, address = accepted
        if self._has_too_many(address[0]):
            with suppress(OSError):
                client.settimeout(0)
                client.send(turn_away())
            client.close()
            return
        if self._is_full() and (giving_way := self._who_gives_way()):
            giving_way.handle_close()
        with suppress(OSError):
            self.set_socket_options(client)
        self.channel_class(self, client, address, self.adj, map=self._map)

    def _has_too_many(self, address: str) -> bool:
        if settings.PROXY_COUNT:
            return False
        asking = neighbourhood(address)
        same = sum(other.neighbourhood == asking for other in self._connections())
        return same >= CONNECTIONS_OF_ONE

    def maintenance(self, now: float) -> None:
        """Do nothing: `Server` looks after connections, more often and by other rules."""


class Server:
    """Serves a WSGI application on sockets that listen already.

    `beat` is called every second or so, as long as the server lives.
    """

    def __init__(
        self,
        application: Any,
        listening: list[socket.socket],
        threads: int,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._beat = beat
        self._waiting: dict[int, Any] = {}
        self.is_stopping = False
        self.stops_at = 0.0
        self._looked_at = 0.0
        self._threads = Threads(threads)
        adjustments = Adjustments(
            ident=None,
            max_request_body_size=body_limit(),
            max_request_header_size=_HEADER_BYTES,
            recv_bytes=_PIECE,
            connection_limit=_most_connections(),
            # Headers of proxies count only if PROXY_COUNT says that there are proxies. Then
            # gallery.views.accounts reads the right one.
            clear_untrusted_proxy_headers=not settings.PROXY_COUNT,
        )
        adjustments.spool = Spool(self._bodies)
        self._listeners = [
            Listener(
                without_bodies_for_head(application),
                self._waiting,
                _sock=listener,
                dispatcher=self._threads,
                adj=adjustments,
                sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
                bind_socket=False,
            )
            for listener in listening
        ]

    @property
    def port(self) -> int:
        """The port of the first socket."""
        return int(self._listeners[0].effective_port)

    def connections(self) -> list[Connection]:
        """Return the open connections."""
        return [other for other in self._waiting.values() if isinstance(other, Connection)]

    def _bodies(self) -> list[Parser]:
        return [body for one in self.connections() for body in one.bodies()]

    def run(self) -> None:
        """Serve until `stop` is called, then let requests finish for `STOP_SECONDS`."""
        while not self.is_stopping:
            self._turn(_LOOK_SECONDS)
        self._stop_listening()
        self.stops_at = time.monotonic() + STOP_SECONDS
        while self._is_busy() and time.monotonic() < self.stops_at:
            self._turn(0.1)
        self._threads.shutdown()

    def stop(self) -> None:
        """Ask the server to stop; a signal handler may do so."""
        self.is_stopping = True
        for listener in self._listeners:
            listener.is_stopping = True
            listener.pull_trigger()

    def close(self) -> None:
        """Close everything that is still open."""
        with Listener.waking:
            for listener in self._listeners:
                listener.is_closed = True
            wasyncore.close_all(self._waiting)

    def _turn(self, seconds: float) -> None:
        """Read and write what can be, waiting for it at most `seconds`."""
        # Other than `select`, `poll` has no highest number of a descriptor.
        wasyncore.loop(timeout=seconds, use_poll=True, map=self._waiting, count=1)
        now = time.monotonic()
        if now - self._looked_at < _LOOK_SECONDS:
            return
        self._looked_at = now
        self._beat()
        for connection in self.connections():
            connection.look(now)

    def _stop_listening(self) -> None:
        """Take what has arrived already, and no more."""
        for _ in range(_LAST_TURNS):
            self._turn(0)
        for listener in self._listeners:
            listener.del_channel()
            listener.socket.close()

    def _is_busy(self) -> bool:
        """Close the connections that are not in use, and tell whether others are left."""
        for connection in self.connections():
            if connection.is_idle():
                connection.handle_close()
        return bool(self.connections())


def _most_connections() -> int:
    """Return how many connections fit: each is a file, and may need another one for its body."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return CONNECTIONS
    return max(min(CONNECTIONS, (files - _KEPT_FILES) // 2), 50)
