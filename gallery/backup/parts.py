"""The parts of a generation: compressed lines of JSON, with the SHA-256 of what is stored."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from gallery.backup.refused import Damaged
from gallery.backup.targets import Target

_LEVEL = 4
"""Vectors hardly shrink, and a higher level takes twice the time for a few per cent."""


@dataclass(frozen=True)
class Part:
    """What a manifest says of one part: `lines` are its rows, `bytes` and `sha256` as stored."""

    sha256: str
    bytes: int
    lines: int


class _Digest(io.RawIOBase):
    """Passes bytes on, and counts and hashes them."""

    def __init__(self, out: IO[bytes]) -> None:
        self.out, self.sha256, self.count = out, hashlib.sha256(), 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.sha256.update(data)
        self.count += len(data)
        self.out.write(data)
        return len(data)


class Writer:
    """Takes the lines of one part; `part` is what the manifest says once it is written."""

    def __init__(self, out: IO[bytes]) -> None:
        self._digest = _Digest(out)
        # Equal rows give equal bytes: neither a name nor the time is in the stream.
        self._gzip = gzip.GzipFile("", "wb", _LEVEL, self._digest, mtime=0)
        self._lines = 0

    def add(self, line: Any) -> None:
        """Write one line of JSON."""
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
        self._gzip.write(text.encode("utf-8", "surrogatepass") + b"\n")
        self._lines += 1

    def close(self) -> None:
        self._gzip.close()

    @property
    def part(self) -> Part:
        return Part(self._digest.sha256.hexdigest(), self._digest.count, self._lines)


@contextmanager
def write(target: Target, path: str) -> Iterator[Writer]:
    """Yield what takes the lines of a new part, which only its owner may read."""
    with target.create(path, private=True) as out:
        writer = Writer(out)
        yield writer
        writer.close()


def read(target: Target, path: str) -> Iterator[Any]:
    """Yield the lines of a part; raise `Damaged` if it is missing or cannot be read to its end."""
    try:
        with target.open(path) as file, gzip.GzipFile("", "rb", fileobj=file) as lines:
            for line in lines:
                yield json.loads(line)
    except FileNotFoundError:
        raise Damaged(f"{path} is missing in {target.name}.") from None
    except (EOFError, gzip.BadGzipFile, zlib.error, ValueError, RecursionError) as error:
        raise Damaged(f"{path} in {target.name} is damaged: {error}.") from error


def check(
    target: Target, path: str, expected: Part, use: Callable[[Any], object] = lambda line: line
) -> None:
    """Read a part to its end; raise `Damaged` unless it is what the manifest says.

    Each line is given to `use`, whose ValueError or TypeError says that the line is none.
    """
    if _sha256(target, path) != expected.sha256:
        raise Damaged(f"{path} in {target.name} is not what was written there.")
    lines = 0
    for lines, line in enumerate(read(target, path), start=1):
        try:
            use(line)
        except (ValueError, TypeError) as error:
            raise Damaged(f"Line {lines} of {path} in {target.name} is none: {error}.") from error
    if lines != expected.lines:
        raise Damaged(f"{path} in {target.name} has {lines} lines instead of {expected.lines}.")


def _sha256(target: Target, path: str) -> str:
    try:
        with target.open(path) as file:
            return sha256_of(file)
    except FileNotFoundError:
        raise Damaged(f"{path} is missing in {target.name}.") from None


def sha256_of(file: IO[bytes]) -> str:
    """Return the hex SHA-256 of a file that is open, read in pieces."""
    digest = hashlib.sha256()
    while piece := file.read(1 << 20):
        digest.update(piece)
    return digest.hexdigest()
