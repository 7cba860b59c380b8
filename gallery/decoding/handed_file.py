"""The file of a job: an open descriptor that the parent handed over, without a name or a place.

Everything that reads it gets streams of its own, which do not share a position.
"""

from __future__ import annotations

import io
import mmap
import os
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# Decoders ask for 64 KiB at a time, and directories of tags for a few bytes.
_BUFFER = 64 * 1024


class HandedFile:
    """A regular file that is open for reading."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def open(self) -> BinaryIO:
        """Return a new stream of the whole file. Closing it leaves the file open."""
        return cast("BinaryIO", io.BufferedReader(_Stream(self._descriptor), _BUFFER))

    def size(self) -> int:
        """Return the bytes of the file."""
        return os.fstat(self._descriptor).st_size

    def mapped(self) -> mmap.mmap:
        """Return the file as memory that can be read. Raises ValueError for an empty file."""
        return mmap.mmap(self._descriptor, 0, access=mmap.ACCESS_READ)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._descriptor)


class _Stream(io.RawIOBase):
    """Reads a descriptor at a position of its own: all copies of a descriptor share theirs."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        """Return the descriptor, from which libtiff reads by itself."""
        return self._descriptor

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position}.get(whence)
        position = offset + (os.fstat(self._descriptor).st_size if start is None else start)
        if position < 0:
            raise OSError(22, "negative seek position")
        self._position = position
        return position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        data = os.pread(self._descriptor, len(view), self._position)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def readall(self) -> bytes:
        parts = []
        while left := os.fstat(self._descriptor).st_size - self._position:
            data = os.pread(self._descriptor, max(left, 1), self._position)
            if not data:
                break
            self._position += len(data)
            parts.append(data)
        return parts[0] if len(parts) == 1 else b"".join(parts)
