"""A database of the last migration for every test process, made once and copied.

To migrate an empty database takes seconds, and its outcome depends on the sources alone.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path

import django
from django.apps import apps

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "migrated"
NAME = "scry.sqlite3"
OURS = (
    "gallery/models",
    "gallery/sqlite",
    "gallery/gazetteer.py",
    "gallery/sentences.py",
    "search/fulltext",
)
"""What migrations, and what follows them, take from the project."""


def database(path: Path) -> None:
    """Put a migrated database where there is none yet."""
    with _locked():
        kept = FOLDER / f"{_key()}.sqlite3"
        if not kept.exists():
            _make(kept)
        shutil.copy(kept, path)


def data_folder(folder: Path) -> None:
    """Make the data folder of a gallery that was migrated, but never served."""
    folder.mkdir(parents=True, exist_ok=True)
    database(folder / NAME)


def sources() -> Iterator[Path]:
    """Yield the files that decide what a migrated database looks like."""
    for app in apps.get_app_configs():
        yield from sorted(Path(app.path, "migrations").glob("*.py"))
    for name in OURS:
        path = ROOT / name
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def _key() -> str:
    digest = sha256(repr((django.VERSION, sqlite3.sqlite_version)).encode())
    for path in sources():
        digest.update(f"\0{path}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:32]


@contextmanager
def _locked() -> Iterator[None]:
    """Let one process at a time look, make and copy."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(kept: Path) -> None:
    """Migrate an empty database; only a whole one gets the name, and those of old sources go."""
    for old in FOLDER.glob("*.sqlite3*"):
        old.unlink()
    with tempfile.TemporaryDirectory(prefix="scry-migrated-") as folder:
        environment = {"PATH": os.environ["PATH"], "DATA_DIR": folder, "MIN_FREE_MB": "1"}
        command = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
        unfinished = kept.with_suffix(".sqlite3-unfinished")
        made = sqlite3.connect(Path(folder, NAME))
        with closing(made), closing(sqlite3.connect(unfinished)) as copy:
            made.backup(copy)
    unfinished.replace(kept)
