"""Sidecars beside the photos of an external folder.

A sidecar is small, so Scry keeps a copy of it, as of those that are uploaded. The file itself stays
as it is, and a scan notices when it changes.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from gallery import companions, files
from gallery.companion_names import Neighbours
from gallery.folders.import_folder import copy_bytes, when_decoder_is_free
from gallery.folders.listing import File
from gallery.models import ExternalFile, ExternalFolder


def photos_beside(folder: ExternalFolder) -> defaultdict[Path, Neighbours]:
    """Return the photos of an external folder by the folder in which they lie."""
    beside: defaultdict[Path, Neighbours] = defaultdict(Neighbours)
    for row in folder.files.present().exclude(photo=None):
        if row.photo_id is not None:
            beside[folder.root / row.relative.parent].add(row.relative.name, row.photo_id)
    return beside


def keep_sidecar(
    folder: ExternalFolder, file: File, row: ExternalFile, beside: Neighbours
) -> companions.Kept | None:
    """Keep a copy of a sidecar whose content is `row.sha256`; None if it has other content now.

    The row then says that it is kept.
    Raises `Refused`, `StorageFull` and OSError.
    """
    files.require_free_space(file.size)
    copy = files.temporary_path()
    try:
        copy_bytes(file.path, copy)
        if copy.is_symlink() or files.sha256(copy) != row.sha256:
            return None
        kept = when_decoder_is_free(
            lambda: companions.keep(folder.owner, copy, file.path.name, beside)
        )
    finally:
        files.discard([copy])
    row.reason = ExternalFile.KEPT
    row.save()
    return kept
