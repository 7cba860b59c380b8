"""Restore a backup into an empty installation."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from gallery.backup.refused import Damaged, Refused
from gallery.backup.restore import restore
from gallery.backup.targets import open_target
from search import fulltext
from workers import model_choice

FAULTS_FOUND, COULD_NOT_RUN = 2, 3


class Command(BaseCommand):
    help = (
        "Restore the newest backup in TARGET into this installation, which must be empty. Exit "
        "status: 0 everything is back, 2 some files are not, 3 nothing was restored."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("target", help="a folder, or s3://BUCKET/PREFIX")
        parser.add_argument("--generation", default="", help="an older backup, by its name")
        parser.add_argument(
            "--external", type=Path, help="a folder for copied files of external folders"
        )

    def handle(
        self, *args: Any, target: str, generation: str, external: Path | None, **options: Any
    ) -> None:
        try:
            restored = restore(open_target(target), generation, external)
        except (Refused, Damaged, OSError) as error:
            raise CommandError(str(error), returncode=COULD_NOT_RUN) from error
        made = restored.manifest
        self.stdout.write(
            f"{restored.generation}: {made.photos} photos, {restored.files} files are back."
        )
        fulltext.rebuild()
        model_choice.add_missing_rows()
        call_command("reindex", verbosity=0, stdout=self.stdout)
        for sentence in restored.sentences:
            self.stdout.write(f"  {sentence}")
        if restored.faults:
            self.stdout.write(f"{restored.faults} faults. `manage.py fsck` names every file.")
            sys.exit(FAULTS_FOUND)
