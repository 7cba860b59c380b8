"""What travels between a pool and its children: a JSON header, then raw parts, and open files.

A frame is four bytes (length of the header, big-endian), the header in ASCII JSON, and the parts
whose lengths in bytes the header lists under `parts`. Jobs go over a socket, because a socket takes
open files along.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

LENGTH = struct.Struct(">I")
# EXIF is cut to a dozen short values, so no valid answer has a longer header.
MAX_HEADER = 64 * 1024
# The largest valid part is a picture of 25 megapixels to hand out: 10 MB, 30 MB of pure noise.
MAX_PARTS = 32 * 1024 * 1024

Header = dict[str, Any]


class BadFrame(Exception):
    """The other side closed the pipe in the middle of a frame, or wrote something else."""


def write_frame(stream: BinaryIO, header: Header, parts: Sequence[bytes] = ()) -> None:
    """Write one frame and flush it. Raises OSError if the reader is gone."""
    stream.write(_beginning(header, parts))
    for part in parts:
        stream.write(part)
    stream.flush()


def send_job(connection: socket.socket, job: Header, descriptor: int) -> None:
    """Send a frame without parts, and a copy of an open file's descriptor with it.

    Raises OSError if the reader is gone.
    """
    data = _beginning(job, ())
    sent = socket.send_fds(connection, [data], [descriptor])
    # Nothing may be sent once the whole job is there: the child may have died of it already.
    if sent < len(data):
        connection.sendall(data[sent:])


def _beginning(header: Header, parts: Sequence[bytes]) -> bytes:
    text = json.dumps({**header, "parts": [len(part) for part in parts]}).encode("ascii")
    return LENGTH.pack(len(text)) + text


class Receiver:
    """Reads what `send_job` sent."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._descriptors: list[int] = []

    def read(self, length: int) -> bytes:
        """Return `length` bytes, or fewer if the sender is gone, for `read_frame`."""
        data = b""
        while len(data) < length:
            chunk, descriptors, _, _ = socket.recv_fds(self._connection, length - len(data), 1)
            self._descriptors += descriptors
            if not chunk:
                break
            data += chunk
        return data

    def take_descriptor(self) -> int:
        """Return the descriptor that came with the last frame. Raises BadFrame without one."""
        if not self._descriptors:
            raise BadFrame("a job without a file")
        *others, last = self._descriptors
        for descriptor in others:
            os.close(descriptor)
        self._descriptors = []
        return last


def read_frame(read: Callable[[int], bytes]) -> tuple[Header, list[bytes]]:
    """Return the header and the parts of the next frame.

    `read(n)` returns exactly n bytes, or fewer at the end of the stream. Raises BadFrame, also
    for sizes over the limits, and EOFError if the stream ends before the frame begins.
    """
    prefix = read(LENGTH.size)
    if not prefix:
        raise EOFError
    (length,) = LENGTH.unpack(_whole(prefix, LENGTH.size))
    if length > MAX_HEADER:
        raise BadFrame(f"a header of {length} bytes")
    try:
        header = json.loads(_whole(read(length), length))
    except (ValueError, RecursionError) as error:
        raise BadFrame("the header is not JSON") from error
    if not isinstance(header, dict):
        raise BadFrame("the header is not an object")
    sizes = header.pop("parts", [])
    if not _are_sizes(sizes) or sum(sizes) > MAX_PARTS:
        raise BadFrame("the sizes of the parts make no sense")
    return header, [_whole(read(size), size) for size in sizes]


def _whole(data: bytes, length: int) -> bytes:
    if len(data) != length:
        raise BadFrame(f"{len(data)} of {length} bytes")
    return data


def _are_sizes(sizes: object) -> bool:
    return isinstance(sizes, list) and all(type(size) is int and size >= 0 for size in sizes)
