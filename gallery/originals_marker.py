"""The marker in the folder of the originals: it tells the right disk from an empty mount point.

The file holds the id of the gallery, which the database knows too. It is made once. If it is
missing later, the disk with the originals is not there: nothing is stored or deleted until it is
back, and browsing goes on. Nobody has to tell the gallery that it is back, since every use asks.
"""

from __future__ import annotations

import uuid
from pathlib import Path

from django.utils import timezone
from django.utils.translation import gettext as _, gettext_lazy

from gallery import files
from gallery.models import GalleryIdentity, Photo, PhotoQuerySet
from gallery.models.gallery_identity import ONLY

NAME = files.MARKER
_SAMPLE = 50
"""How many photos are looked for in a folder that has no marker yet. Half of them must be there."""


class OriginalsAway(files.CannotStore):
    """The folder of the originals is not the one that this gallery knows."""

    code = "originals_away"
    status = 503
    retry_seconds = "60"
    sentence = gettext_lazy(
        "The disk with the originals is not there, so nothing can be stored or deleted. Mount it "
        "again, and the gallery goes on by itself."
    )

    def __init__(self, message: str = "") -> None:
        super().__init__(message or str(self.sentence))


def folder() -> Path:
    """Return the folder of the originals."""
    return files.originals()


def path() -> Path:
    """Return where the marker of this gallery is, or should be."""
    return folder() / NAME


def read(originals: Path) -> uuid.UUID | None:
    """Return the id of the gallery to which a folder of originals belongs; None without a marker.

    A marker that cannot be read counts as none.
    """
    try:
        return uuid.UUID((originals / NAME).read_text("ascii").strip())
    except (OSError, ValueError):
        return None


def gallery_id() -> uuid.UUID:
    """Return the id of this gallery; the first call makes it."""
    return GalleryIdentity.objects.get_or_create(pk=ONLY)[0].gallery_id


def check() -> None:
    """Raise `OriginalsAway` unless the originals of this gallery are there.

    A gallery that has no marker yet gets one, if its folder is empty or plausible: it is new, or
    older than the markers.
    """
    row = GalleryIdentity.objects.filter(pk=ONLY).first()
    found = read(folder())
    if row is not None and row.marked_at is not None and found == row.gallery_id:
        return
    if found is None and not _may_be_marked(row):
        raise OriginalsAway
    if found is not None and not _may_be_adopted(row, found):
        raise OriginalsAway(_foreign())
    _mark(found)


def is_away() -> bool:
    """Tell whether the originals of this gallery are not there now."""
    try:
        check()
    except OriginalsAway:
        return True
    return False


def mark() -> None:
    """Take the folder as it is for that of this gallery, because a person says so.

    Raises OSError if the marker cannot be written.
    """
    _mark(None)


def _foreign() -> str:
    return _(
        "The folder of the originals belongs to another gallery, so nothing can be stored or "
        "deleted. Mount the right disk, or restore the database that belongs to this folder."
    )


def _may_be_marked(row: GalleryIdentity | None) -> bool:
    """Tell whether a folder without a marker may get one.

    In a gallery without photos nothing can be missing. A gallery whose folder was marked once does
    not get here by an upgrade, however plausible its files look.
    """
    if not _own_photos().exists():
        return True
    return (row is None or row.marked_at is None) and _is_plausible()


def _may_be_adopted(row: GalleryIdentity | None, found: uuid.UUID) -> bool:
    """Tell whether the marker that was found may stay.

    A database that is older than its own marker, as one restored from a backup, has none of its
    id, but its photos are there. A new database has no photos.
    """
    if row is not None and row.marked_at is not None:
        return False
    if row is not None and row.gallery_id == found:
        return True
    return _own_photos().exists() and _is_plausible()


def _is_plausible() -> bool:
    """Tell whether at least half of a few photos have their files."""
    some = list(_own_photos().not_deleted().order_by("pk")[:_SAMPLE])
    return 2 * sum(files.own_copy(photo).exists() for photo in some) >= len(some)


def _own_photos() -> PhotoQuerySet:
    """Return the photos that have or had files here, also those that are being deleted."""
    return Photo.objects.filter(external=False)


def _mark(found: uuid.UUID | None) -> None:
    """Let database and folder have one id: that of the marker that was `found`, or else the row's.

    The file comes first. A crash in between leaves a row that is not marked, which is tried again.
    """
    row, _made = GalleryIdentity.objects.get_or_create(pk=ONLY)
    if found is None:
        files.write_atomically(path(), f"{row.gallery_id}\n".encode())
        files.sync(path())
        files.sync(folder())
    same = GalleryIdentity.objects.filter(pk=ONLY)
    same.update(gallery_id=found or row.gallery_id, marked_at=timezone.now())
