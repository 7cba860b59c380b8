"""Restores a backup into an empty installation: the files, then the rows, then what follows.

The files come first, as in an upload: no row ever names a file that is not there. A restore that
was cut short before its rows were complete can be repeated, and uses the files that are there.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256 as sha256_of
from pathlib import Path

from django.conf import settings

from gallery import files, originals_marker
from gallery.backup import file_list, history, load, manifest, marker, parts, store, verify
from gallery.backup.file_list import Entry, Outcome
from gallery.backup.manifest import Manifest, folder_of
from gallery.backup.refused import Refused
from gallery.backup.targets import Target
from gallery.files import StorageFull
from gallery.slices import slices

_AT_ONCE = 8
"""Files that are copied side by side: their waits for the disk, or a bucket, fall together."""
_CHUNK = 500


@dataclass(kw_only=True)
class Restored(verify.Faults):
    """What came back, and what did not."""

    generation: str
    manifest: Manifest
    files: int = 0


def restore(target: Target, generation: str = "", external: Path | None = None) -> Restored:
    """Restore a generation, the newest by default, and return what came back.

    Copied files of external folders go below `external`, if it is given. The indexes are not made
    here. Raises `Refused` if this installation is not empty or cannot hold the backup, `Damaged` if
    the backup is not whole, and `StorageFull`; nothing was changed then, except for files copied.
    """
    with history.one_at_a_time(), _nobody_serves():
        marker.gallery_of(target)
        generation = generation or _latest(target)
        made = manifest.read(target, generation)
        load.require_known(made)
        load.require_empty()
        verify.check_parts(target, generation, made)
        restored = Restored(generation=generation, manifest=made)
        _require_space(target, generation)
        _restore_files(target, restored, external)
        deleted = _deleted(target, generation)
        load.load(target, generation, made, deleted)
        _restore_key(target, restored)
        history.remember_target(target.name)
        originals_marker.mark()
        for sentence in load.differences(made, deleted):
            restored.add(sentence)
        return restored


@contextmanager
def _nobody_serves() -> Iterator[None]:
    """Keep `serve` from starting meanwhile; raise `Refused` if it runs."""
    with (Path(settings.DATA_DIR) / "serve.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Refused("The gallery runs here. Stop it, and repeat.") from None
        yield


def _latest(target: Target) -> str:
    generation = manifest.latest(target)
    if generation is None:
        raise Refused(f"No backup in {target.name} was ever completed. Use another target.")
    return generation


def _deleted(target: Target, generation: str) -> load.Deleted:
    gone = [
        entry
        for entry in file_list.read(target, generation)
        if entry.outcome == Outcome.DELETED and entry.has_own_path()
    ]
    beside = [entry for entry in gone if entry.path.startswith("companions/")]
    return load.Deleted(
        photos=[entry.photo for entry in gone if entry not in beside],
        companions=[entry.source.stem for entry in beside],
    )


# --- the files ------------------------------------------------------------------------------------


def _require_space(target: Target, generation: str) -> None:
    new = (
        entry.size
        for entry in file_list.read(target, generation)
        if entry.has_own_path() and entry.content and not entry.source.exists()
    )
    try:
        files.require_free_space(sum(new))
    except StorageFull:
        message = "The disk has too little space for this backup. Free some, or use a larger one."
        raise Refused(message) from None


def _restore_files(target: Target, restored: Restored, external: Path | None) -> None:
    """Put all files in their places, several at once: most of the time is waiting for the disk."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for some in slices(file_list.read(target, restored.generation), _CHUNK):
            for is_back, fault in pool.map(
                lambda entry: _restore_file(target, entry, external), some
            ):
                restored.files += is_back
                if fault:
                    restored.add(fault)
    # The names, too, of what a restore that was cut short had put there.
    for folder in Path(settings.MEDIA_DIR).glob("**/"):
        files.sync(folder)


def _restore_file(target: Target, entry: Entry, external: Path | None) -> tuple[bool, str]:
    """Put one file in its place; return whether it is there, and what is wrong with it, or ""."""
    if entry.outcome in (Outcome.MISSING, Outcome.UNREADABLE):
        return False, f"{entry.path} was {entry.outcome} when the backup was made."
    if not entry.content or (place := _place(entry, external)) is None:
        return False, ""
    try:
        _put(target, entry.content, place)
    except (ValueError, FileNotFoundError) as error:
        return False, f"{entry.path} cannot be restored: {error}"
    if entry.outcome == Outcome.CHANGED:
        return True, f"{entry.path} was changed on the disk before the backup was made."
    return True, ""


def _place(entry: Entry, external: Path | None) -> Path | None:
    """Return where a file goes; None if it is of an external folder, or its path is not Scry's."""
    if entry.has_own_path():
        return entry.source
    if external is None or not entry.external or ".." in entry.source.parts:
        return None
    return external / entry.source.relative_to("/")


def _put(target: Target, sha256: str, place: Path) -> None:
    """Put a content in its place, unless it is there already."""
    if place.is_file() and files.sha256(place) == sha256:
        # A restore that was cut short may not have waited for the disk.
        files.sync(place)
        return
    if place.is_relative_to(settings.MEDIA_DIR):
        part = files.temporary_path()
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        # As short as any name may be, and the same when this is repeated.
        part = place.with_name(f".{sha256_of(os.fsencode(place.name)).hexdigest()}.part")
    try:
        store.fetch(target, sha256, part)
        files.store(part, place)
    finally:
        part.unlink(missing_ok=True)


# --- the key --------------------------------------------------------------------------------------


def _restore_key(target: Target, restored: Restored) -> None:
    """Put the key of sessions where the next start finds it, with mode 0600."""
    if manifest.SECRET_KEY not in restored.manifest.parts:
        return
    (key,) = parts.read(target, f"{folder_of(restored.generation)}/{manifest.SECRET_KEY}")
    place = Path(settings.DATA_DIR) / "secret_key"
    part = place.with_name("secret_key.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(str(key))
    part.replace(place)
