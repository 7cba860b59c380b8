"""One connection: what it may send, for how long, and what is dropped after a refusal.

Waitress on its own closes the connection at once after a refusal. A client that is still sending
then sees a reset and never the answer, so here the connection stays open for a while, and what
still arrives is dropped.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from waitress.channel import HTTPChannel
from waitress.task import WSGITask

from gallery.web_server.addresses import neighbourhood
from gallery.web_server.admission import CredentialCheck
from gallery.web_server.parsing import Parser
from gallery.web_server.patience import HEADER_SECONDS, IDLE_SECONDS, Pace
from gallery.web_server.refusals import Refusal, TooSlow

_MB = 1024 * 1024
_DROPPED_BYTES = 4096 * _MB
"""How much is read and dropped after a refusal before the connection is reset after all."""
_DROPPED_AT_ONCE = _MB // 4
_DROPPED_SECONDS = 60.0
_LATE_SECONDS = 3.0
"""Who was refused for being slow gets no second chance to be."""


class Answer(WSGITask):  # type: ignore[misc]  # waitress has no types
    """Answers a request by asking the gallery."""

    def build_response_header(self) -> bytes:
        """Return the headers; while the server stops, this answer is the connection's last."""
        if self.channel.server.is_stopping:
            self.set_close_on_finish()
        return bytes(super().build_response_header())

    def finish(self) -> None:
        """End the answer; one to HEAD ends after its headers."""
        if self.request.command == "HEAD":
            self.write(b"")
        else:
            super().finish()


class Connection(HTTPChannel):  # type: ignore[misc]
    """A client's connection. `look` is called about once a second by the thread that reads."""

    parser_class = Parser
    task_class = Answer
    error_task_class = Refusal
    request: Any = None
    _is_answered = False
    _dropped = 0
    _dropped_until: float | None = None
    _is_late = False
    _check: CredentialCheck | None = None

    def __init__(self, *args: Any, **more: Any) -> None:
        self.active_at = time.monotonic()
        self._asking_since: float | None = self.active_at
        self._moved = 0
        self._pace = Pace()
        super().__init__(*args, **more)
        self.neighbourhood = neighbourhood(self.addr[0])

    # --- time -------------------------------------------------------------------------------------

    def look(self, now: float) -> None:
        """Close the connection, or refuse its request, if the client took too long."""
        if self._dropped_until is not None:
            if now > self._dropped_until:
                self.handle_close()
        elif self.total_outbufs_len or self._is_sending_a_body():
            if not self._pace.keeps(now, self._moved):
                self._give_up()
        elif self.requests:
            self._pace.rest()
        else:
            self._pace.rest()
            self._look_for_headers(now)

    def _look_for_headers(self, now: float) -> None:
        if self._asking_since is None and self.request is not None:
            self._asking_since = now  # It came together with an earlier request.
        if self._asking_since is not None:
            if now - self._asking_since > HEADER_SECONDS:
                self._give_up()
        elif now - self.active_at > IDLE_SECONDS:
            self.handle_close()

    def _is_sending_a_body(self) -> bool:
        """Tell whether the client has to send, and not the server to answer an earlier request."""
        request = self.request
        return request is not None and request.headers_finished and not self.requests

    def _give_up(self) -> None:
        """Refuse the request that is being received; without one there is nobody to tell."""
        if self.request is None or self.total_outbufs_len or self.requests:
            self.handle_close()
            return
        self._is_late = True
        self._refuse(TooSlow(""))

    def _refuse(self, problem: object) -> None:
        """Answer the request that is being received now."""
        with self.requests_lock:
            request, self.request = self.request, None
            request.refuse(problem)
            self.requests.append(request)
            if len(self.requests) == 1:
                self.server.add_task(self)

    def is_idle(self) -> bool:
        """Tell whether the connection can be closed without taking anything from its client."""
        if self._dropped_until is not None:
            return self._is_answered
        return not (self.requests or self.total_outbufs_len or self._is_sending_a_body())

    # --- reading and writing ----------------------------------------------------------------------

    def received(self, data: bytes) -> bool:
        """Take bytes, which may end one request and begin another."""
        self._moved += len(data)
        self.active_at = time.monotonic()
        if self._asking_since is None:
            self._asking_since = self.active_at
        taken = bool(super().received(data))
        if self.requests or self._is_sending_a_body():
            self._asking_since = None
        request = self.request
        if request is not None and request.headers_finished and request.needs_check():
            self._check = CredentialCheck(request.headers, self.server.pull_trigger)
            self.server.check(self._check)
        return taken

    def bodies(self) -> list[Parser]:
        """Return the requests of which something is kept."""
        return [one for one in [*self.requests, self.request] if one is not None]

    def _is_being_checked(self) -> bool:
        """Tell whether it is not known yet who sends the body; act once it is."""
        check = self._check
        if check is None or not check.is_done:
            return check is not None
        self._check = None
        request = self.request
        if request is None:
            return False
        request.admit(check.sender)
        if request.error:
            self._refuse(request.error)
        elif request.must_continue and not self.requests:
            self.send_continue()
        return False

    def send(self, data: bytes, do_close: bool = True) -> int:  # noqa: FBT001, FBT002
        """Send bytes, and return how many the system took."""
        if not data:  # A file became shorter while it was sent; its end would be awaited for ever.
            self.will_close = True
            return 0
        if self.socket is None:  # Reading has closed it since writing was found possible.
            return 0
        sent: int = super().send(data, do_close)
        self._moved += sent
        self.active_at = time.monotonic()
        return sent

    def handle_expt(self) -> None:
        """Close: urgent data is nothing that HTTP knows, and would be reported again for ever."""
        self.handle_close()

    # --- after a refusal --------------------------------------------------------------------------

    def drop_the_rest(self) -> None:
        """Begin to drop what arrives.

        The connection is closed when the client closes it, after a few gigabytes, or after a while.
        """
        seconds = _LATE_SECONDS if self._is_late else _DROPPED_SECONDS
        self._dropped_until = time.monotonic() + seconds

    def readable(self) -> bool:
        """Tell whether the connection wants to read."""
        if self._dropped_until is not None:
            return True
        return not self._is_being_checked() and bool(super().readable())

    def writable(self) -> bool:
        """Tell whether the connection wants to write."""
        is_dropping = self._dropped_until is not None
        return bool(super().writable() or (is_dropping and not self._is_answered))

    def handle_write(self) -> None:
        """Write; after the answer to a refused request, say that nothing more will come."""
        super().handle_write()
        if self._dropped_until is not None and not self.total_outbufs_len and self.connected:
            self._is_answered = True
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)

    def handle_read(self) -> None:
        """Read, or drop."""
        if self._dropped_until is None:
            super().handle_read()
            return
        with suppress(OSError):
            # It closes the connection if the client has.
            self._dropped += len(self.recv(_DROPPED_AT_ONCE))
        if self._dropped > _DROPPED_BYTES:
            self.handle_close()


def without_bodies_for_head(application: Any) -> Callable[[Any, Any], Iterable[bytes]]:
    """Return an application that answers HEAD with headers alone; Django leaves that to servers."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = application(environ, start_response)
        if environ["REQUEST_METHOD"] != "HEAD":
            return body  # type: ignore[no-any-return]
        if hasattr(body, "close"):
            body.close()
        return []

    return answer
