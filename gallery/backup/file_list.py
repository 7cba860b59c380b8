"""The files of a gallery: what each is, where it belongs, and what became of it in a backup.

Lists are in the order of the checksums, so that several are compared without holding any of them.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from operator import attrgetter
from pathlib import Path
from typing import Any

from django.conf import settings

from gallery import files
from gallery.backup import manifest, parts
from gallery.backup.targets import Target
from gallery.models import Companion, ExternalFile, Photo
from gallery.paths import from_text, to_text

STORE = "files"
_CHUNK = 2000
_OWN_PATH = re.compile(r"(originals|companions)/[0-9a-f]{2}/[0-9a-f-]{36}\.[a-z0-9]{1,5}")


class Outcome(StrEnum):
    """What became of a file: `kept` in the store; `listed` only, since it is in an external folder;
    `deleted` by its owner while the backup ran; `missing`; `unreadable`; or `changed`, so that the
    store has what was found instead of what the database says."""

    KEPT = "kept"
    LISTED = "listed"
    DELETED = "deleted"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    CHANGED = "changed"


FAULTS = (Outcome.MISSING, Outcome.UNREADABLE, Outcome.CHANGED)


@dataclass(frozen=True)
class Entry:
    """A file of one photo. `path` is below the media folder, or whole for an external file.

    `sha256` and `size` are what the database says, and what the store has unless the outcome is
    `changed`: then `found` is the checksum of what was there.
    """

    sha256: str
    size: int
    path: str
    photo: str
    external: bool = False
    outcome: str = Outcome.KEPT
    found: str = ""

    @property
    def content(self) -> str:
        """The checksum under which the store has it; "" if it does not."""
        if self.outcome == Outcome.KEPT:
            return self.sha256
        return self.found if self.outcome == Outcome.CHANGED else ""

    @property
    def source(self) -> Path:
        """Where the file is in this gallery."""
        return from_text(self.path) if self.external else Path(settings.MEDIA_DIR) / self.path

    def has_own_path(self) -> bool:
        """Tell whether the path is one of Scry's own, so that it may be written."""
        return not self.external and _OWN_PATH.fullmatch(self.path) is not None


def address(sha256: str) -> str:
    """Return where the store has a content."""
    return f"{STORE}/{sha256[:2]}/{sha256}"


def entries(alias: str) -> Iterator[Entry]:
    """Yield every file that a database names, in order of the checksums."""
    yield from heapq.merge(
        _originals(alias), _companions(alias), _external(alias), key=attrgetter("sha256")
    )


def _originals(alias: str) -> Iterator[Entry]:
    rows = Photo.objects.using(alias).not_deleted().filter(external=False).order_by("sha256", "pk")
    for photo in rows.only("sha256", "size", "extension").iterator(chunk_size=_CHUNK):
        yield Entry(photo.sha256, photo.size, _relative(files.own_copy(photo)), str(photo.pk))


def _companions(alias: str) -> Iterator[Entry]:
    rows = Companion.objects.using(alias).filter(photo__deleted_at=None).order_by("sha256", "pk")
    wanted = rows.only("sha256", "size", "extension", "photo_id")
    for one in wanted.iterator(chunk_size=_CHUNK):
        yield Entry(one.sha256, one.size, _relative(files.companion(one)), str(one.photo_id))


def _external(alias: str) -> Iterator[Entry]:
    rows = ExternalFile.objects.using(alias).present().filter(photo__deleted_at=None)
    wanted = rows.filter(photo__external=True).select_related("folder").order_by("sha256", "pk")
    for one in wanted.iterator(chunk_size=_CHUNK):
        path = to_text(one.full_path)
        yield Entry(
            one.sha256, one.size, path, str(one.photo_id), external=True, outcome=Outcome.LISTED
        )


def _relative(path: Path) -> str:
    return path.relative_to(settings.MEDIA_DIR).as_posix()


def as_line(entry: Entry) -> dict[str, Any]:
    """Return an entry as the list has it, without what goes without saying."""
    return {name: value for name, value in asdict(entry).items() if value not in (False, "")}


def read(target: Target, generation: str) -> Iterator[Entry]:
    """Yield the files of a generation; raise `Damaged` if its list cannot be read."""
    path = f"{manifest.folder_of(generation)}/{manifest.FILE_LIST}"
    return (Entry(**line) for line in parts.read(target, path))


def contents(lists: Iterable[Iterator[Entry]]) -> Iterator[tuple[str, int | None]]:
    """Yield each content that any of the lists needs, with its size if that is known.

    Those that were changed come out of order, so they are gathered first: they are few.
    """
    changed = set()

    def kept(entries: Iterator[Entry]) -> Iterator[tuple[str, int]]:
        for entry in entries:
            if entry.outcome == Outcome.KEPT:
                yield entry.sha256, entry.size
            elif entry.content:
                changed.add(entry.content)

    last = ""
    for sha256, size in heapq.merge(*map(kept, lists)):
        if sha256 != last:
            last = sha256
            yield sha256, size
    yield from ((sha256, None) for sha256 in sorted(changed))
