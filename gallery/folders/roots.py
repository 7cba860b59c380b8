"""Adding an external folder from the browser: only below folders that the operator named.

IMPORT_ROOTS names them. Nothing is told of any other path, not even whether it exists.
"""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from django.utils.translation import gettext as _

from gallery.folders import external
from gallery.folders.external import BadFolder
from gallery.models import ExternalFolder


def roots() -> list[Path]:
    """Return the folders below which people may add some; none unless the operator named any."""
    return list(settings.IMPORT_ROOTS)


def add_below_root(owner: AbstractBaseUser, text: str) -> ExternalFolder:
    """Add the folder at a path that somebody typed; the workers scan it at once.

    Raises `BadFolder` with one sentence for all that is outside, or reached by `..` or a link.
    """
    path = Path(text.strip())
    if "\0" in text or not _is_inside(path):
        raise BadFolder(_("Give the whole path of a folder inside one of the allowed folders."))
    if not os.path.isdir(path) or not os.access(path, os.R_OK | os.X_OK):  # noqa: PTH112 - it never raises
        raise BadFolder(_("There is no folder at this path that Scry can read."))
    folder = external.add_folder(owner, path)
    folder.scan_due_at = timezone.now()
    folder.save(update_fields=["scan_due_at"])
    return folder


def _is_inside(path: Path) -> bool:
    """Tell whether a path is that of an allowed folder or below, without any link on the way."""
    if not path.is_absolute() or ".." in path.parts:
        return False
    for root in roots():
        if path.is_relative_to(root):
            try:
                return path.resolve() == root.resolve() / path.relative_to(root)
            except (OSError, RuntimeError):
                return False
    return False
