"""Fetch a recommended model on a connected machine, for a gallery that has no network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from search.vectors.embedders import catalog, fetch
from search.vectors.embedders.catalog import RecommendedModel


class Command(BaseCommand):
    help = "Fetch the files of the recommended model NAME from the hub into a folder below --to."
    requires_system_checks = []  # It needs neither a database nor any service.

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="a key, an architecture or a short title")
        parser.add_argument("--to", type=Path, help="the folder in which the model's is made")
        parser.add_argument(
            "--list", action="store_true", help="only print the files, sizes and checksums"
        )

    def handle(self, *args: Any, name: str, to: Path | None, **options: Any) -> None:
        model = _model(name)
        if not (to or options["list"]):
            raise CommandError("Name the folder in --to, or print the files with --list.")
        try:
            if to is None or options["list"]:
                self._list(model)
            else:
                self._fetch(model, to, quiet=options["verbosity"] == 0)
        except fetch.FetchFailed as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("Stopped. Run the same command again to continue.") from None

    def _list(self, model: RecommendedModel) -> None:
        commit, remote = fetch.listing(model)
        self.stdout.write(f"{model.repo} at commit {commit}")
        for file in remote:
            checksum = f"sha256 {file.sha256}" if file.sha256 else f"git {file.blob_id}"
            self.stdout.write(f"{file.size:>13,}  {file.name}  {checksum}")

    def _fetch(self, model: RecommendedModel, to: Path, *, quiet: bool) -> None:
        bars: dict[str, Any] = {}

        def report(name: str, here: int, size: int) -> None:
            if name not in bars:
                bars[name] = tqdm(desc=name, total=size, unit="B", unit_scale=True, disable=quiet)
            bars[name].update(here - bars[name].n)
            if here == size:
                bars[name].close()

        try:
            folder = fetch.fetch(model, to, report)
        finally:
            for bar in bars.values():
                bar.close()
        self.stdout.write(_next_steps(model, folder))


def _model(name: str) -> RecommendedModel:
    model = catalog.named(name)
    choices = [f"  {each.title:20} {each.key}" for each in catalog.MODELS if each.repo]
    if model is None:
        raise CommandError("\n".join([f"There is no recommended model {name}. Choose:", *choices]))
    if not model.repo:
        raise CommandError(f"{model.title} comes with Scry; there is nothing to fetch.")
    return model


def _next_steps(model: RecommendedModel, folder: Path) -> str:
    return f"""{model.title} is complete in {folder.absolute()}, with its checksums in SHA256SUMS.

Next: copy this folder to the machine that runs Scry. There, on the settings page, give the path of
the copy, or start Scry with
  EMBEDDING_WEIGHTS=/path/to/the/copy EMBEDDING_MODEL={model.key}
Or keep it here and upload all of its files on the settings page, from this machine's browser."""
