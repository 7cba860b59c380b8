"""Find duplicates and report them for scripts, without changing any photo."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from gallery.models import Embedding, EmbeddingModel
from gallery.system_checks import BEFORE_COMMANDS
from search.duplicates.find import compare
from search.duplicates.models import Kind
from search.duplicates.review import export
from search.vectors.index import IndexLocked, VectorIndexError, close_all, open_index
from workers import doorbell, jobs, look_ahead

INCOMPLETE = 3
"""Exit status when photos still wait to be compared, so that duplicates may be missing."""

PATIENCE_SECONDS = 60.0
"""How long to wait for a running gallery that makes no progress."""

LOOK_SECONDS = 0.5


class Command(BaseCommand):
    help = (
        "Write down which photos are duplicates. Exit status: 0 complete, 1 nothing written, "
        "3 written although photos still wait to be compared."
    )
    requires_system_checks = BEFORE_COMMANDS

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--owner", help="only the photos of this account")
        parser.add_argument("--kind", choices=Kind.values, default="", help="only this kind")
        parser.add_argument("--format", choices=["csv", "json"], default="csv")
        parser.add_argument("--output", type=Path, help="a file instead of standard output")
        parser.add_argument("--again", action="store_true", help="compare all photos anew first")
        parser.add_argument(
            "--wait",
            action=argparse.BooleanOptionalAction,
            default=True,
            help="compare what is due before the report, or wait for the gallery that does",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        owner_id = _owner_id(options["owner"])
        model = EmbeddingModel.objects.active()
        if model is None:
            raise CommandError("No photo is searchable yet; start the gallery first.")
        if options["again"]:
            compare.request_sweep(model)
            doorbell.ring()
        if options["wait"]:
            self._settle(model, quiet=options["verbosity"] == 0)
        # The report has its own line ends.
        self.stdout.ending = ""
        with _opened(options["output"], self.stdout) as out:
            write = export.write_json if options["format"] == "json" else export.write_csv
            count = write(export.group_rows(owner_id, options["kind"]), out)
        waiting = Embedding.objects.to_compare(model).count()
        if options["verbosity"]:
            self.stderr.write(f"{count} photos are in groups of duplicates.")
        if waiting:
            self.stderr.write(f"{waiting} photos were not compared yet; some may be missing.")
            sys.exit(INCOMPLETE)

    def _settle(self, model: EmbeddingModel, *, quiet: bool) -> None:
        """Compare what is due, or wait until the gallery that has the index open has done it."""
        waiting = Embedding.objects.to_compare(model).count()
        with tqdm(total=waiting, unit="photo", disable=quiet or not waiting) as bar:
            try:
                open_index(model.collection, model.dim).ensure()
                _compare_here(model, bar)
            except IndexLocked:
                if not _wait_for_gallery(model, bar):
                    self.stderr.write(
                        "The running gallery compares nothing. Its page Background work may say "
                        "why. Or stop the gallery and run this command again."
                    )
            except VectorIndexError as error:
                self.stderr.write(f"Nothing can be compared now. {error}")
            finally:
                look_ahead.close()
                close_all()


def _owner_id(name: str | None) -> int | None:
    if name is None:
        return None
    user = get_user_model().objects.filter(username=name).first()
    if user is None:
        raise CommandError(f"There is no account named {name}.")
    return user.pk


def _compare_here(model: EmbeddingModel, bar: Any) -> None:
    def tell() -> bool:
        _show(bar, Embedding.objects.to_compare(model).count())
        return False

    jobs.COMPARE.run(tell)


def _wait_for_gallery(model: EmbeddingModel, bar: Any) -> bool:
    """Wait until nothing is left to compare; return False if there is no progress."""
    least = Embedding.objects.to_compare(model).count()
    moved_at = time.monotonic()
    while waiting := Embedding.objects.to_compare(model).count():
        if waiting < least:
            least, moved_at = waiting, time.monotonic()
        if time.monotonic() - moved_at > PATIENCE_SECONDS:
            return False
        _show(bar, waiting)
        time.sleep(LOOK_SECONDS)
    return True


def _show(bar: Any, waiting: int) -> None:
    bar.update(max(0, bar.total - waiting - bar.n))


@contextmanager
def _opened(path: Path | None, standard: Any) -> Iterator[IO[str]]:
    """Yield the stream for the report; a file appears only when it is complete."""
    if path is None:
        yield standard
        return
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as out:
            yield out
        part.replace(path)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)
