"""Photos as one ZIP that is made while it is sent, so it needs no space and begins at once.

Pictures are compressed already, so the archive only stores them. Before each photo the door is
asked again: an archive that is being sent ends where the share was revoked.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.translation import gettext as _

PIECE = 256 * 1024
_FIRST = datetime(1980, 1, 1)
"""The earliest date that a ZIP can say."""


@dataclass(frozen=True)
class Entry:
    """A file of the archive: its name, its date, its bytes in pieces, and how many they are."""

    name: str
    date: datetime
    pieces: Iterable[bytes]
    size: int


class Missing(Exception):
    """A photo that cannot be read now."""


@dataclass
class _Pipe:
    """What the archive writes, until it is sent. It cannot be wound back."""

    parts: list[bytes] = field(default_factory=list)

    def write(self, data: bytes) -> int:
        self.parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        data = b"".join(self.parts)
        self.parts.clear()
        return data


def stream(entries: Iterable[Callable[[], Entry | None]]) -> Iterator[bytes]:
    """Yield the bytes of an archive of entries, each made when its turn comes.

    An entry that is None is left out without a word; one that raises `Missing` is named in a text
    at the end, so that nobody takes the archive for complete.
    """
    pipe, names, missing = _Pipe(), _Names(), []
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]
        for make in entries:
            try:
                entry = make()
            except Missing as error:
                missing.append(str(error))
                continue
            if entry is not None:
                yield from _file(archive, pipe, names.free(entry.name), entry)
        if missing:
            archive.writestr(names.free(_("not included.txt")), _said(missing))
    yield pipe.take()


def _file(archive: zipfile.ZipFile, pipe: _Pipe, name: str, entry: Entry) -> Iterator[bytes]:
    about = zipfile.ZipInfo(name, max(entry.date, _FIRST).timetuple()[:6])
    about.file_size = entry.size
    with archive.open(about, "w") as target:
        for piece in entry.pieces:
            target.write(piece)
            yield pipe.take()


def _said(missing: Sequence[str]) -> str:
    text = _("These photos could not be read when this archive was made:")
    return "\n".join([text, *missing, ""])


class _Names:
    """The names in an archive: the second of a name gets a number."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def free(self, name: str) -> str:
        """Return the name, or one with a number that is not taken; no name leads elsewhere."""
        plain = name.replace("/", "_").replace("\\", "_").lstrip(".") or "photo"
        stem, dot, extension = plain.rpartition(".")
        stem, end = (stem, f".{extension}") if dot and stem else (plain, "")
        free, number = plain, 1
        while free.casefold() in self._taken:
            number += 1
            free = f"{stem} ({number}){end}"
        self._taken.add(free.casefold())
        return free
