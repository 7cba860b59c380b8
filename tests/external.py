"""What tests of external folders share: adding one, looking into it, taking its disk away."""

from __future__ import annotations

import hashlib
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from gallery.models import (
    Photo,
)


def contents(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return everything that is below a folder: kind, content, time, rights and number of names."""

    def of(path: Path) -> tuple[object, ...]:
        status = path.lstat()
        data = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        return data, status.st_mtime_ns, status.st_mode, status.st_nlink, status.st_ino

    return {str(path): of(path) for path in [folder, *sorted(folder.rglob("*"))]}


def add(folder: Path, *options: str, owner: str = "ada") -> str:
    out = StringIO()
    command = ["import_folder", str(folder), "--owner", owner, "-v0", "--in-place", *options]
    call_command(*command, stdout=out)
    return out.getvalue().strip()


def failed(folder: Path, owner: str = "ada") -> str:
    with pytest.raises(CommandError) as error:
        add(folder, owner=owner)
    return str(error.value)


def body(answer) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def named(name: str) -> Photo:
    return Photo.objects.get(name=name)


def unplug(folder: Path) -> Path:
    """Take the files away as an unmounted disk does, which leaves an empty folder."""
    away = folder.with_name("unplugged")
    folder.rename(away)
    folder.mkdir()
    return away


def plug_in(folder: Path) -> None:
    folder.rmdir()
    folder.with_name("unplugged").rename(folder)
