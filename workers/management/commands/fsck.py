"""Check that record, files and index agree, and repair what does not."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from gallery.models import EmbeddingModel
from search.index import IndexLocked, VectorIndexError, open_index
from workers import reconcile

CLEAN, REPAIRED, PROBLEMS_LEFT, COULD_NOT_RUN = 0, 1, 2, 3


class Command(BaseCommand):
    help = (
        "Compare database, files and index. Exit status: 0 clean, 1 repaired, 2 problems left, "
        "3 a part could not be checked or a repair was refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--repair", action="store_true")
        parser.add_argument("--deep", action="store_true", help="read every file and vector")
        parser.add_argument("--force", action="store_true", help="repair however many there are")
        parser.add_argument("--sample", type=int, default=20, help="photos asked for by themselves")
        parser.add_argument("--grace", type=float, default=24.0, help="hours a stray file may live")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        report = reconcile.Report()
        reconcile.compare_files(
            report,
            repair=options["repair"],
            deep=options["deep"],
            grace=options["grace"] * 3600,
        )
        reconcile.compare_rows(report, repair=options["repair"], deep=options["deep"])
        for model in EmbeddingModel.objects.wanted():
            self._index(model, report, options)
        self._print(report, as_json=options["json"])
        sys.exit(status(report))

    def _index(
        self, model: EmbeddingModel, report: reconcile.Report, options: dict[str, Any]
    ) -> None:
        try:
            index = open_index(model.key, model.dim)
            index.ensure()
            reconcile.compare_index(
                model, index, report, repair=options["repair"], force=options["force"]
            )
            reconcile.sample_search(model, index, report, options["sample"])
        except IndexLocked:
            report.skipped.append(
                f"The index of {model.key} is in use by the running gallery, which compares it "
                "at its own start. Stop the gallery to check it here."
            )
        except VectorIndexError as error:
            report.skipped.append(str(error))

    def _print(self, report: reconcile.Report, *, as_json: bool) -> None:
        if as_json:
            found = {
                "found": report.found,
                "repaired": report.repaired,
                "examples": report.examples,
                "refused": report.refused,
                "skipped": report.skipped,
            }
            self.stdout.write(json.dumps(found, indent=2))
            return
        for check, count in sorted(report.found.items()):
            examples = ", ".join(report.examples.get(check, []))
            fixed = report.repaired[check]
            self.stdout.write(f"{check}: {count} found, {fixed} repaired ({examples})")
        for sentence in report.refused + report.skipped:
            self.stdout.write(sentence)
        if not report.found and not report.skipped:
            self.stdout.write(f"{report.rows} photos: everything agrees.")


def status(report: reconcile.Report) -> int:
    """Return the exit status that sums up a report."""
    if report.refused or report.skipped:
        return COULD_NOT_RUN
    if report.left:
        return PROBLEMS_LEFT
    return REPAIRED if report.found else CLEAN
