"""Embed the background texts with the starter model, for the file that comes with the program.

    python -m benchmarks.embed_background

Takes a minute. It is needed after the starter model, the texts or their wordings changed; until
then each gallery embeds the texts itself, and its first searches have no bands.
"""

from __future__ import annotations

import os

import django
import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
django.setup()

# The rows are made by the gallery's own code, which needs its settings.
from search.relevance import library  # noqa: E402
from search.vectors.embedders.base import Vectors  # noqa: E402
from search.vectors.embedders.catalog import READS_EVERY_LANGUAGE, STARTER_KEY  # noqa: E402


def whole_numbers(rows: Vectors) -> NDArray[np.int8]:
    """Return rows whose largest number is 127."""
    scaled = rows * (127 / np.abs(rows).max(axis=1, keepdims=True))
    return np.asarray(np.rint(scaled), np.int8)


def main() -> None:
    assert READS_EVERY_LANGUAGE, "The starter model lacks its encoder for every language here."
    rows = library.embedded(STARTER_KEY)
    library.PUBLISHED.mkdir(exist_ok=True)
    for former in library.PUBLISHED.glob("*.npy"):
        former.unlink()
    file = library.PUBLISHED / library.file_name(STARTER_KEY)
    np.save(file, whole_numbers(rows))
    print(f"{file}: {len(rows)} rows, {file.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
