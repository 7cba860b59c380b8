"""List the photos that Scry does not keep itself, by checksum and path, for a backup."""

from __future__ import annotations

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from gallery.models import ExternalFile
from gallery.system_checks import BEFORE_COMMANDS


class Command(BaseCommand):
    help = (
        "List the files of photos in external folders as sha256sum does, to check or to back them "
        "up. Files of which Scry has a copy of its own are left out. Nothing is copied."
    )
    requires_system_checks = BEFORE_COMMANDS

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--owner", default="", help="only the files of this account")
        parser.add_argument(
            "--paths0", action="store_true", help="only paths, each ended by a zero byte"
        )

    def handle(self, *args: Any, owner: str, paths0: bool, **options: Any) -> None:
        files = ExternalFile.objects.present().filter(photo__external=True, photo__deleted_at=None)
        if owner:
            files = files.filter(folder__owner__username=owner)
        # Paths are bytes, which the stream for text would not take.
        out = self.stdout._out.buffer  # type: ignore[attr-defined]
        ordered = files.select_related("folder").order_by("folder", "path")
        for file in ordered.iterator(chunk_size=1000):
            path = os.fsencode(file.full_path)
            out.write(path + b"\0" if paths0 else _line(file.sha256, path))
        out.flush()


def _line(sha256: str, path: bytes) -> bytes:
    """Return a line as `sha256sum` writes it, which marks and escapes odd paths."""
    escaped = path.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    mark = b"\\" if escaped != path else b""
    return mark + sha256.encode() + b"  " + escaped + b"\n"
