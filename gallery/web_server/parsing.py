"""Reading a request from bytes that anybody may have made up."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

from django.conf import settings
from waitress.parser import HTTPRequestParser, ParsingError, TransferEncodingNotImplemented
from waitress.receiver import ChunkedReceiver
from waitress.utilities import BadRequest

from gallery.files import free_bytes
from gallery.web_server.admission import LEAST_BYTES, has_credential, small_body, takes_files
from gallery.web_server.refusals import (
    DiskAway,
    DiskFull,
    NotSignedIn,
    SpoolFull,
    TooLargeBesideFiles,
)

_MB = 1024 * 1024
_PIECE = 8192
"""A body in chunks is read in pieces of this size: waitress copies what is left of a piece after
each chunk, which for thousands of tiny ones takes time with the square of the piece."""
_CHUNK_LINE = 1024
_TRAILER = 16_384
_BETWEEN_CHUNKS = 16_384
_SHARE_BETWEEN_CHUNKS = 8
"""What is between chunks may be so many bytes and an eighth of what is in them: a chunk costs the
thread that receives for all a few microseconds, however little is in it. Three thousand chunks of
one byte pass, and any number of 48 bytes."""
_ROOM_STEP = 8 * _MB
"""After so many bytes of a body the disk is looked at again: other bodies grow meanwhile."""
_STRANGERS_STEP = 65_536


class Parser(HTTPRequestParser):  # type: ignore[misc]  # waitress has no types
    """Reads a request, and nothing more once it is refused."""

    sender: Hashable | None = None
    is_checked = must_continue = False
    _looked_at = -_ROOM_STEP

    def received(self, data: bytes) -> int:
        """Take bytes of the request, and return how many of them were used."""
        offered = data[:_PIECE] if self.chunked else data
        try:
            used: int = super().received(offered)
        except OSError:
            # Bodies are kept in a file.
            is_there = Path(settings.UPLOAD_TMP_DIR).is_dir()
            self.refuse(DiskFull("") if is_there else DiskAway(""))
        except ValueError as error:
            # Of `urlsplit` and `int`, which waitress lets through.
            self.refuse(BadRequest(str(error)))
        else:
            if self._is_endless():
                self.refuse(BadRequest("Endless chunk line or trailer"))
            elif self._is_crumbs():
                self.refuse(BadRequest("Too many tiny chunks"))
            elif self.headers_finished and not self.error:
                self._limit_body()
        if self.completed:
            # Without a body there is nothing to go on with; waitress would wait for one.
            self.expect_continue = False
        if not self.error:
            return used
        # Nobody is told to go on sending, and what comes is no other request.
        self.expect_continue = self.must_continue = False
        return len(data)

    def to_come(self) -> int:
        """Return how many bytes the body has announced that are still to come."""
        if self.completed:
            return 0
        return int(max(self.content_length - self.body_bytes_received, 0))

    def needs_check(self) -> bool:
        """Tell whether it has to be known who sends the body before more of it is received.

        Strangers may send small ones, for which they share little room.
        """
        size = max(self.content_length, self.body_bytes_received)
        if self.is_checked or self.error or size <= LEAST_BYTES:
            return False
        return bool(size > small_body() or has_credential(self.headers))

    def admit(self, sender: Hashable | None) -> None:
        """Note whose body it is, None for a stranger's; refuse what is too much."""
        self.sender, self.is_checked = sender, True
        self._limit_body()

    def _limit_body(self) -> None:
        """Refuse the body if it is too large for its address, for the disk or beside others."""
        received = self.body_bytes_received
        is_small = max(self.content_length, received) <= small_body()
        if not is_small and not takes_files(self.path):
            self.refuse(TooLargeBesideFiles(""))
        elif not is_small and self.sender is None and self._is_known_to_be_a_stranger():
            self.refuse(NotSignedIn(""))
        elif self.needs_check():
            # Who waits to be told to send is told once it is known who that is.
            self.must_continue = self.must_continue or self.expect_continue
            self.expect_continue = False
        elif received - self._looked_at >= (_STRANGERS_STEP if is_small else _ROOM_STEP):
            self._looked_at = received
            if not self._has_room():
                self.refuse(DiskFull(""))
            elif not self.adj.spool.has_room_for(self):
                self.refuse(SpoolFull(""))

    def _is_known_to_be_a_stranger(self) -> bool:
        return self.is_checked or not has_credential(self.headers)

    def parse_header(self, header_plus: bytes) -> None:
        """Read the headers; refuse those whose body a proxy may see end elsewhere (RFC 9112, 6).

        Waitress takes the coding, where there is a length as well, and ignores it in HTTP/1.0.
        """
        codings, has_length = _framing(header_plus)
        if codings not in ([], [b"chunked"]):
            raise TransferEncodingNotImplemented("Transfer-Encoding requested is not supported.")
        super().parse_header(header_plus)
        if codings and (has_length or not self.chunked):
            raise ParsingError("The end of the body is ambiguous")

    def refuse(self, problem: object) -> None:
        """End the request here; `problem` is what `Refusal` answers."""
        self.error, self.completed, self.expect_continue = problem, True, False

    def _is_endless(self) -> bool:
        """Tell whether what is between chunks, or after them, grows without an end.

        Waitress keeps it in memory and looks through all of it whenever a piece comes.
        """
        body = self.body_rcv
        if not isinstance(body, ChunkedReceiver):
            return False
        return len(body.control_line) > _CHUNK_LINE or len(body.trailer) > _TRAILER

    def _is_crumbs(self) -> bool:
        """Tell whether the chunks are so small that reading them costs more than it is worth."""
        if not isinstance(self.body_rcv, ChunkedReceiver):
            return False
        inside = len(self.body_rcv)
        between = self.body_bytes_received - inside
        return bool(between > _BETWEEN_CHUNKS + inside // _SHARE_BETWEEN_CHUNKS)

    def _has_room(self) -> bool:
        """Tell whether the disk has room for the rest of all bodies.

        Small bodies stay in memory: on a full disk, photos can still be deleted.
        """
        if max(self.content_length, self.body_bytes_received) <= self.adj.inbuf_overflow:
            return True
        return bool(free_bytes() > settings.MIN_FREE_BYTES + self.adj.spool.to_come())


def _framing(header_plus: bytes) -> tuple[list[bytes], bool]:
    """Return the transfer codings that headers name, and whether they tell a length.

    Raises ParsingError for a line that continues another one, as old HTTP allowed.
    """
    codings, has_length = [], False
    for line in header_plus.split(b"\r\n"):
        if line[:1] in (b" ", b"\t"):
            raise ParsingError("A header line continues another one")
        name, _colon, value = line.partition(b":")
        if name.lower() == b"transfer-encoding":
            codings.append(value.strip(b" \t").lower())
        has_length = has_length or name.lower() == b"content-length"
    return codings, has_length
