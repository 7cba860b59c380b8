"""What must be so before a backup writes anything. Each refusal is a sentence that says what to do.

The backups are there for the day on which something is wrong with the gallery, so whatever looks
wrong ends the run before it, and never an earlier generation.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from django.conf import settings

from gallery.backup import manifest
from gallery.backup.refused import Damaged, Refused
from gallery.backup.targets import FolderTarget, Target

MASS_FRACTION = 0.1
MASS_AT_LEAST = 20
"""Losing more photos than both at once is more often a fault than a wish; `fsck` says the same."""
RESERVE = 16 * 1024 * 1024
"""Bytes that stay free on the target."""


def require_apart(target: Target) -> None:
    """Raise `Refused` if the target is inside DATA_DIR, or the other way round."""
    if not isinstance(target, FolderTarget):
        return
    data = Path(settings.DATA_DIR).resolve()
    if target.root.is_relative_to(data) or data.is_relative_to(target.root):
        raise Refused(
            f"{target.name} and the gallery's own folder {data} are inside one another, so one "
            "fault would take both. Name a folder on another disk."
        )


def require_plausible(target: Target, photos: int, *, force: bool) -> None:
    """Raise `Refused` if far fewer photos are left than the last generation has."""
    before = 0 if force else _photos_of_last(target)
    lost = before - photos
    if (before and not photos) or lost > max(MASS_AT_LEAST, MASS_FRACTION * before):
        raise Refused(
            f"The gallery has {photos} photos, and the last backup has {before}. If this is meant, "
            "repeat with --force; if not, restore that backup."
        )


def _photos_of_last(target: Target) -> int:
    """Return the photos of the newest generation whose manifest can be read, 0 without any."""
    for generation in reversed(manifest.generations(target)):
        with suppress(Damaged):
            return manifest.read(target, generation).photos
    return 0


def require_found(missing: int, listed: int, *, force: bool) -> None:
    """Raise `Refused` if so many originals are missing that their disk must be away."""
    if not force and missing > max(MASS_AT_LEAST, MASS_FRACTION * listed):
        raise Refused(
            f"{missing} of {listed} files are missing, too many to be true, so no backup was made. "
            "Look at them with `manage.py fsck`; if they are gone for good, repeat with --force."
        )


def require_space(target: Target, needed: int) -> None:
    """Raise `Refused` if the target has too little free space for so many bytes."""
    free = target.free_bytes()
    if free is not None and free < needed + RESERVE:
        raise Refused(
            f"{target.name} has {free // 1_000_000:,} MB free, and {needed // 1_000_000:,} MB are "
            "needed. Free some space there, or name a target on a larger disk."
        )
