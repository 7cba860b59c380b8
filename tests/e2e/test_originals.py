"""What the pages say of damaged originals, in a real browser, also on a phone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

WIDER = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def damaged(gallery, uploaded) -> Iterator[str]:
    """The name of a photo whose original is damaged, as the worker notes it."""
    (name,) = uploaded("an-original-with-a-rather-long-name", "red")
    record = Path(gallery.environment["DATA_DIR"]) / "scry.sqlite3"
    with closing(sqlite3.connect(record, timeout=20, isolation_level=None)) as database:
        database.execute(
            "INSERT INTO gallery_filedamage (photo_id, kind, found_at)"
            " SELECT id, 'changed', '2026-01-02' FROM gallery_photo WHERE name = ?",
            [name],
        )
        yield name
        database.execute("DELETE FROM gallery_filedamage")


@pytest.mark.parametrize("width", [1440, 390])
def test_damage_is_listed_and_fits_the_page(owner, damaged, width):
    owner.size(width, 844)
    for path in ("/originals", "/problems"):
        owner.open(path)
        told = owner.words(".problems")
        assert damaged in told
        assert "Restore it from a backup" in told
        assert owner.run(WIDER) <= 0, path
