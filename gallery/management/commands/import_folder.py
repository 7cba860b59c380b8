"""Import every picture of a folder; safe to stop, to repeat, and while the server runs."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from gallery import files
from gallery.folders.import_folder import Import
from gallery.folders.listing import Listing, list_files
from gallery.folders.watch_folder import Watch
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
        parser.add_argument("--watch", action="store_true", help="go on with whatever arrives")

    def handle(self, *args: Any, path: Path, owner: str, watch: bool, **options: Any) -> None:
        user = get_user_model().objects.filter(username=owner).first()
        if user is None:
            raise CommandError(f"There is no account named {owner}; create it with create_owner.")
        folder = path.resolve()
        listing = list_files(folder)
        if any(place == folder for place, _ in listing.unreadable):
            raise CommandError(f"{shown(path)} is not a folder that can be read.")
        if watch:
            self._watch(user, folder)
        else:
            self._import(user, folder, listing, is_quiet=options["verbosity"] == 0)

    def _watch(self, user: AbstractBaseUser, folder: Path) -> None:
        """Watch a folder until Ctrl-C or SIGTERM; the file at hand is finished."""
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        self._say(f"Watching {shown(folder)}. Stop with Ctrl-C.")
        Watch(user, folder, self._say).run(stop)
        self._say("Stopped.")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _import(
        self, user: AbstractBaseUser, folder: Path, listing: Listing, *, is_quiet: bool
    ) -> None:
        """Import the files of a folder; raise CommandError if not all could be read."""
        with tqdm(listing.files, unit="file", disable=is_quiet) as bar:
            run = Import(user, folder, bar.write)
            try:
                _take_all(run, listing, bar)
            except KeyboardInterrupt:
                raise CommandError(
                    f"{run.report()}. Stopped. Run the same command again to continue.",
                    returncode=_STOPPED,
                ) from None
            except files.StorageFull as error:
                raise CommandError(f"{error} Run the same command again to continue.") from error
        self.stdout.write(run.report())
        if run.unreadable:
            lines = "\n  ".join(run.unreadable)
            raise CommandError(f"Some files or folders could not be read:\n  {lines}")


def _take_all(run: Import, listing: Listing, bar: Any) -> None:
    for place, reason in listing.left_out:
        run.note_left_out(place, reason)
    for place, reason in listing.unreadable:
        run.note_unreadable(place, reason)
    for file in bar:
        run.take(file)
        bar.set_postfix(added=run.counts["added"], here=run.counts["already here"])
