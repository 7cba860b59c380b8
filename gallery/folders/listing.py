"""Which files of a folder are taken in, which are left out, and what could not be read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from gallery import files
from gallery.companions import is_named_like_companion

_NO_PHOTOS = {
    # Synology, QNAP
    "@eadir", "@tmp", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "@sharebin",
    # Windows
    "$recycle.bin", "recycler", "system volume information", "thumbs.db", "ehthumbs.db",
    "desktop.ini",
    # macOS, Linux
    "__macosx", "icon\r", "lost+found",
}  # fmt: skip
"""What systems put between people's files, in lower case. Names that begin with a dot are left out
as well: `.thumbnails`, `.stfolder`, `.Trash-1000`, `.trashed-1700-IMG_1.jpg`, `._IMG_1.jpg`."""

_UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".filepart", ".tmp", ".!qb", "~")
"""Ends of names of files that a program is still writing, or that an editor put aside."""


@dataclass(frozen=True)
class File:
    """A file as it was found; `modified_ns` counts from 1970."""

    path: Path
    size: int
    modified_ns: int

    @property
    def signature(self) -> tuple[int, int]:
        """What changes when somebody writes to the file."""
        return self.size, self.modified_ns

    @property
    def modified(self) -> datetime | None:
        """When somebody last wrote to the file, aware; None if the calendar has no such time."""
        try:
            return datetime.fromtimestamp(self.modified_ns / 1e9, UTC)
        except (OverflowError, ValueError, OSError):
            return None


@dataclass
class Listing:
    """What is below a folder. The other two lists say why, in words for people."""

    files: list[File] = field(default_factory=list)
    left_out: list[tuple[Path, str]] = field(default_factory=list)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)


def list_files(folder: Path) -> Listing:
    """List the files below a folder, pictures first, by path. No file is opened.

    Links are not followed. What systems keep for themselves is left out without a word, and so is
    Scry's own folder.
    """
    listing, folders = Listing(), [folder]
    while folders:
        here = folders.pop()
        try:
            with os.scandir(here) as entries:
                folders += _sort_entries(entries, listing)
        except OSError as error:
            listing.unreadable.append((here, why(error)))
    # What belongs to a picture comes after all pictures.
    listing.files.sort(key=lambda file: (is_named_like_companion(file.path.name), file.path))
    return listing


def look_at(path: Path) -> File:
    """Return a file as it is now; raise OSError if it is gone or no regular file."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(_("It is not a regular file."))
    return File(path, *files.signature(status))


def why(error: OSError) -> str:
    """Return why something could not be read."""
    return error.strerror or str(error)


def _sort_entries(entries: Iterator[os.DirEntry[str]], listing: Listing) -> list[Path]:
    """Put the entries of one folder into the listing; return the folders among them."""
    folders = []
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith(".") or entry.name.lower() in _NO_PHOTOS or _is_scrys(path):
            continue
        try:
            if entry.is_symlink():
                listing.left_out.append((path, _("It is a link, and links are not followed.")))
            elif entry.is_dir(follow_symlinks=False):
                folders.append(path)
            elif not entry.is_file(follow_symlinks=False):
                listing.left_out.append((path, _("It is not a regular file.")))
            elif entry.name.lower().endswith(_UNFINISHED):
                listing.left_out.append((path, _("Its name says that it is unfinished.")))
            else:
                listing.files.append(look_at(path))
        except OSError as error:
            listing.unreadable.append((path, why(error)))
    return folders


def _is_scrys(path: Path) -> bool:
    return path == Path(settings.DATA_DIR)
