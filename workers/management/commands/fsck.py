"""Check that database, files and index agree, and repair differences."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from gallery.models import LastRun
from gallery.system_checks import BEFORE_COMMANDS
from search.vectors.index import close_all
from workers.check_gallery import check
from workers.fsck_report import Options, Report


class Command(BaseCommand):
    help = (
        "Compare database, files and index. Exit status: 0 clean, 1 all repaired, 2 problems "
        "left, 3 a repair was refused or, with --index, the index could not be checked."
    )
    requires_system_checks = BEFORE_COMMANDS

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--repair", action="store_true")
        parser.add_argument("--deep", action="store_true", help="read every file and vector")
        parser.add_argument("--force", action="store_true", help="remove however much there is")
        parser.add_argument("--sample", type=int, default=20, help="photos searched by themselves")
        parser.add_argument("--grace", type=float, default=24.0, help="hours a stray file may live")
        parser.add_argument("--settled", action="store_true", help="count unfinished work as wrong")
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--index", action="store_true", help="fail if the index is not checked")

    def handle(self, *args: Any, **options: Any) -> None:
        names = ("repair", "deep", "force", "sample", "grace", "settled")
        report = check(Options(**{name: options[name] for name in names}))
        close_all()
        if options["json"]:
            self.stdout.write(json.dumps(vars(report) | {"broken": report.broken()}, indent=2))
        else:
            self._print(report)
        status = report.status(index_required=options["index"])
        with suppress(DatabaseError):  # A damaged database may still be read.
            LastRun.remember(LastRun.Work.FSCK, status)
        sys.exit(status)

    def _print_layers(self, report: Report) -> None:
        missing = [name for name, holds in report.layers.items() if not holds]
        held = len(report.layers) - len(missing)
        lacking = f" The kernel lacks {', '.join(missing)}." if missing else ""
        if report.layers:
            self.stdout.write(
                f"Decoder children: {held} of {len(report.layers)} layers hold.{lacking}"
            )
        else:
            self.stdout.write("Decoder children: none could be started.")

    def _print(self, report: Report) -> None:
        for check_, count in sorted(report.found.items()):
            fixed, examples = report.repaired[check_], ", ".join(report.examples[check_])
            self.stdout.write(f"{check_}: {count} found, {fixed} repaired ({examples})")
        self._print_layers(report)
        for sentence in report.refused + report.skipped + report.away:
            self.stdout.write(sentence)
        if not report.found:
            self.stdout.write(f"{report.photos} photos: everything that was checked agrees.")
