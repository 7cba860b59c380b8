"""Say that the folder of the originals is the right one, although its marker is missing."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gallery import originals_marker
from gallery.paths import shown
from gallery.system_checks import BEFORE_COMMANDS


class Command(BaseCommand):
    help = "Mark the folder of the originals as that of this gallery, whatever is in it."
    requires_system_checks = BEFORE_COMMANDS

    def handle(self, *args: Any, **options: Any) -> None:
        folder = shown(originals_marker.folder())
        try:
            originals_marker.mark()
        except OSError as error:
            raise CommandError(f"{folder} cannot be marked: {error.strerror}.") from error
        self.stdout.write(f"{folder} holds the originals of this gallery now.")
