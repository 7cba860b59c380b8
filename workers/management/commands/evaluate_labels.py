"""Evaluate the labels of a set against a file that says what photos show."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gallery.system_checks import BEFORE_COMMANDS
from gallery.user_errors import UserError
from search.understanding.directions import Style
from search.understanding.evaluation import report as reports, truth as truths
from search.understanding.evaluation.columns import Task, evaluate
from search.understanding.evaluation.runs import styles_of
from search.understanding.models import LabelSet
from search.vectors.embedders.base import ModelUnavailable


class Command(BaseCommand):
    help = (
        "Print how often the right label of SET (its id or name) is first, among the first 3 and "
        "the first 5, for each prompt style and model, and a linear probe beside it."
    )
    requires_system_checks = BEFORE_COMMANDS

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("set", help="the id or the name of a label set")
        parser.add_argument(
            "--truth", required=True, type=Path, help="CSV: file name or sha256, label"
        )
        parser.add_argument("--owner", default="", help="the account, if several have such a set")
        parser.add_argument(
            "--styles", nargs="+", default=[], choices=[style.value for style in Style]
        )
        parser.add_argument("--csv", type=Path, help="write what was said of each photo here")

    def handle(self, *args: Any, truth: Path, **options: Any) -> None:
        label_set = _set(options["set"], options["owner"])
        try:
            told = truths.of_file(label_set.owner, label_set, truth.read_bytes())
            task = Task.of(label_set.owner, label_set, told.labels)
            report = evaluate(task, styles_of(options["styles"]))
            if options["csv"]:
                lines = reports.csv_lines(label_set.owner, report)
                options["csv"].write_text("".join(lines), encoding="utf-8", newline="")
        except UserError as error:
            raise CommandError(error.message) from error
        except (ModelUnavailable, OSError) as error:
            raise CommandError(str(error)) from error
        for sentence in truths.skipped_sentences(told.summary() | report["skipped"]):
            self.stderr.write(sentence)
        self._print(report)

    def _print(self, report: dict[str, Any]) -> None:
        columns = [(column["style"], column) for column in report["columns"]]
        if "labelled" in report:
            columns.append(("as Scry labels", report["labelled"]))
        self.stdout.write(
            f"{'style':16} {'photos':>7}   top-1 (95 %)         top-3   top-5   model"
        )
        for title, column in columns:
            low, high = column["intervals"]["top1"]
            self.stdout.write(
                f"{title:16} {column['count']:7}   {column['top1']:6.1%} ({low:.1%} to {high:.1%})"
                f"   {column['top3']:6.1%}  {column['top5']:6.1%}   {column['model']}"
            )
        if probe := report["probe"]:
            self.stdout.write(
                f"linear probe: {probe['train']:.1%} of {probe['train_count']} training photos, "
                f"{probe['test']:.1%} of {probe['test_count']} test photos"
            )
        else:
            self.stdout.write("no linear probe: two labels need four photos each")


def _set(wanted: str, owner: str) -> LabelSet:
    sets = LabelSet.objects.select_related("owner")
    if owner:
        sets = sets.filter(owner__username=owner)
    try:
        found = sets.filter(pk=uuid.UUID(wanted))
    except ValueError:
        found = sets.filter(name=wanted)
    if len(found) > 1:
        raise CommandError(f"Several accounts have a set named {wanted}; name one with --owner.")
    if not found:
        raise CommandError(f"There is no label set {wanted}.")
    return found[0]
