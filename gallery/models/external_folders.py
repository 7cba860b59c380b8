"""Folders of the server whose photos stay where they are, and the files in them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.conf import settings
from django.db import models
from django.utils import timezone

from gallery.models.photo_library import OwnedQuerySet, Photo
from gallery.paths import from_text, shown, to_text

PATH_LIMIT = 1000


class ExternalFolder(models.Model):
    """A folder of one owner that Scry reads and never writes to, moves or deletes in.

    `path` is text of `gallery.paths.to_text`. `away_since` is set while the last scan found the
    folder missing, unreadable or empty, as a disk is that is not mounted. `scan_due_at` says when
    the workers look into it again.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="external_folders"
    )
    path = models.CharField(max_length=PATH_LIMIT)
    added_at = models.DateTimeField(default=timezone.now)
    scanned_at = models.DateTimeField(null=True, blank=True)
    scan_due_at = models.DateTimeField(default=timezone.now)
    away_since = models.DateTimeField(null=True, blank=True)

    objects = OwnedQuerySet["ExternalFolder"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "path"], name="one_row_per_external_folder")
        ]

    def __str__(self) -> str:
        return shown(self.root)

    @property
    def root(self) -> Path:
        """The folder itself."""
        return from_text(self.path)


class ExternalFileQuerySet(models.QuerySet["ExternalFile"]):
    """Queries on files in external folders."""

    def present(self) -> ExternalFileQuerySet:
        """Leave out files that the last scan did not find, or found unfit."""
        return self.filter(missing_since=None)

    def away(self) -> ExternalFileQuerySet:
        """Return the files of photos in folders that are away now."""
        return self.filter(photo__isnull=False).exclude(folder__away_since=None)


class ExternalFile(models.Model):
    """One file in an external folder, as the last scan found it.

    `path` is below the folder, as `to_text` writes it; `key` stands for it in the index, which
    takes no text of any length. `photo` is None for a file that is no photo of the gallery: it was
    refused (`reason`), its owner deleted it for ever, or it is a sidecar of which a copy is kept
    (`reason` is `KEPT`). Two files of equal bytes have the same photo. `missing_since` is set while
    the file is gone, or its content is unfit.
    """

    KEPT = "kept"

    folder = models.ForeignKey(ExternalFolder, models.CASCADE, related_name="files")
    photo = models.ForeignKey(
        Photo, models.SET_NULL, null=True, blank=True, related_name="external_files"
    )
    path = models.TextField()
    key = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField(help_text="bytes")
    modified_ns = models.BigIntegerField(help_text="nanoseconds since 1970")
    sha256 = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=30, blank=True)
    missing_since = models.DateTimeField(null=True, blank=True)

    objects = ExternalFileQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["folder", "key"], name="one_row_per_external_file")
        ]

    def __str__(self) -> str:
        return shown(from_text(self.path))

    @classmethod
    def at(cls, folder: ExternalFolder, relative: Path) -> ExternalFile:
        """Return a new row, not saved yet, for a path below a folder."""
        text = to_text(relative)
        return cls(folder=folder, path=text, key=hashlib.sha256(text.encode()).hexdigest())

    @property
    def signature(self) -> tuple[int, int]:
        """What changes when somebody writes to the file: its size and time."""
        return self.size, self.modified_ns

    @property
    def relative(self) -> Path:
        """The path below the folder."""
        return from_text(self.path)

    @property
    def full_path(self) -> Path:
        """Where the file is, or was. Links on the way are not looked at."""
        return self.folder.root / self.relative


class ForgottenFile(models.Model):
    """A file that its owner deleted for ever and that may still lie in an external folder.

    Scans leave files with this content out.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    sha256 = models.CharField(max_length=64)
    forgotten_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "sha256"], name="one_row_per_forgotten_file")
        ]

    def __str__(self) -> str:
        return self.sha256
