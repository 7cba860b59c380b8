"""How much disk space the gallery takes, by what it is for and by account.

Finding out walks through all files and all photos, so a worker does it now and then
(`workers/measure_space.py`) and leaves the figures in a file of DATA_DIR. Pages only read them.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.models import Count, Q, Sum, TextChoices
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gallery import files
from gallery.models import Photo

LEAST_REST, MOST_REST = timedelta(minutes=1), timedelta(hours=6)
_REST_FACTOR = 100
"""How much longer to rest than measuring took, within these bounds."""

_BLOCK = 512
"""What `st_blocks` counts, whatever the file system's own blocks are (POSIX)."""
_REST_AFTER, _REST_SECONDS = 1000, 0.05


class Use(TextChoices):
    """What space is used for, in the order of the page."""

    ORIGINALS = "originals", _("Originals and what is kept with them")
    RENDITIONS = "renditions", _("Thumbnails and previews")
    DATABASE = "database", _("Database")
    INDEX = "index", _("Vector index")
    MODELS = "models", _("Models")
    OTHER = "other", _("All else")
    BACKUPS = "backups", _("Backups")


_FOLDERS = {
    "originals": Use.ORIGINALS,
    "companions": Use.ORIGINALS,
    "thumbnails": Use.RENDITIONS,
    "small-thumbnails": Use.RENDITIONS,
    "previews": Use.RENDITIONS,
    "index": Use.INDEX,
    "models": Use.MODELS,
}


class Stopped(Exception):
    """The process ends before all is measured."""


@dataclass(frozen=True)
class Space:
    """Bytes by use, and bytes and photos of each account by its key.

    `at` is when it was so, and `took` how many seconds it took to find out.
    """

    at: datetime
    took: float = 0.0
    bytes: dict[str, int] = field(default_factory=dict)
    accounts: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def rows(self) -> list[tuple[Use, int]]:
        """What takes space, in the order of the page."""
        return [(use, self.bytes[use]) for use in Use if use in self.bytes]

    def of(self, account: int) -> tuple[int, int]:
        """Return the bytes and the number of the photos of an account."""
        return self.accounts.get(str(account), (0, 0))


def _file() -> Path:
    return Path(settings.DATA_DIR) / "space.json"


def last_measured() -> Space | None:
    """Return the last figures, or None before the first."""
    try:
        kept = json.loads(_file().read_text(encoding="utf-8"))
        accounts = {owner: (size, number) for owner, (size, number) in kept["accounts"].items()}
        at = datetime.fromisoformat(kept["at"])
        return Space(at, float(kept["took"]), kept["bytes"], accounts)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def is_due() -> bool:
    """Tell whether the figures are missing, old, or from the future."""
    known = last_measured()
    if known is None:
        return True
    rest = min(max(timedelta(seconds=_REST_FACTOR * known.took), LEAST_REST), MOST_REST)
    return not timedelta(0) <= timezone.now() - known.at < rest


def measure(stop: Callable[[], bool]) -> Space:
    """Measure all and keep it; raise `Stopped` as soon as `stop` says so."""
    began = time.monotonic()
    by_use, by_account = _by_use(stop), _by_account()
    found = Space(timezone.now(), round(time.monotonic() - began, 3), by_use, by_account)
    data = json.dumps(asdict(found), default=datetime.isoformat).encode()
    files.write_atomically(_file(), data)
    return found


def _by_use(stop: Callable[[], bool]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for use, size in _rested(_files(), stop):
        found[use] += size
    found[Use.DATABASE] += _bytes_of_server()
    return dict(found)


Sizes = Iterator[tuple[str, int]]
"""What files are for, and their bytes on the disk."""


def _rested(walked: Sizes, stop: Callable[[], bool]) -> Sizes:
    """Pass on what is walked over, with rests, so that the disk stays free for people."""
    for number, one in enumerate(walked, start=1):
        if not number % _REST_AFTER:
            time.sleep(_REST_SECONDS)
            if stop():
                raise Stopped
        yield one


def _files() -> Sizes:
    """Yield what each file is for, and its bytes on the disk."""
    data = Path(settings.DATA_DIR)
    for top in (data, Path(settings.MEDIA_DIR)):
        for entry in _entries(top):
            if Path(entry.path) == Path(settings.MEDIA_DIR):
                continue
            use = _FOLDERS.get(entry.name, Use.OTHER)
            if entry.name.startswith(_sqlite_name()):
                use = Use.DATABASE  # with the files that SQLite keeps beside it
            yield from ((use, size) for size in _sizes(entry))
    target = Path(settings.BACKUP_TARGET or "s3:")
    if target.is_absolute() and not target.is_relative_to(data):
        yield from ((Use.BACKUPS, size) for entry in _entries(target) for size in _sizes(entry))


def _sqlite_name() -> str:
    """Return the name of SQLite's file; of another database, what no file is called."""
    is_file = connection.vendor == "sqlite"
    return Path(connection.settings_dict["NAME"]).name if is_file else "/"


def _entries(folder: Path | str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _sizes(entry: os.DirEntry[str]) -> Iterator[int]:
    """Yield the bytes of a file, or of all files below a folder; links are not followed."""
    waiting = [entry]
    while waiting:
        one = waiting.pop()
        try:
            if one.is_dir(follow_symlinks=False):
                waiting.extend(_entries(one.path))
            else:
                yield one.stat(follow_symlinks=False).st_blocks * _BLOCK
        except OSError:
            continue  # It was removed just now.


def _bytes_of_server() -> int:
    """Return the size of a database that is no file of DATA_DIR."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def _by_account() -> dict[str, tuple[int, int]]:
    rows = Photo.objects.not_deleted().order_by().values_list("owner_id")
    own = Sum("size", filter=Q(external=False), default=0)
    counted = rows.annotate(bytes=own, number=Count("pk"))
    return {str(owner): (size, number) for owner, size, number in counted}
