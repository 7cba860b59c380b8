"""Check that database, files and index agree, and repair differences."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from search.vectors.index import close_all
from workers import checkup


class Command(BaseCommand):
    help = (
        "Compare database, files and index. Exit status: 0 clean, 1 all repaired, 2 problems "
        "left, 3 a repair was refused or, with --index, the index could not be checked."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--repair", action="store_true")
        parser.add_argument("--deep", action="store_true", help="read every file and vector")
        parser.add_argument("--force", action="store_true", help="remove however much there is")
        parser.add_argument("--sample", type=int, default=20, help="photos searched by themselves")
        parser.add_argument("--grace", type=float, default=24.0, help="hours a stray file may live")
        parser.add_argument("--json", action="store_true")
        parser.add_argument(
            "--index", action="store_true", help="fail where the index cannot be checked"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        report = checkup.run(
            checkup.Options(
                repair=options["repair"],
                deep=options["deep"],
                force=options["force"],
                sample=options["sample"],
                grace=options["grace"] * 3600,
            )
        )
        close_all()
        if options["json"]:
            self.stdout.write(json.dumps(report.as_dict(), indent=2))
        else:
            self._print(report)
        sys.exit(report.status(index_required=options["index"]))

    def _print(self, report: checkup.Report) -> None:
        for check, count in sorted(report.found.items()):
            examples = ", ".join(report.examples[check])
            fixed = report.repaired[check]
            self.stdout.write(f"{check}: {count} found, {fixed} repaired ({examples})")
        for sentence in report.refused + report.skipped:
            self.stdout.write(sentence)
        if not report.found:
            self.stdout.write(f"{report.photos} photos: everything that was checked agrees.")
