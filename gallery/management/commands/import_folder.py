"""Import every picture of a folder; safe to stop, to repeat, and while the server runs."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat
from django.utils.translation import ngettext
from tqdm import tqdm

from gallery import files
from gallery.ingest import ingest, record_copy
from gallery.models import Photo, SkippedFile
from gallery.names import clean_file_name
from gallery.uploads import Refused

Outcome: TypeAlias = Literal["added", "already here", "in the trash", "refused", "unreadable"]
"""The outcome for a file, in the order of the report."""


class Command(BaseCommand):
    help = "Import all pictures below PATH for the account --owner. Originals are copied."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--owner", required=True)

    def handle(self, *args: Any, path: Path, owner: str, **options: Any) -> None:
        user = get_user_model().objects.filter(username=owner).first()
        if user is None:
            raise CommandError(f"There is no account named {owner}; create it with create_owner.")
        if not path.is_dir():
            raise CommandError(f"{path} is not a folder that can be read.")
        run = Import(user, path)
        sources = sorted(_files_below(path))
        with tqdm(sources, unit="file", disable=options["verbosity"] == 0) as bar:
            for source in bar:
                self._import(run, source, bar)
                bar.set_postfix(added=run.counts["added"], here=run.counts["already here"])
        self.stdout.write(run.report())

    def _import(self, run: Import, source: Path, bar: Any) -> None:
        """Import one file and count the outcome; raise CommandError on a full disk."""
        try:
            outcome = run.import_file(source)
        except Refused as refused:
            bar.write(f"skipped {source}: {refused.message}")
            outcome = "refused"
        except files.StorageFull as error:
            raise CommandError(f"{error} Run the same command again to continue.") from error
        except OSError as error:
            bar.write(f"skipped {source}: {error.strerror or error}")
            outcome = "unreadable"
        run.counts[outcome] += 1


@dataclass
class Import:
    """One run over a folder: the outcomes of its files, and the photos that it has met."""

    user: AbstractBaseUser
    folder: Path
    counts: Counter[Outcome] = field(default_factory=Counter)
    photo_ids: set[UUID] = field(default_factory=set)
    extra: int = 0
    extra_bytes: int = 0

    def import_file(self, source: Path) -> Outcome:
        """Copy one file in unless its content is here already; a photo in the trash stays there."""
        digest = files.sha256(source)
        photo = Photo.objects.not_deleted().filter(owner_id=self.user.pk, sha256=digest).first()
        if photo is None:
            files.require_free_space(source.stat().st_size)
            copy = files.temporary_path()
            try:
                shutil.copyfile(source, copy)
                result = ingest(self.user, copy, source.name, from_trash=False, note_copy=False)
            finally:
                files.discard([copy])
            if not result.duplicate:
                self.photo_ids.add(result.photo.pk)
                return "added"
            photo = result.photo
        if photo.trashed_at is not None:
            return "in the trash"
        self._note_copy(photo, source)
        return "already here"

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


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield regular files, without hidden files and links."""
    for directory, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(directory) / name
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                yield path
