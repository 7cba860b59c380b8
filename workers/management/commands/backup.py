"""Back the gallery up into a target, while it runs."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from gallery.backup import history
from gallery.backup.back_up import Options, Result, back_up
from gallery.backup.refused import Damaged, Refused
from gallery.backup.targets import open_target
from gallery.system_checks import BEFORE_COMMANDS

FAULTS_FOUND, COULD_NOT_RUN = 2, 3


class Command(BaseCommand):
    help = (
        "Back up database, originals and what is kept with them into TARGET. Exit status: 0 a new "
        "backup was made, 2 it was, but files of the gallery are missing or changed, 3 none was."
    )
    requires_system_checks = BEFORE_COMMANDS

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("target", help="a folder, or s3://BUCKET/PREFIX")
        parser.add_argument("--force", action="store_true", help="it is meant that photos are gone")
        parser.add_argument(
            "--reread", action="store_true", help="read again what the target has, and mend it"
        )
        parser.add_argument(
            "--external", action="store_true", help="copy the files of external folders too"
        )

    def handle(self, *args: Any, target: str, **options: Any) -> None:
        names = ("force", "reread", "external")
        try:
            result = back_up(
                open_target(target), Options(**{name: options[name] for name in names})
            )
        except (Refused, Damaged, OSError) as error:
            history.remember_run(made=False, sentence=str(error))
            raise CommandError(str(error), returncode=COULD_NOT_RUN) from error
        history.remember_run(made=True, sentence=" ".join(result.faults))
        self._print(result)
        if result.has_faults:
            sys.exit(FAULTS_FOUND)

    def _print(self, result: Result) -> None:
        made = result.manifest
        kept = made.files.get("kept", 0)
        size = filesizeformat(made.bytes)
        self.stdout.write(f"{result.generation}: {made.photos} photos, {kept} files, {size}.")
        for outcome in ("listed", "deleted", "missing", "unreadable", "changed"):
            if count := made.files.get(outcome):
                self.stdout.write(f"  {outcome}: {count}")
        for sentence in filter(None, [*result.faults, result.removed.refused]):
            self.stdout.write(f"  {sentence}")
