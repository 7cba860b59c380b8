"""What looks wrong ends a backup with one sentence, and earlier backups stay as they are."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from gallery import files
from gallery.backup import guards, manifest, marker
from gallery.backup.back_up import Options, back_up
from gallery.backup.refused import Refused, Stopped
from gallery.backup.targets import FolderTarget
from gallery.backup.verify import verify
from gallery.models import Photo
from tests.workers.conftest import add_photo

pytestmark = pytest.mark.django_db(transaction=True)


def everything_in(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "unfinished" not in path.parts
    }


@pytest.fixture
def made(photos, target):
    """One good backup, of which not a byte may change."""
    back_up(target)
    before = everything_in(target.root)
    yield before
    after = everything_in(target.root)
    assert {name: after.get(name) for name in before} == before
    assert len(manifest.generations(target)) == 1
    assert verify(target).sentences == []


def originals() -> Path:
    return Path(settings.MEDIA_DIR) / "originals"


def disk_is_not_mounted():
    originals().rename(originals().with_name("elsewhere"))
    originals().mkdir()


def no_photo_is_left():
    Photo.objects.all().delete()


@pytest.mark.parametrize(
    ("fault", "said"),
    [(disk_is_not_mounted, "disk"), (no_photo_is_left, "restore that backup")],
)
def test_a_source_that_looks_wrong_is_refused(fault, said, made, target):
    fault()
    with pytest.raises(Refused, match=said):
        back_up(target)


def test_a_database_that_is_gone_is_not_made_anew(made, target):
    path = Path(connection.settings_dict["NAME"])
    aside = path.with_name("aside")
    connection.close()
    path.rename(aside)
    try:
        with pytest.raises(Refused, match="missing"):
            back_up(target)
        assert not path.exists()
    finally:
        aside.rename(path)


def test_a_damaged_database_is_refused(made, target, tmp_path):
    """What SQLite notices is never backed up."""
    connection.close()
    name = connection.settings_dict["NAME"]
    with sqlite3.connect(name) as plain:
        plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = plain.execute("PRAGMA page_size").fetchone()[0]
        (page,) = plain.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'gallery_photo'"
        ).fetchone()
    plain.close()
    broken = tmp_path / "broken.sqlite3"
    shutil.copy(name, broken)
    with broken.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    connection.settings_dict["NAME"] = str(broken)
    try:
        with pytest.raises(Refused, match="damaged"):
            back_up(target)
    finally:
        connection.close()
        connection.settings_dict["NAME"] = name


def test_far_fewer_photos_are_refused_unless_that_is_meant(ada, model, target):
    for _ in range(guards.MASS_AT_LEAST + 2):
        add_photo(ada)
    back_up(target)
    Photo.objects.all().delete()
    add_photo(ada)
    with pytest.raises(Refused, match="--force"):
        back_up(target)
    assert back_up(target, Options(force=True)).manifest.photos == 1


def test_many_missing_originals_are_refused(ada, model, target):
    photos = [add_photo(ada) for _ in range(guards.MASS_AT_LEAST + 1)]
    back_up(target)
    shutil.rmtree(target.root / "files")
    for photo in photos:
        files.own_copy(photo).unlink()
    with pytest.raises(Refused, match="too many to be true"):
        back_up(target)
    assert len(manifest.generations(target)) == 1


def test_a_disk_with_backups_that_is_not_mounted_is_not_filled(made, target):
    aside = target.root.with_name("mounted")
    target.root.rename(aside)
    try:
        for make in (lambda: None, target.root.mkdir):
            make()
            with pytest.raises(Refused, match="Mount the disk"):
                back_up(target)
            assert everything_in(target.root) == {}
        target.root.rmdir()
    finally:
        aside.rename(target.root)


def test_a_folder_with_other_things_is_no_target(photos, target):
    target.root.mkdir()
    (target.root / "holiday.txt").write_text("mine")
    with pytest.raises(Refused, match="not empty"):
        back_up(target)
    assert everything_in(target.root) == {"holiday.txt": b"mine"}


def test_the_backups_of_another_gallery_are_left_alone(photos, target):
    marker.claim(target, "another")
    with pytest.raises(Refused, match="another gallery"):
        back_up(target)


def test_backups_of_a_newer_format_are_left_alone(made, target):
    path = target.root / marker.MARKER
    before = path.read_text()
    path.write_text(before.replace('"format": 1', '"format": 2'))
    with pytest.raises(Refused, match="newer Scry"):
        back_up(target)
    path.write_text(before)


@pytest.mark.parametrize("below", ["backups", ".", ".."])
def test_a_target_beside_the_data_must_be_apart(photos, below):
    with pytest.raises(Refused, match="inside one another"):
        back_up(FolderTarget(Path(settings.DATA_DIR) / below))


def test_a_target_that_is_too_small_is_refused(photos, target, monkeypatch):
    monkeypatch.setattr(FolderTarget, "free_bytes", lambda self: 10_000)
    with pytest.raises(Refused, match="Free some space"):
        back_up(target)
    assert manifest.generations(target) == []


def test_a_backup_that_is_stopped_makes_no_generation(made, target):
    with pytest.raises(Stopped):
        back_up(target, stop=lambda: True)


def test_the_command_says_it_in_one_sentence(made, target):
    no_photo_is_left()
    with pytest.raises(CommandError) as refused:
        call_command("backup", str(target.root))
    assert refused.value.returncode == 3
    assert "\n" not in str(refused.value)
