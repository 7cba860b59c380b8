"""Import every picture of a folder; safe to stop, to repeat, and while the server runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from gallery import files
from gallery.folders.import_folder import Import
from gallery.folders.listing import Listing, list_files
from gallery.paths import shown

_STOPPED = 130  # as shells have it for Ctrl-C


class Command(BaseCommand):
    help = (
        "Import all pictures below PATH for the account --owner. Originals are copied. Exit "
        "status: 0 everything could be read, 1 something could not, 130 stopped by Ctrl-C."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--owner", required=True)

    def handle(self, *args: Any, path: Path, owner: str, **options: Any) -> None:
        user = get_user_model().objects.filter(username=owner).first()
        if user is None:
            raise CommandError(f"There is no account named {owner}; create it with create_owner.")
        folder = path.resolve()
        listing = list_files(folder)
        if any(place == folder for place, _ in listing.unreadable):
            raise CommandError(f"{shown(path)} is not a folder that can be read.")
        with tqdm(listing.files, unit="file", disable=options["verbosity"] == 0) as bar:
            run = Import(user, folder, bar.write)
            try:
                self._import(run, listing, bar)
            except KeyboardInterrupt:
                raise CommandError(
                    f"{run.report()}. Stopped. Run the same command again to continue.",
                    returncode=_STOPPED,
                ) from None
        self.stdout.write(run.report())
        if run.unreadable:
            lines = "\n  ".join(run.unreadable)
            raise CommandError(f"Some files or folders could not be read:\n  {lines}")

    def _import(self, run: Import, listing: Listing, bar: Any) -> None:
        """Import the files of a folder; raise CommandError on a full disk."""
        for place, reason in listing.left_out:
            run.note_left_out(place, reason)
        for place, reason in listing.unreadable:
            run.note_unreadable(place, reason)
        try:
            for file in bar:
                run.take(file)
                bar.set_postfix(added=run.counts["added"], here=run.counts["already here"])
        except files.StorageFull as error:
            raise CommandError(f"{error} Run the same command again to continue.") from error
