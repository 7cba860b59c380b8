"""The file SHA256SUMS of a model's folder, in the format of the command `sha256sum --check`.

`fetch_model` writes it. A folder without one is accepted: its files may come from anywhere.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from django.utils.translation import gettext as _

from gallery import files
from search.vectors.embedders import digests
from search.vectors.embedders.base import DAMAGED_WEIGHTS, ModelUnavailable

NAME = "SHA256SUMS"

_LINE = re.compile(r"([0-9a-f]{64}) [ *]([^/\\\0]+)")


def read(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each listed file by name; nothing without a list.

    Raises `ModelUnavailable` if the list cannot be read.
    """
    try:
        lines = (folder / NAME).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _list_error(folder) from error
    entries = [_LINE.fullmatch(line) for line in lines if line.strip()]
    if not all(entries):
        raise _list_error(folder)
    return {entry[2]: entry[1] for entry in entries if entry}


def write(folder: Path, sums: dict[str, str]) -> None:
    """Write the list, complete or not at all."""
    text = "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))
    files.write_atomically(folder / NAME, text.encode())


def require_files(folder: Path) -> None:
    """Raise `ModelUnavailable` unless every listed file is in the folder."""
    for name in read(folder):
        if not os.path.isfile(folder / name):  # noqa: PTH113 - the method fails for long names
            message = _("%(file)s is missing beside the weights, but %(list)s names it; copy it.")
            raise ModelUnavailable(message % {"file": name, "list": NAME})


def verify(folder: Path) -> None:
    """Raise `ModelUnavailable` unless all listed files are there and have the listed SHA-256.

    A file that did not change is read once.
    """
    require_files(folder)
    for name, expected in read(folder).items():
        if digests.sha256_of(folder / name) != expected:
            message = _(
                "%(file)s is damaged: it is not the file that %(list)s describes; copy it again."
            )
            raise ModelUnavailable(message % {"file": name, "list": NAME}, DAMAGED_WEIGHTS)


def _list_error(folder: Path) -> ModelUnavailable:
    message = _("%(folder)s/%(list)s is damaged; copy it again, or remove it.")
    return ModelUnavailable(message % {"folder": folder.name, "list": NAME})
