"""AAE files, in which Apple's photo apps keep the edits of a picture as a property list."""

from __future__ import annotations

import plistlib
from typing import BinaryIO

from gallery.sidecars import BadSidecar, Sidecar, contents


def read(file: BinaryIO) -> Sidecar:
    """Check that the file lists edits, which say nothing of the photo. Raises BadSidecar."""
    data = contents(file)
    try:
        # It refuses entities. Damaged files make it raise almost anything.
        values = plistlib.loads(data)
    except Exception as error:
        raise BadSidecar(f"no property list: {type(error).__name__}") from error
    if not isinstance(values, dict) or not any(key.startswith("adjustment") for key in values):
        raise BadSidecar("no edits")
    return Sidecar()
