"""Import every picture of a folder; safe to stop, to repeat, and while the server runs."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from gallery import files
from gallery.folders import external
from gallery.folders.import_folder import Import
from gallery.folders.listing import Listing, list_files
from gallery.folders.scan_folder import Scan
from gallery.folders.watch_folder import Watch
from gallery.paths import shown
from gallery.system_checks import BEFORE_COMMANDS

_STOPPED = 130  # as shells have it for Ctrl-C


class Command(BaseCommand):
    help = (
        "Import all pictures below PATH for the account --owner. Originals are copied, or stay "
        "where they are with --in-place. Exit status: 0 everything could be read, 1 something "
        "could not, 130 stopped by Ctrl-C."
    )
    requires_system_checks = BEFORE_COMMANDS

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--owner", required=True)
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--watch", action="store_true", help="go on with whatever arrives")
        how.add_argument("--in-place", action="store_true", help="leave the originals there")
        parser.add_argument(
            "--again",
            action="store_true",
            help="with --in-place: read every file, also refused and deleted ones",
        )

    def handle(self, *args: Any, path: Path, owner: str, **options: Any) -> None:
        user = get_user_model().objects.filter(username=owner).first()
        if user is None:
            raise CommandError(f"There is no account named {owner}; create it with create_owner.")
        if options["again"] and not options["in_place"]:
            raise CommandError("--again needs --in-place.")
        try:
            folder = path.resolve()
            os.scandir(folder).close()
        except (OSError, RuntimeError):  # The latter for links that go round in circles.
            raise CommandError(f"{shown(path)} is not a folder that can be read.") from None
        is_quiet = options["verbosity"] == 0
        if options["watch"]:
            self._watch(user, folder)
        elif options["in_place"]:
            self._scan(user, folder, is_quiet=is_quiet, again=options["again"])
        else:
            self._import(user, folder, is_quiet=is_quiet)

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

    def _import(self, user: AbstractBaseUser, folder: Path, *, is_quiet: bool) -> None:
        """Import the files of a folder; raise CommandError if not all could be read."""
        listing = list_files(folder)
        with tqdm(listing.files, unit="file", disable=is_quiet) as bar:
            run = Import(user, folder, bar.write)
            with _ending_in_words(run):
                _take_all(run, listing, bar)
        self._conclude(run)

    def _scan(self, user: AbstractBaseUser, folder: Path, *, is_quiet: bool, again: bool) -> None:
        """Add an external folder, or scan it again; raise CommandError as `_import` does."""
        try:
            row = external.add_folder(user, folder)
        except external.BadFolder as error:
            raise CommandError(f"{shown(folder)} cannot be added. {error}") from error
        bar = partial(tqdm, unit="file", disable=is_quiet)
        scan = Scan(row, tqdm.write, along=bar, again=again)
        with _ending_in_words(scan):
            scan.run()
        if row.away_since is not None:
            raise CommandError(scan.report())
        self._conclude(scan)

    def _conclude(self, run: Import | Scan) -> None:
        self.stdout.write(run.report())
        if run.unreadable:
            lines = "\n  ".join(run.unreadable)
            raise CommandError(f"Some files or folders could not be read:\n  {lines}")


@contextmanager
def _ending_in_words(run: Import | Scan) -> Iterator[None]:
    """Make Ctrl-C and what keeps photos from being stored a CommandError that says how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        raise CommandError(
            f"{run.report()}. Stopped. Run the same command again to continue.",
            returncode=_STOPPED,
        ) from None
    except files.CannotStore as error:
        raise CommandError(f"{error} Run the same command again to continue.") from error


def _take_all(run: Import, listing: Listing, bar: Any) -> None:
    for place, reason in listing.left_out:
        run.note_left_out(place, reason)
    for place, reason in listing.unreadable:
        run.note_unreadable(place, reason)
    for file in bar:
        run.take(file)
        bar.set_postfix(added=run.counts["added"], here=run.counts["already here"])
