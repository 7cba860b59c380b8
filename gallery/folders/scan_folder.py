"""Compares an external folder with what is known of it: new, moved, changed and missing files.

Known files are told by size and time, and only what differs is read. Content decides what a file
is: a file of known content under another path is that photo, moved.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeAlias, get_args
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from gallery import files
from gallery.companion_names import Neighbours
from gallery.companions import is_named_like_sidecar
from gallery.failpoints import failpoint
from gallery.folders import external
from gallery.folders.import_folder import when_decoder_is_free
from gallery.folders.keep_sidecars import keep_sidecar, photos_beside
from gallery.folders.listing import File, Listing, list_files, look_at, why
from gallery.ingest import IngestResult, ingest, inherit, record_copy
from gallery.models import (
    Embedding,
    ExternalFile,
    ExternalFolder,
    ForgottenFile,
    Photo,
    SkippedFile,
)
from gallery.models.embeddings import retry
from gallery.names import clean_file_name
from gallery.paths import shown, to_text
from gallery.reasons import Reason
from gallery.signals import photos_changed
from gallery.slices import slices
from gallery.uploads import Refused

Outcome: TypeAlias = Literal[
    "added", "kept with a photo", "changed", "moved", "already here", "unchanged", "back",
    "missing", "in the trash", "deleted before", "refused", "left out", "still being written",
    "unreadable",
]  # fmt: skip
"""What a scan found, in the order of the report."""

_PASSING = {
    Reason.MISSING_ORIGINAL, Reason.DECODE_TIMEOUT, Reason.DECODE_OOM, Reason.DECODER_CRASHED,
}  # fmt: skip
"""Reasons that may be the machine's and not the file's: the next scan tries again."""

_HOLD_SECONDS = 20.0
"""How often a scan says that it goes on. Others may begin after a minute without a word."""

Stop = Callable[[], bool]
Pair: TypeAlias = tuple[File, ExternalFile]


@dataclass
class Scan:
    """One look through an external folder.

    `tell` gets a line for people about each file that was not taken in. `stop` is asked before
    each file, and `along` may show how far a walk over files got. With `again`, nothing is taken
    for known: every file is read, and what was refused or deleted for ever is taken in again. New
    files to which somebody wrote less than `quiet_seconds` ago are left for the next scan.
    """

    folder: ExternalFolder
    tell: Callable[[str], object]
    stop: Stop = lambda: False
    along: Callable[[list[Pair]], Iterable[Pair]] = iter
    again: bool = False
    quiet_seconds: float = 0.0
    counts: Counter[Outcome] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)
    _held_at: float = field(default_factory=time.monotonic)
    _unread_sizes: set[int] = field(default_factory=set)
    _is_partly_hidden: bool = False

    def run(self) -> None:
        """Scan the folder; one that is away is marked and left for later.

        Raises `StorageFull`. A scan that stops in the middle is completed by the next one.
        """
        root = self.folder.root
        listing = list_files(root)
        rows = {row.path: row for row in self.folder.files.all()}
        if any(place == root for place, _why in listing.unreadable) or (rows and not listing.files):
            external.mark_away(self.folder)
            return
        self._welcome_back()
        self._note(listing)
        self._mark_missing(rows, listing)
        new, changed, sidecars = self._sort(rows, listing)
        # A file that moved has to be known under its new path before another takes the old one.
        for file, row in self.along(new + self._known_content_first(changed) + sidecars):
            if self.stop():
                return
            self._hold()
            if self._may_be_unread(row.photo):
                self.counts["still being written"] += 1  # The next scan knows where the photo is.
            else:
                self._take(file, row)
        self._finish()

    def _hold(self) -> None:
        if time.monotonic() - self._held_at > _HOLD_SECONDS:
            self._held_at = time.monotonic()
            external.hold(self.folder)

    def _may_be_unread(self, photo: Photo | None) -> bool:
        """Tell whether a photo may have moved to a file that this scan has not read, by its size.

        Then no other content may take its place yet.
        """
        return photo is not None and photo.size in self._unread_sizes

    # --- before any file is read ------------------------------------------------------------------

    def _welcome_back(self) -> None:
        """Let work that waited for the folder go on."""
        if self.folder.away_since is None:
            return
        self.folder.away_since = None
        self.folder.save(update_fields=["away_since"])
        waiting = Embedding.objects.filter(
            photo__in=self._photos(), state=Embedding.State.PENDING
        ).exclude(not_before=None)
        waiting.update(not_before=None)
        photos_changed.send(sender=Photo)

    def _note(self, listing: Listing) -> None:
        for place, reason in listing.left_out:
            self.counts["left out"] += 1
            self.tell(f"left out {shown(place)}: {reason}")
        for place, reason in listing.unreadable:
            self._note_unreadable(place, reason)
        self._is_partly_hidden = bool(listing.unreadable)

    def _note_unreadable(self, place: Path, reason: str) -> None:
        self.counts["unreadable"] += 1
        self.unreadable.append(f"{shown(place)}: {reason}")

    def _mark_missing(self, rows: dict[str, ExternalFile], listing: Listing) -> None:
        """Mark files that are gone. What lies below an unreadable folder may still be there."""
        there = {self._text(file) for file in listing.files}
        hidden = [self._relative(place) for place, _why in listing.unreadable]
        gone = [
            row
            for text, row in rows.items()
            if text not in there and not any(row.relative.is_relative_to(one) for one in hidden)
        ]
        # A file that is no photo, or a copy of one that is still here, is missed by nobody.
        present = {None} | {row.photo_id for text, row in rows.items() if text in there}
        for part in slices(row.pk for row in gone if row.photo_id in present):
            ExternalFile.objects.filter(pk__in=part).delete()
        for part in slices(row.pk for row in gone if row.photo_id not in present):
            here = ExternalFile.objects.filter(pk__in=part, missing_since=None)
            here.update(missing_since=timezone.now())

    def _sort(
        self, rows: dict[str, ExternalFile], listing: Listing
    ) -> tuple[list[Pair], list[Pair], list[Pair]]:
        """Return the files that are new, the known ones that have to be read, and the sidecars."""
        new, changed, sidecars = list[Pair](), list[Pair](), list[Pair]()
        lively: set[Path] = set()  # folders in which the photo of a sidecar may have arrived
        for file in listing.files:  # Those that belong to a picture come last.
            row = rows.get(self._text(file))
            is_sidecar = is_named_like_sidecar(file.path.name)
            is_known = row is not None and row.signature == file.signature
            if not is_known and self._is_fresh(file):
                self._unread_sizes.add(file.size)
                self.counts["still being written"] += 1
            elif row is None or not is_known or self.again:
                found = row or ExternalFile.at(self.folder, self._relative(file.path))
                (sidecars if is_sidecar else changed if row else new).append((file, found))
                lively.add(file.path.parent)
            elif row.reason == Reason.NO_PHOTO_FOR_COMPANION and file.path.parent in lively:
                sidecars.append((file, row))
            elif row.missing_since and not row.reason:
                self._bring_back(row)
            else:
                self.counts["unchanged"] += 1
        return new, changed, sidecars

    def _is_fresh(self, file: File) -> bool:
        """Tell whether somebody wrote to a file a moment ago."""
        return 0 <= time.time_ns() - file.modified_ns < self.quiet_seconds * 1e9

    def _bring_back(self, row: ExternalFile) -> None:
        """Note that a missing file is there again, and try once more what failed without it."""
        row.missing_since = None
        row.save(update_fields=["missing_since"])
        _try_again(row.photo_id)
        self.counts["back"] += 1

    def _known_content_first(self, changed: list[Pair]) -> list[Pair]:
        """Order changed files: those that now are another photo, then those of new content."""
        if len(changed) < 2:
            return changed
        known = set(self._photos().values_list("sha256", flat=True))

        def is_new_content(pair: Pair) -> bool:
            self._hold()
            file, row = pair
            return row.signature != file.signature and _digest(file) not in known

        return sorted(changed, key=is_new_content)

    # --- one file ---------------------------------------------------------------------------------

    def _take(self, file: File, row: ExternalFile) -> None:
        """Bring one row in step with its file and count the outcome."""
        try:
            outcome = self._read(file, row)
        except Refused as refused:
            if refused.reason in _PASSING or files.is_folder_away(self.folder.root):
                self._unread_sizes.add(file.size)
                self._note_unreadable(file.path, refused.message)
                return
            self.tell(f"skipped {shown(file.path)}: {refused.message}")
            outcome = self._refuse(file, row, refused.reason)
        except OSError as error:
            self._unread_sizes.add(file.size)
            self._note_unreadable(file.path, why(error))
            return
        except IntegrityError:
            return  # Another scan of the folder was quicker, and the next one compares again.
        self.counts[outcome] += 1

    def _read(self, file: File, row: ExternalFile) -> Outcome:
        """Read a file and make its row say what it is; raise `Refused` and OSError."""
        known, row.sha256 = row.sha256, ""
        if not 0 < file.size <= settings.MAX_FILE_BYTES:
            raise Refused(Reason.TOO_LARGE if file.size else Reason.EMPTY)
        digest = files.sha256(file.path)
        is_plain = files.is_plain_file(file.path, self.folder.root)
        if not is_plain or look_at(file.path).signature != file.signature:
            self._unread_sizes.add(file.size)
            return "still being written"  # The next scan finds it as another one.
        is_same, row.sha256 = digest == known, digest
        row.size, row.modified_ns = file.signature
        if is_same and not self.again and (outcome := _settled(row)):
            row.save()
            return outcome
        if self._is_forgotten(digest):
            row.photo, row.reason, row.missing_since = None, "", None
            row.save()
            return "deleted before"
        try:
            return self._link(file, row, is_same=is_same)
        except Refused as refused:
            is_sidecar = row.photo_id is None and is_named_like_sidecar(file.path.name)
            if refused.reason != Reason.UNSUPPORTED_TYPE or not is_sidecar:
                raise
        return self._keep(file, row, is_same=is_same)

    def _keep(self, file: File, row: ExternalFile, *, is_same: bool) -> Outcome:
        """Keep a copy of a sidecar with its photo; all pictures were read before."""
        kept = keep_sidecar(self.folder, file, row, self._beside[file.path.parent])
        if kept is None or not kept.duplicate:
            return "kept with a photo" if kept else "still being written"
        return "unchanged" if is_same else "already here"

    @cached_property
    def _beside(self) -> defaultdict[Path, Neighbours]:
        return photos_beside(self.folder)

    def _link(self, file: File, row: ExternalFile, *, is_same: bool) -> Outcome:
        """Make a row refer to the photo of its content, which may be new."""
        before, row.reason, row.missing_since = row.photo, "", None
        result = when_decoder_is_free(
            lambda: ingest(
                self.folder.owner, file.path, file.path.name, from_trash=False, note_copy=False,
                modified=file.modified, external=row,
            )
        )  # fmt: skip
        failpoint("external_taken")
        row.photo = result.photo
        row.save()
        _try_again(result.photo.pk)
        if is_same and before == result.photo:
            return "unchanged"
        moved = self._supersede(row, result.photo)
        if before is not None and before != result.photo:
            return self._replace(before, result)
        if not result.duplicate:
            return "added"
        if result.photo.trashed_at is not None:
            return "in the trash"
        if not moved:
            record_copy(result.photo, shown(row.relative), SkippedFile.Source.IMPORT)
        return "moved" if moved else "already here"

    def _supersede(self, row: ExternalFile, photo: Photo) -> bool:
        """Forget where a photo's file was before it moved; tell whether it did.

        The photo gets the name of the file, as long as nobody kept a copy under the old one.
        """
        others = photo.external_files.exclude(pk=row.pk)
        gone = others.exclude(missing_since=None)
        if not gone.exists():
            return False
        gone.delete()
        if photo.external and not others.exists():
            name = clean_file_name(row.relative.name) or photo.name
            Photo.objects.filter(pk=photo.pk).update(name=name)
        return True

    def _replace(self, before: Photo, result: IngestResult) -> Outcome:
        """Let the new content of a file take the place of the photo that the file was.

        A photo's id names the same bytes for ever, so the content becomes a photo of its own. It
        gets what the owner said of the former one, which goes, since its bytes are gone. A photo
        that has another file, or that Scry has itself, stays. So does one that may lie in a part
        of the folder that cannot be read: it counts as missing.
        """
        if result.duplicate:
            return "already here"
        if self._is_partly_hidden:
            return "added"
        if before.external and not before.external_files.present().exists():
            before.refresh_from_db()
            if before.trashed_at is None:
                result.photo.refresh_from_db()  # It may have been stacked when it came.
                with transaction.atomic():
                    inherit(result.photo, before)
                    external.drop([before.pk])
        return "changed"

    def _refuse(self, file: File, row: ExternalFile, reason: str) -> Outcome:
        """Note that a file is unfit. The photo that it was counts as missing until it is well."""
        row.size, row.modified_ns = file.signature
        row.reason = reason
        row.missing_since = timezone.now() if row.photo_id else None
        row.save()
        return "refused"

    def _is_forgotten(self, digest: str) -> bool:
        """Tell whether the owner deleted this content for ever and does not want it again."""
        rows = ForgottenFile.objects.filter(owner_id=self.folder.owner_id, sha256=digest)
        if self.again:
            rows.delete()
        return rows.exists()

    # --- afterwards -------------------------------------------------------------------------------

    def _finish(self) -> None:
        missing = self.folder.files.exclude(missing_since=None).filter(reason="")
        self.counts["missing"] = missing.count()
        self.folder.scanned_at = timezone.now()
        self.folder.save(update_fields=["scanned_at"])

    def report(self) -> str:
        """Return the counts in one line, without outcomes that did not occur."""
        if self.folder.away_since is not None:
            return _("The folder %(folder)s is away.") % {"folder": self.folder}
        found = [f"{self.counts[name]} {name}" for name in get_args(Outcome) if self.counts[name]]
        return ", ".join(found) or "empty"

    def _photos(self) -> QuerySet[Photo]:
        return Photo.objects.filter(external_files__folder=self.folder)

    def _relative(self, path: Path) -> Path:
        return path.relative_to(self.folder.root)

    def _text(self, file: File) -> str:
        return to_text(self._relative(file.path))


def _settled(row: ExternalFile) -> Outcome | None:
    """Return the outcome for a file that is no photo and has the same content as before."""
    if row.reason == Reason.NO_PHOTO_FOR_COMPANION:
        return None  # Its photo may have come.
    if row.reason:
        return "unchanged" if row.reason == ExternalFile.KEPT else "refused"
    return "deleted before" if row.photo_id is None else None


def _digest(file: File) -> str:
    """Return the content of a file as SHA-256, "" if it cannot be read."""
    try:
        return files.sha256(file.path)
    except OSError:
        return ""


def _try_again(photo_id: UUID | None) -> None:
    """Have a photo made searchable whose file was missing when its turn came."""
    retry(Embedding.objects.filter(photo=photo_id, reason=Reason.MISSING_ORIGINAL))
