"""List the folders whose photos stay where they are, or forget one of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count, Q, QuerySet

from gallery.folders import external
from gallery.models import ExternalFolder
from gallery.paths import shown, to_text
from gallery.system_checks import BEFORE_COMMANDS


class Command(BaseCommand):
    help = (
        "List the external folders with their state. With --forget, drop one: its photos leave "
        "the gallery with all that was said of them, and nothing in the folder is touched."
    )
    requires_system_checks = BEFORE_COMMANDS

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--owner", default="", help="only the folders of this account")
        parser.add_argument("--forget", type=Path, metavar="PATH", help="drop this folder")

    def handle(self, *args: Any, owner: str, forget: Path | None, **options: Any) -> None:
        folders = ExternalFolder.objects.select_related("owner").order_by("path", "owner")
        if owner:
            folders = folders.filter(owner__username=owner)
        if forget is None:
            self._list(folders)
        else:
            self._forget(list(folders.filter(path__in=_spellings(forget))), forget)

    def _list(self, folders: QuerySet[ExternalFolder]) -> None:
        known = Q(files__photo__deleted_at=None)
        gone = known & Q(files__missing_since__isnull=False)
        photos = Count("files__photo", known, distinct=True)
        missing = Count("files__photo", gone, distinct=True)
        for folder in folders.annotate(photos=photos, missing=missing):
            self.stdout.write(_line(folder, folder.photos, folder.missing))

    def _forget(self, found: list[ExternalFolder], path: Path) -> None:
        if not found:
            raise CommandError(
                f"{shown(path)} is no external folder. The command lists them without --forget."
            )
        if len(found) > 1:
            names = ", ".join(folder.owner.get_username() for folder in found)
            raise CommandError(f"Several accounts have {shown(path)} ({names}). Add --owner.")
        number = external.forget_folder(found[0])
        self.stdout.write(f"Forgot {found[0]}. Photos that left the gallery: {number}. Files stay.")


def _spellings(path: Path) -> set[str]:
    """Return what a path may be recorded as: a link on the way may have changed since."""
    return {to_text(path.absolute()), to_text(path.resolve())}


def _line(folder: ExternalFolder, photos: int, missing: int) -> str:
    state = external.State.AWAY if external.seems_away(folder) else external.State.HERE
    scanned = f"{folder.scanned_at:%Y-%m-%d %H:%M} UTC" if folder.scanned_at else "never"
    owner = folder.owner.get_username()
    counts = f"{photos} photos, {missing} missing"
    return f"{folder}: {owner}, {state.value}, {counts}, scanned {scanned}"
