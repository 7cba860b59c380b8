"""External folders: adding and forgetting one, and where the original of a photo is just now.

Scry reads these folders and never writes to, moves or deletes anything in them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Exists, OuterRef, TextChoices
from django.utils import timezone
from django.utils.translation import gettext as _, gettext_lazy

from gallery import files, originals_marker, trash
from gallery.locks import lock_owner
from gallery.models import ExternalFile, ExternalFolder, Photo
from gallery.models.external_folders import PATH_LIMIT
from gallery.paths import from_text, shown, to_text
from gallery.slices import slices
from gallery.user_errors import UserError

AWAY_CHECK = timedelta(minutes=1)
"""How often the workers look whether a folder that is away is back."""


class State(TextChoices):
    """Whether the original of an external photo can be read."""

    HERE = "here", gettext_lazy("here")
    AWAY = "away", gettext_lazy("away")
    MISSING = "missing", gettext_lazy("missing")


@dataclass(frozen=True)
class Kept:
    """Where the original of an external photo is kept: folder and path below it, for people."""

    folder: str
    path: str
    state: State

    @property
    def sentence(self) -> str:
        """What people need to know, empty while the file is there."""
        if self.state is State.AWAY:
            text = _(
                "The folder %(folder)s is away. The original returns once the folder is mounted "
                "and readable again."
            )
        elif self.state is State.MISSING:
            text = _(
                "The file of this photo is missing from its folder %(folder)s. Put it back, or "
                "delete the photo."
            )
        else:
            return ""
        return text % {"folder": self.folder}


class BadFolder(UserError):
    """A folder cannot be added; the message says why."""

    code = "bad_folder"


def add_folder(owner: AbstractBaseUser, path: Path) -> ExternalFolder:
    """Return the external folder of an owner at `path`, made if it is new; raise `BadFolder`."""
    root = path.resolve()
    text = to_text(root)
    if len(text) > PATH_LIMIT:
        raise BadFolder(_("The path is longer than %(limit)d characters.") % {"limit": PATH_LIMIT})
    data = Path(settings.DATA_DIR).resolve()
    if root == data or root.is_relative_to(data):
        raise BadFolder(_("Scry keeps its own files in this folder."))
    for other in ExternalFolder.objects.filter(owner_id=owner.pk).exclude(path=text):
        if root.is_relative_to(other.root) or other.root.is_relative_to(root):
            message = _("It overlaps the external folder %(folder)s. Add folders side by side.")
            raise BadFolder(message % {"folder": other})
    due = timezone.now() + timedelta(minutes=max(settings.RESCAN_MINUTES, 1))
    folder, _made = ExternalFolder.objects.update_or_create(
        owner_id=owner.pk, path=text, defaults={"scan_due_at": due}
    )
    return folder


def forget_folder(folder: ExternalFolder) -> int:
    """Drop an external folder; return how many photos leave the gallery, for ever.

    These are the photos whose original is nowhere else: neither kept by Scry nor in another
    external folder. Their content is not remembered as deleted, so the folder may be added again.
    """
    with transaction.atomic():
        lock_owner(folder.owner_id)
        # A scan that runs now writes no more rows.
        ExternalFolder.objects.select_for_update().get(pk=folder.pk)
        elsewhere = ExternalFile.objects.exclude(folder=folder).filter(photo=OuterRef("pk"))
        only_here = Photo.objects.not_deleted().filter(external=True, external_files__folder=folder)
        ids = set(only_here.exclude(Exists(elsewhere)).values_list("pk", flat=True))
        ExternalFolder.objects.filter(pk=folder.pk).delete()
        drop(ids)
    return len(ids)


def drop(photo_ids: Iterable[UUID]) -> None:
    """Delete photos for ever whose files are of no use any more, and do not remember the content.

    It runs inside a transaction.
    """
    for part in slices(photo_ids):
        ExternalFile.objects.filter(photo__in=part).delete()
        photos = Photo.objects.filter(pk__in=part)
        trash.trash(photos)
        trash.empty(photos)


def due() -> list[ExternalFolder]:
    """Return the folders that the workers have to scan now."""
    rows = ExternalFolder.objects.filter(scan_due_at__lte=timezone.now())
    if not settings.RESCAN_MINUTES:
        rows = rows.exclude(away_since=None)
    return list(rows.select_related("owner"))


def claim(folder: ExternalFolder) -> bool:
    """Take over the scan that is due; False if another process did."""
    later = timezone.now() + timedelta(minutes=max(settings.RESCAN_MINUTES, 1))
    same = ExternalFolder.objects.filter(pk=folder.pk, scan_due_at=folder.scan_due_at)
    return same.update(scan_due_at=later) == 1


def hold(folder: ExternalFolder) -> None:
    """Keep other processes from a folder whose scan takes long."""
    later = timezone.now() + timedelta(minutes=max(settings.RESCAN_MINUTES, 1))
    ExternalFolder.objects.filter(pk=folder.pk).update(scan_due_at=later)


def kept(photo: Photo) -> Kept | None:
    """Return where the original of a photo is kept; None for a photo that Scry has itself."""
    if not photo.external:
        return None
    here = files.original(photo)
    rows = list(photo.external_files.select_related("folder").order_by("pk"))
    if not rows:
        return Kept("", photo.name, State.MISSING)
    row = next((row for row in rows if row.full_path == here), rows[-1])
    state = State.HERE if row.full_path == here else State.MISSING
    if state is State.MISSING and is_away(photo):
        state = State.AWAY
    return Kept(str(row.folder), shown(from_text(row.path)), state)


def is_away(photo: Photo) -> bool:
    """Tell whether the place of an original cannot be reached now, as a disk that is off.

    The original of such a photo is not lost, and reading it later may work. Folders that are found
    to be away are marked, so that nobody tries their files before the next scan.
    """
    if not photo.external:
        return originals_marker.is_away()
    rows = ExternalFile.objects.filter(photo=photo).select_related("folder")
    away = [is_folder_away(row.folder) for row in rows]
    return any(away)


def is_folder_away(folder: ExternalFolder) -> bool:
    """Tell whether an external folder is away, and mark it if that is news."""
    if folder.away_since is None and files.is_folder_away(folder.root):
        mark_away(folder)
    return folder.away_since is not None


def folders_away() -> list[ExternalFolder]:
    """Return the folders that are away just now, without marking them."""
    return [row for row in ExternalFolder.objects.all() if seems_away(row)]


def seems_away(folder: ExternalFolder) -> bool:
    """Tell whether an external folder is away, without marking it."""
    return folder.away_since is not None or files.is_folder_away(folder.root)


def mark_away(folder: ExternalFolder) -> None:
    """Note that a folder is away; its photos stay, and it is looked for every minute."""
    now = timezone.now()
    folder.away_since = folder.away_since or now
    folder.scan_due_at = now + AWAY_CHECK
    folder.save(update_fields=["away_since", "scan_due_at"])
