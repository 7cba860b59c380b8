"""The web server of `serve`: waitress, which says in the API's words what it refuses.

Waitress on its own answers in plain text and closes the connection at once. A client that is still
sending then sees a reset and never the answer, so here the connection stays open for a while after
a refusal, and what still arrives is dropped.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import waitress
from django.conf import settings
from django.utils.translation import gettext as _
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import BaseWSGIServer
from waitress.task import ErrorTask
from waitress.utilities import Error, RequestEntityTooLarge

from gallery.api.errors import error
from gallery.files import free_bytes
from gallery.originals_marker import OriginalsAway

_MB = 1024 * 1024
_DROPPED_BYTES = 4096 * _MB
"""How much is read and dropped after a refusal before the connection is reset after all."""
_DROPPED_AT_ONCE = _MB // 4
_BODY_BYTES = 200 * _MB
"""Bodies are stopped by the upload handler, which counts bytes and knows what they are. This limit,
or four files, only keeps absurdly large ones from being stored first."""


class _DiskFull(Error):  # type: ignore[misc]  # waitress has no types
    code = 507
    reason = "Insufficient Storage"


class _DiskAway(Error):  # type: ignore[misc]
    code = 503
    reason = "Service Unavailable"


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """Reads a request, and nothing more once it is refused."""

    def received(self, data: bytes) -> int:
        """Take bytes of the request, and return how many of them were used."""
        try:
            used: int = super().received(data)
        except OSError:
            # Bodies are kept in a file.
            is_there = Path(settings.UPLOAD_TMP_DIR).is_dir()
            self.error, self.completed = _DiskFull("") if is_there else _DiskAway(""), True
        else:
            if self.headers_finished and not self.error and not self._has_room():
                self.error, self.completed = _DiskFull(""), True
        if not self.error:
            return used
        # Nobody is told to go on sending, and what comes is no other request.
        self.expect_continue = False
        return len(data)

    def _has_room(self) -> bool:
        """Tell whether the disk has room for the body, before any of it was received.

        Small bodies stay in memory: on a full disk, photos can still be deleted.
        """
        if self.body_bytes_received or self.content_length <= self.adj.inbuf_overflow:
            return True
        return bool(free_bytes() > settings.MIN_FREE_BYTES + self.content_length)


class Refusal(ErrorTask):  # type: ignore[misc]
    """Answers a request that was refused before the gallery saw it, in the API's shape."""

    def execute(self) -> None:
        """Send the answer."""
        problem = self.request.error
        code = OriginalsAway.code if isinstance(problem, _DiskAway) else ""
        answer = error(problem.code, code, _sentence(problem))
        self.status = f"{problem.code} {problem.reason}"
        self.response_headers.append(("Content-Type", "application/json"))
        self.set_close_on_finish()
        self.content_length = len(answer.content)
        self.write(answer.content)

    def finish(self) -> None:
        """End the answer, but not the connection."""
        super().finish()
        self.close_on_finish = False
        self.channel.drop_the_rest()


def _sentence(problem: Error) -> str:
    if isinstance(problem, RequestEntityTooLarge):
        told = _("The request is larger than the limit of %(limit)d MB.")
        return told % {"limit": body_limit() // _MB}
    if isinstance(problem, _DiskAway):
        return str(OriginalsAway.sentence)
    return ""


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that stays open after a refusal, until the client has read the answer.

    It is closed when the client closes it, after a few gigabytes, or by the timeout of silent
    connections, since nothing that arrives now counts as activity.
    """

    parser_class = Parser
    error_task_class = Refusal
    _is_dropping = _is_answered = False
    _dropped = 0

    def drop_the_rest(self) -> None:
        """Begin to drop what arrives."""
        self._is_dropping = True

    def readable(self) -> bool:
        """Tell whether the connection wants to read."""
        return bool(self._is_dropping or super().readable())

    def writable(self) -> bool:
        """Tell whether the connection wants to write."""
        return bool(super().writable() or (self._is_dropping and not self._is_answered))

    def handle_write(self) -> None:
        """Write; after the answer to a refused request, say that nothing more will come."""
        super().handle_write()
        if self._is_dropping and not self.total_outbufs_len and self.connected:
            self._is_answered = True
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)

    def handle_read(self) -> None:
        """Read, or drop."""
        if not self._is_dropping:
            super().handle_read()
            return
        with suppress(OSError):
            # It closes the connection if the client has.
            self._dropped += len(self.recv(_DROPPED_AT_ONCE))
        if self._dropped > _DROPPED_BYTES:
            self.handle_close()


def body_limit() -> int:
    """Return how many bytes a request may have before it is not even looked at."""
    return max(4 * settings.MAX_FILE_BYTES, _BODY_BYTES)


def listen(
    application: Any, host: str, port: int, threads: int, connections: dict[int, Any] | None = None
) -> Any:
    """Return a server that listens and has to be run; raise OSError if it cannot listen.

    `connections` will hold its sockets by number.
    """
    connections = {} if connections is None else connections
    server = waitress.create_server(
        application,
        map=connections,
        host=host,
        port=port,
        threads=threads,
        ident=None,
        max_request_body_size=body_limit(),
        connection_limit=400,
        channel_timeout=60,
        # Headers of proxies count only if PROXY_COUNT says that there are proxies. Then
        # gallery.views.accounts reads the right one.
        clear_untrusted_proxy_headers=not settings.PROXY_COUNT,
    )
    for listener in connections.values():
        if isinstance(listener, BaseWSGIServer):
            listener.channel_class = Channel
    return server
