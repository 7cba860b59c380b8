"""Copies the pictures of a folder into the gallery; safe to stop, to repeat, and while it runs."""

from __future__ import annotations

import errno
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar, get_args
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _, ngettext

from gallery import companions, files
from gallery.companion_names import Neighbours
from gallery.decoding import PoolBusy
from gallery.folders.listing import File, look_at, why
from gallery.ingest import IngestResult, record_copy
from gallery.models import Photo, SkippedFile
from gallery.names import clean_file_name
from gallery.paths import shown
from gallery.reasons import Reason
from gallery.uploads import Refused

Outcome: TypeAlias = Literal[
    "added",
    "kept with a photo",
    "already here",
    "in the trash",
    "refused",
    "left out",
    "unreadable",
]
"""The outcome for a file, in the order of the report."""

_Taken = TypeVar("_Taken")
_TRIES = 3
_BUSY_SECONDS = 2.0
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass
class Import:
    """One run over a folder: the outcomes of its files, and the photos that it has met.

    `tell` gets a line for people about each file that was not taken in.
    """

    user: AbstractBaseUser
    folder: Path
    tell: Callable[[str], object]
    counts: Counter[Outcome] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)
    photo_ids: set[UUID] = field(default_factory=set)
    beside: defaultdict[Path, Neighbours] = field(default_factory=lambda: defaultdict(Neighbours))
    extra: int = 0
    extra_bytes: int = 0

    def take(self, file: File) -> Outcome:
        """Take in one file and count the outcome; raise `CannotStore`."""
        try:
            outcome = self._take(file)
        except Refused as refused:
            self.tell(f"skipped {shown(file.path)}: {refused.message}")
            outcome = "refused"
        except OSError as error:
            self.note_unreadable(file.path, why(error))
            return "unreadable"
        self.counts[outcome] += 1
        return outcome

    def note_unreadable(self, path: Path, reason: str) -> None:
        """Count what could not be read, to be listed at the end."""
        self.counts["unreadable"] += 1
        self.unreadable.append(f"{shown(path)}: {reason}")

    def note_left_out(self, path: Path, reason: str) -> None:
        """Count what is no picture, or none yet."""
        self.counts["left out"] += 1
        self.tell(f"left out {shown(path)}: {reason}")

    def _take(self, file: File) -> Outcome:
        """Copy one file in unless its content is here already; a photo in the trash stays there."""
        if not 0 < file.size <= settings.MAX_FILE_BYTES:
            raise Refused(Reason.TOO_LARGE if file.size else Reason.EMPTY)
        photo = self._known(file)
        if photo is None:
            result = self._copy(file)
            if isinstance(result, companions.Kept):
                return "already here" if result.duplicate else "kept with a photo"
            self.beside[file.path.parent].add(file.path.name, result.photo.pk)
            if not result.duplicate:
                self.photo_ids.add(result.photo.pk)
                return "added"
            photo = result.photo
        if photo.trashed_at is not None:
            return "in the trash"
        self.beside[file.path.parent].add(file.path.name, photo.pk)
        self._note_copy(photo, file.path)
        return "already here"

    def _known(self, file: File) -> Photo | None:
        """Return the photo of a file, or one in the trash that the file is kept with."""
        # A photo of an external folder gets a copy of its own, because that is what is asked for.
        mine = Photo.objects.not_deleted().filter(owner_id=self.user.pk)
        own = mine.filter(external__in=[False])  # in the words that the index of sizes is read by
        may_be_companion = companions.is_named_like_companion(file.path.name)
        # Reading a file takes longer, and a new one is read when it is copied.
        if not may_be_companion and not own.by_size().filter(size=file.size).exists():
            return None
        digest = files.sha256(file.path)
        copies = own.filter(sha256=digest)
        if copies.exists() or not may_be_companion:
            return copies.first()
        return mine.trashed().filter(pk__in=companions.photos_with(self.user.pk, digest)).first()

    def _copy(self, file: File) -> IngestResult | companions.Kept:
        """Take in a copy of a file, which must not change meanwhile; raise OSError if it does."""
        for _attempt in range(_TRIES):
            files.require_free_space(file.size)
            copy = files.temporary_path()
            try:
                copy_bytes(file.path, copy)
                now = look_at(file.path)
                if not files.is_plain_file(file.path, self.folder):
                    raise OSError(_("A link leads out of the folder, and links are not followed."))
                if now.signature == file.signature and copy.stat().st_size == file.size:
                    return self._ingest(copy, file)
                file = now
            finally:
                files.discard([copy])
        raise OSError(_("It changed while it was read. Import it again once it is complete."))

    def _ingest(self, copy: Path, file: File) -> IngestResult | companions.Kept:
        name, beside = file.path.name, self.beside[file.path.parent]
        return when_decoder_is_free(
            lambda: companions.take_in(
                self.user, copy, name, beside=beside, from_trash=False, note_copy=False,
                modified=file.modified,
            )
        )  # fmt: skip

    def _note_copy(self, photo: Photo, source: Path) -> None:
        """Record a copy, but not the very file that the photo once came from.

        A second import of a folder meets each photo under its own name first, which is no news.
        """
        again = photo.pk in self.photo_ids
        self.photo_ids.add(photo.pk)
        if again:
            self.extra += 1
            self.extra_bytes += photo.size
        if again or clean_file_name(source.name) != photo.name:
            record_copy(photo, self._relative_name(source), SkippedFile.Source.IMPORT)

    def _relative_name(self, source: Path) -> str:
        """Return the path below the folder, each part safe to show; only the end if it is long."""
        parts = source.relative_to(self.folder).parts
        return "/".join(clean_file_name(part) for part in parts)[-500:]

    def report(self) -> str:
        """Return the counts in one line, without outcomes that did not occur."""
        lines = [self._line(outcome) for outcome in get_args(Outcome) if self.counts[outcome]]
        return ", ".join(lines) or "empty"

    def _line(self, outcome: Outcome) -> str:
        line = f"{self.counts[outcome]} {outcome}"
        if outcome == "already here" and self.extra:
            size = filesizeformat(self.extra_bytes).replace("\xa0", " ")
            copies = ngettext("an extra copy", "extra copies", self.extra)
            line += f" ({self.extra} of them {copies} in this folder, {size})"
        return line


def when_decoder_is_free(take: Callable[[], _Taken]) -> _Taken:
    """Take a file in; wait as long as the decoder children have no time for it."""
    while True:
        try:
            return take()
        except PoolBusy:
            time.sleep(_BUSY_SECONDS)


def copy_bytes(source: Path, copy: Path) -> None:
    """Copy a file; a full disk is `StorageFull`, since the file itself is sound."""
    try:
        shutil.copyfile(source, copy, follow_symlinks=False)
    except OSError as error:
        if error.errno in _FULL:
            raise files.StorageFull from error
        raise
