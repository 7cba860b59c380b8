"""What a gallery remembers of its backups, in a file of DATA_DIR: its targets, and the last run.

It is not in the database, since a backup that failed because of the database must be told too.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from gallery import files
from gallery.backup.refused import Busy, Refused


@dataclass(frozen=True)
class Run:
    """One attempt: when it ended, whether a generation was made, and what there is to say."""

    ended_at: datetime
    made: bool
    sentence: str = ""


@dataclass(frozen=True)
class History:
    """`targets` are the names of all that ever had the marker; `last_made` is the last success.

    A backup is to be made every `every_hours`, 0 for never, since `scheduled_at`.
    """

    targets: tuple[str, ...] = ()
    last: Run | None = None
    last_made: datetime | None = None
    every_hours: int = 0
    scheduled_at: datetime | None = None

    def knows(self, target: str) -> bool:
        """Tell whether the target once had this gallery's marker."""
        return target in self.targets


def _file() -> Path:
    return Path(settings.DATA_DIR) / "backups.json"


def read() -> History:
    """Return what is remembered; raise `Refused` if the file cannot be read."""
    try:
        kept = json.loads(_file().read_text(encoding="utf-8"))
        last = kept.get("last")
        return History(
            targets=tuple(map(str, kept.get("targets", ()))),
            last=_run(last) if last else None,
            last_made=_time(kept.get("last_made")),
            every_hours=int(kept.get("every_hours", 0)),
            scheduled_at=_time(kept.get("scheduled_at")),
        )
    except FileNotFoundError:
        return History()
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        message = f"{_file()} cannot be read ({error}). Restore or remove this file, and repeat."
        raise Refused(message) from error


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _run(kept: dict[str, Any]) -> Run:
    return Run(datetime.fromisoformat(kept["ended_at"]), bool(kept["made"]), str(kept["sentence"]))


def write(history: History) -> None:
    """Keep this from now on."""
    data = json.dumps(asdict(history), indent=2, default=datetime.isoformat).encode()
    files.write_atomically(_file(), data)


def remember_target(name: str) -> None:
    """Remember that the target has the gallery's marker."""
    history = read()
    if not history.knows(name):
        write(replace(history, targets=(*history.targets, name)))


def remember_run(*, made: bool, sentence: str = "") -> None:
    """Remember how an attempt ended, unless the file is damaged, which is told anyway."""
    try:
        history, now = read(), timezone.now()
    except Refused:
        return
    last_made = now if made else history.last_made
    write(replace(history, last=Run(now, made, sentence), last_made=last_made))


def remember_schedule(every_hours: int) -> None:
    """Remember how often a backup is to be made."""
    history = read()
    if history.every_hours != every_hours:
        write(replace(history, every_hours=every_hours, scheduled_at=timezone.now()))


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Raise `Busy` while another backup or restore of this gallery runs."""
    with (Path(settings.DATA_DIR) / "backup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Busy(
                "Another backup of this gallery is running. Wait until it has ended."
            ) from None
        yield
