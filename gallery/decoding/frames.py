"""The bytes between a pool and its children: a JSON header, then raw parts.

A frame is four bytes (length of the header, big-endian), the header in ASCII JSON, and the parts
whose lengths in bytes the header lists under `parts`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

LENGTH = struct.Struct(">I")
# EXIF is cut to a dozen short values, so no valid answer has a longer header.
MAX_HEADER = 64 * 1024
# The largest valid part is a 1440 px preview: about 1 MB. Pixels are 512 * 512 * 3 bytes.
MAX_PARTS = 32 * 1024 * 1024

Header = dict[str, Any]


class BadFrame(Exception):
    """The other side closed the pipe in the middle of a frame, or wrote something else."""


def write_frame(stream: BinaryIO, header: Header, parts: Sequence[bytes] = ()) -> None:
    """Write one frame and flush it. Raises OSError if the reader is gone."""
    text = json.dumps({**header, "parts": [len(part) for part in parts]}).encode("ascii")
    stream.write(LENGTH.pack(len(text)) + text)
    for part in parts:
        stream.write(part)
    stream.flush()


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
