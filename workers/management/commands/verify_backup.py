"""Check that the backups in a target can be restored."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gallery.backup import marker
from gallery.backup.refused import Refused
from gallery.backup.targets import open_target
from gallery.backup.verify import verify

FAULTS_FOUND, COULD_NOT_RUN = 2, 3


class Command(BaseCommand):
    help = (
        "Read every backup in TARGET and every file that one of them needs. Exit status: 0 all is "
        "whole, 2 something is damaged or missing, 3 there is nothing to check."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("target", help="a folder, or s3://BUCKET/PREFIX")
        parser.add_argument("--quick", action="store_true", help="compare sizes, read no photo")

    def handle(self, *args: Any, target: str, quick: bool, **options: Any) -> None:
        place = open_target(target)
        try:
            marker.gallery_of(place)
            findings = verify(place, quick=quick)
        except (Refused, OSError) as error:
            raise CommandError(str(error), returncode=COULD_NOT_RUN) from error
        if not findings.generations:
            raise CommandError(
                f"No backup in {place.name} was ever completed.", returncode=COULD_NOT_RUN
            )
        for sentence in findings.sentences:
            self.stdout.write(sentence)
        if findings.faults:
            self.stdout.write(
                f"{findings.faults} faults in {findings.generations} backups with "
                f"{findings.files} files. `manage.py backup --reread` mends files that the gallery "
                "still has."
            )
            sys.exit(FAULTS_FOUND)
        self.stdout.write(f"All is whole: backups {findings.generations}, files {findings.files}.")
