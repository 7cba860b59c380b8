"""Take in every picture of a folder; safe to stop, to repeat, and while the server runs."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from gallery import files
from gallery.ingest import discard, ingest, sha256, temporary_path
from gallery.models import Photo
from gallery.uploads import Refused


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
        counts: Counter[str] = Counter()
        sources = sorted(_files_below(path))
        with tqdm(sources, unit="file", disable=options["verbosity"] == 0) as bar:
            for source in bar:
                outcome = self._import(user, source, bar)
                counts[outcome] += 1
                bar.set_postfix(added=counts["added"], here=counts["already here"])
        self.stdout.write(", ".join(f"{n} {what}" for what, n in sorted(counts.items())) or "empty")

    def _import(self, user: AbstractBaseUser, source: Path, bar: Any) -> str:
        """Import one file and return what became of it; raise CommandError on a full disk."""
        try:
            return import_file(user, source)
        except Refused as refused:
            bar.write(f"skipped {source}: {refused.message}")
            return "refused"
        except files.StorageFull as error:
            raise CommandError(f"{error} Run the same command again to continue.") from error
        except OSError as error:
            bar.write(f"skipped {source}: {error.strerror or error}")
            return "unreadable"


def import_file(user: AbstractBaseUser, source: Path) -> str:
    """Copy one file in unless its content is here; return `added` or `already here`."""
    if Photo.objects.visible_to(user).filter(sha256=sha256(source)).exists():
        return "already here"
    files.require_free_space(source.stat().st_size)
    copy = temporary_path()
    try:
        shutil.copyfile(source, copy)
        result = ingest(user, copy, source.name)
    finally:
        discard([copy])
    return "already here" if result.duplicate else "added"


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield regular files, hidden ones and links left out."""
    for directory, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(directory) / name
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                yield path
