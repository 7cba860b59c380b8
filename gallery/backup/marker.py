"""The marker of a target: the format of what is there, and the gallery it belongs to."""

from __future__ import annotations

import json

from gallery.backup import history
from gallery.backup.refused import Refused
from gallery.backup.targets import Target

MARKER = "scry-backup.json"
FORMAT = 1


def gallery_of(target: Target) -> str:
    """Return the id of the gallery whose backups these are; raise `Refused` if there are none."""
    try:
        with target.open(MARKER) as file:
            marker = json.load(file)
        version, gallery = int(marker["format"]), str(marker["gallery"])
    except FileNotFoundError:
        raise Refused(
            f"{target.name} holds no backups: the file {MARKER} is missing. If it is on a disk, "
            "mount it, and repeat."
        ) from None
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Refused(
            f"The file {MARKER} in {target.name} is damaged. Use another target, and keep this one "
            "as it is."
        ) from error
    if version > FORMAT:
        raise Refused(
            f"The backups in {target.name} were made by a newer Scry (format {version}, this one "
            f"knows {FORMAT}). Install that version."
        )
    return gallery


def claim(target: Target, gallery: str) -> None:
    """Make sure that the target belongs to this gallery; mark it if it is new and empty.

    Raises `Refused` for any other target. A disk that is not mounted leaves an empty folder, so a
    target that was marked once and is empty now is refused.
    """
    known = history.read()
    if target.size(MARKER) is not None:
        if gallery_of(target) != gallery:
            raise Refused(
                f"{target.name} holds the backups of another gallery. Name another target."
            )
    elif known.knows(target.name):
        raise Refused(
            f"{target.name} held backups of this gallery, and now its marker {MARKER} is missing. "
            "Mount the disk and repeat; or, if the backups are gone for good, name another target."
        )
    elif not target.is_empty():
        raise Refused(
            f"{target.name} is not empty and holds no backups. Name an empty folder or a new one."
        )
    else:
        _mark(target, gallery)
    history.remember_target(target.name)


def _mark(target: Target, gallery: str) -> None:
    text = json.dumps({"format": FORMAT, "gallery": gallery}, indent=2)
    with target.create(MARKER) as file:
        file.write(text.encode())
    target.settle()
