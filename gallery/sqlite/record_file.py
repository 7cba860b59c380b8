"""What is known about the file of the database, and the words for what can happen to it."""

from __future__ import annotations

import logging
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

from django.conf import settings
from django.db.utils import DatabaseError, OperationalError
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy as _

from gallery import files
from gallery.logs.once_a_minute import OnceAMinute
from gallery.paths import shown

logger = logging.getLogger(__name__)

CODE = "database_damaged"
LOOK_SECONDS = 3.0
"""How long a start may look for damage. `fsck` looks at everything."""
_STEPS = 100_000

Identity: TypeAlias = tuple[int, int]
"""The device and the number of a file on it, which stay when the file is renamed."""

_FOR_PEOPLE = _(
    "The database is gone or damaged, so the gallery cannot answer. Whoever runs it finds what to "
    "do in its log. Nothing is made anew in its place."
)
_WHAT_TO_DO = _(
    "Stop the gallery and restore a backup (docs/how-to/back-up-and-restore.md). Nothing is made "
    "anew in its place."
)
_DAMAGED = (
    "database disk image is malformed",
    "file is not a database",
    "malformed database schema",
    "disk I/O error",
    "unable to open database file",
    "attempt to write a readonly database",
)
"""How the messages of SQLite begin for which trying again is no use."""

_known: dict[Path, Identity] = {}
_lost_journals: set[Path] = set()
_told = OnceAMinute()


class RecordGone(OperationalError):
    """The file of the database is not there, or is not the one that this process opened."""


def identity(path: Path) -> Identity | None:
    """Return what tells a file from another one of the same name; None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def journal_of(path: Path) -> Path:
    """Return the write-ahead log of a database."""
    return path.with_name(f"{path.name}-wal")


def require_known(path: Path) -> None:
    """Raise `RecordGone` if a new file would be made in the place of one that there was.

    That there was one is known to this process, or from the marker in the folder of the originals,
    which is made after the database.
    """
    if path in _known:
        require_same(path)
    elif _is_missing_or_empty(path) and (files.originals() / files.MARKER).exists():
        told = gettext("The database %(path)s is gone, but there are originals of a gallery.")
        raise RecordGone(_with_advice(told, path))


def require_same(path: Path) -> None:
    """Raise `RecordGone` unless the file is the one that this process opened first.

    A file that is put back is taken up again.
    """
    if path in _lost_journals:
        told = gettext("The file %(path)s-wal with the latest changes was removed.")
        raise RecordGone(_with_advice(told, path))
    known = _known.get(path)
    if known is None:
        return
    found = identity(path)
    if found is None:
        raise RecordGone(_with_advice(gettext("The database %(path)s is gone."), path))
    if found != known:
        told = gettext("The database %(path)s was replaced while the gallery ran.")
        raise RecordGone(_with_advice(told, path))
    if _is_missing_or_empty(path):
        raise RecordGone(_with_advice(gettext("The database %(path)s was emptied."), path))


def remember(path: Path) -> None:
    """Note which file this process has opened."""
    found = identity(path)
    if found is not None and path.stat().st_size:
        _known.setdefault(path, found)


def forget(path: Path) -> None:
    """Forget a file that is removed on purpose."""
    _known.pop(path, None)
    _lost_journals.discard(path)


def note_lost_journal(path: Path) -> None:
    """Note that the write-ahead log is gone; only a new start is safe from then on."""
    _lost_journals.add(path)


def look_over(path: Path, seconds: float = LOOK_SECONDS) -> None:
    """Raise `RecordGone` if the file is missing or damage is found within so many seconds."""
    require_known(path)
    if identity(path) is None:
        return
    ends_at = time.monotonic() + seconds
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as database:
            database.set_progress_handler(lambda: time.monotonic() > ends_at, _STEPS)
            problem = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError as error:
        # Neither the end of the time nor another program that writes is damage.
        problem = "" if str(error).startswith(("interrupted", "database is locked")) else str(error)
    except sqlite3.DatabaseError as error:
        problem = str(error)
    if problem not in {"", "ok"}:
        told = gettext("The database %(path)s is damaged (%(problem)s).")
        raise RecordGone(_with_advice(told, path, problem=problem.splitlines()[-1]))


def explain(error: BaseException | None) -> str:
    """Return the sentence for whoever runs the gallery; "" for an error of another kind."""
    if isinstance(error, RecordGone):
        return str(error)
    if isinstance(error, DatabaseError) and str(error).startswith(_DAMAGED):
        path = Path(settings.DATABASES["default"]["NAME"])
        told = gettext("The database %(path)s is damaged (%(problem)s).")
        return _with_advice(told, path, problem=str(error))
    return ""


def tell(error: BaseException | None) -> Promise | str:
    """Log what happened, once a minute, and return the sentence for people; "" as `explain`."""
    sentence = explain(error)
    if not sentence:
        return ""
    if _told.is_due(sentence):
        logger.error("%s", sentence)
    return _FOR_PEOPLE


def _is_missing_or_empty(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except OSError:
        return True


def _with_advice(told: str, path: Path, **more: str) -> str:
    return f"{told % {'path': shown(path), **more}} {_WHAT_TO_DO}"
