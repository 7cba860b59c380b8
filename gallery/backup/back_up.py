"""Makes one backup: the rows as of one moment, then the files, then the proof, then the manifest.

The rows come first because a file is stored before its row is written and removed after its row is
marked: a file that the rows name is there, or its owner has deleted it since.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import connections
from django.utils import timezone

import gallery
from gallery import files, originals_marker
from gallery.backup import (
    dump,
    file_list,
    guards,
    history,
    manifest,
    marker,
    parts,
    retention,
    verify,
)
from gallery.backup.file_list import FAULTS, Entry, Outcome
from gallery.backup.manifest import Manifest, folder_of
from gallery.backup.refused import Refused, Stopped
from gallery.backup.snapshot import require_database, snapshot
from gallery.backup.store import Store
from gallery.backup.targets import Target
from gallery.failpoints import failpoint
from gallery.models import EmbeddingModel, Photo

EXAMPLES = 5


@dataclass(frozen=True)
class Options:
    """`force`: fewer photos, and many missing files, are meant. `reread`: read again what the
    target has. `external`: copy the files of external folders too."""

    force: bool = False
    reread: bool = False
    external: bool = False


@dataclass(frozen=True)
class Result:
    """What a backup made: its generation and manifest, examples of faults, and what went away."""

    generation: str
    manifest: Manifest
    faults: list[str]
    removed: retention.Removed

    @property
    def has_faults(self) -> bool:
        """Tell whether files were missing or changed."""
        return any(self.manifest.files.get(outcome) for outcome in FAULTS)


def never() -> bool:
    """Let a backup run to its end."""
    return False


def back_up(
    target: Target, options: Options = Options(), stop: Callable[[], bool] = never
) -> Result:
    """Back the gallery up while it runs, and return what was made.

    Raises `Refused` if something looks wrong, `Stopped` as soon as `stop` says so, `Damaged` if the
    target does not give back what was written, and `OSError` if it cannot be written. After any of
    these the earlier generations are as they were, and what was copied is used by the next run.
    """
    with history.one_at_a_time():
        guards.require_apart(target)
        require_database()
        _require_originals()
        marker.claim(target, str(originals_marker.gallery_id()))
        target.clear()
        return _Run(target, options, stop).made()


class _Run:
    """One backup on its way."""

    def __init__(self, target: Target, options: Options, stop: Callable[[], bool]) -> None:
        self.target, self.options, self.stop = target, options, stop
        self.started = timezone.now().astimezone(UTC)
        self.generation = _name(self.started)
        self.faults: list[str] = []
        self.counts: Counter[str] = Counter()
        self.bytes = self.missing = 0

    def made(self) -> Result:
        files_at_once = files.temporary_path()
        try:
            made = self._rows(files_at_once)
            failpoint("backup_rows_written")
            self._require_space(files_at_once)
            part = self._files(files_at_once, made.photos)
            failpoint("backup_files_copied")
        finally:
            files_at_once.unlink(missing_ok=True)
        made = replace(
            made,
            parts={**made.parts, manifest.FILE_LIST: part, **self._secret_key()},
            files=dict(sorted(self.counts.items())),
            bytes=self.bytes,
        )
        verify.check_parts(self.target, self.generation, made)
        failpoint("backup_checked")
        manifest.write(self.target, self.generation, made)
        manifest.read(self.target, self.generation)
        failpoint("backup_written")
        removed = retention.thin_out(self.target, force=self.options.force)
        return Result(self.generation, made, self.faults, removed)

    # --- the rows ---------------------------------------------------------------------------------

    def _rows(self, listed: Path) -> Manifest:
        """Write the rows, and the list of files that they name, as of one moment."""
        guards.require_space(self.target, _database_bytes())
        with snapshot() as alias:
            photos = Photo.objects.using(alias).not_deleted().count()
            guards.require_plausible(self.target, photos, force=self.options.force)
            made = dump.write(self.target, self.generation, alias, self.stop)
            _write_list(listed, file_list.entries(alias))
            return Manifest(
                gallery=str(originals_marker.gallery_id()),
                made_at=self.started.isoformat(),
                version=gallery.__version__,
                engine=connections[alias].vendor,
                migrations=made.migrations,
                models=list(EmbeddingModel.objects.using(alias).values_list("key", flat=True)),
                photos=photos,
                columns=made.columns,
                parts=made.parts,
                secret_key="included" if _key_file().is_file() else "environment",
            )

    def _secret_key(self) -> dict[str, parts.Part]:
        """Put the key of sessions beside the rows, unless it comes from the environment."""
        if not _key_file().is_file():
            return {}
        key = _key_file().read_text().strip()
        path = f"{folder_of(self.generation)}/{manifest.SECRET_KEY}"
        with parts.write(self.target, path) as writer:
            writer.add(key)
        return {manifest.SECRET_KEY: writer.part}

    # --- the files --------------------------------------------------------------------------------

    def _require_space(self, listed: Path) -> None:
        if self.target.free_bytes() is None:
            return
        store = Store(self.target)
        new = (
            entry.size
            for entry in _read_list(listed)
            if self._is_copied(entry) and not store.has(entry)
        )
        guards.require_space(self.target, sum(new))

    def _files(self, listed: Path, photos: int) -> parts.Part:
        """Put all files into the store, and write what became of each."""
        path = f"{folder_of(self.generation)}/{manifest.FILE_LIST}"
        store = Store(self.target)
        with parts.write(self.target, path) as writer:
            for entry in _read_list(listed):
                if self.stop():
                    raise Stopped
                writer.add(file_list.as_line(self._keep(store, entry)))
                guards.require_found(self.missing, photos, force=self.options.force)
        return writer.part

    def _keep(self, store: Store, entry: Entry) -> Entry:
        kept = entry
        if self._is_copied(entry):
            kept = store.keep(entry, reread=self.options.reread)
        self.counts[kept.outcome] += 1
        if kept.content:
            self.bytes += kept.size
        if kept.outcome in (Outcome.MISSING, Outcome.UNREADABLE) and not kept.external:
            self.missing += 1
        if kept.outcome in FAULTS and len(self.faults) < EXAMPLES:
            self.faults.append(f"{kept.outcome}: {kept.path}")
        return kept

    def _is_copied(self, entry: Entry) -> bool:
        return self.options.external or not entry.external


def _require_originals() -> None:
    try:
        originals_marker.check()
    except originals_marker.OriginalsAway as away:
        raise Refused(f"No backup was made. {away}") from away


def _name(when: datetime) -> str:
    """Return the name of a generation, which sorts by time and is a file name everywhere."""
    return when.strftime("%Y-%m-%dT%H-%M-%S-%fZ")


def _key_file() -> Path:
    return Path(settings.DATA_DIR) / "secret_key"


def _write_list(path: Path, entries: Iterator[Entry]) -> None:
    with gzip.open(path, "wt", 1, encoding="utf-8") as lines:
        for entry in entries:
            lines.write(json.dumps(file_list.as_line(entry)) + "\n")


def _read_list(path: Path) -> Iterator[Entry]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield Entry(**json.loads(line))


def _database_bytes() -> int:
    """Return about how many bytes the rows will take."""
    connection = connections["default"]
    if connection.vendor == "sqlite":
        path = Path(str(connection.settings_dict["NAME"]))
        return path.stat().st_size // 2 if path.is_file() else 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0]) // 2
