"""The workers and external folders: a folder that is away costs no photo an attempt."""

from __future__ import annotations

import os
import threading
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from gallery import files, trash
from gallery.folders import external
from gallery.folders.scan_folder import Scan
from gallery.models import Embedding, EmbeddingModel, ExternalFile, ExternalFolder, Photo
from tests.images import jpeg, png
from tests.workers.conftest import drain, forget_pauses
from workers import heartbeat, jobs, look_into_folders
from workers.index_sync import removal

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture(autouse=True)
def _no_troubles():
    yield
    heartbeat._troubles.clear()


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "photos"
    root.mkdir()
    (root / "a.jpg").write_bytes(jpeg("red"))
    (root / "b.png").write_bytes(png("green"))
    return root


@pytest.fixture
def library(ada, model, folder) -> ExternalFolder:
    row = external.add_folder(ada, folder)
    Scan(row, print).run()
    return row


@pytest.fixture
def unplug(folder):
    """Take the folder away as an unmounted disk does, and bring it back."""

    def unplug(*, back: bool = False) -> None:
        away = folder.with_name("away")
        if back:
            folder.rmdir()
            away.rename(folder)
        else:
            folder.rename(away)
            folder.mkdir()

    return unplug


def states() -> set[tuple[str, int]]:
    return set(Embedding.objects.values_list("state", "attempts"))


def test_photos_in_place_become_searchable(library):
    assert drain() == 2
    photo = Photo.objects.first()
    assert files.thumbnail(photo.pk).exists()
    assert not files.own_copy(photo).exists()


def test_a_folder_that_is_away_burns_no_attempts(library, unplug):
    unplug()
    for _try in range(8):
        forget_pauses()
        assert drain() == 0
    assert states() == {("pending", 0)}
    library.refresh_from_db()
    assert library.away_since is not None
    assert not jobs.EMBED.is_due(), "the rows rest for some minutes"
    unplug(back=True)
    look_due()
    assert drain() == 2


def look_due() -> None:
    """Let the time come at which the workers scan the folders."""
    ExternalFolder.objects.update(scan_due_at=timezone.now() - timedelta(seconds=1))
    look_into_folders.rescan(threading.Event())


def test_another_model_needs_only_the_thumbnails(library, unplug):
    drain()
    unplug()
    Embedding.objects.update(state="pending", vector=None)
    assert drain() == 2


def test_a_missing_file_fails_its_photo_until_it_is_back(library, folder):
    data = (folder / "a.jpg").read_bytes()
    (folder / "a.jpg").unlink()
    drain()
    row = Embedding.objects.get(photo__name="a.jpg")
    assert (row.state, row.reason) == ("failed", "missing_original")
    look_due()
    (folder / "a.jpg").write_bytes(data)
    age(folder / "a.jpg")
    look_due()
    forget_pauses()
    assert drain() == 1


def test_the_workers_scan_what_is_due(library, folder, settings):
    (folder / "c.jpg").write_bytes(jpeg("blue"))
    look_into_folders.rescan(threading.Event())
    assert Photo.objects.count() == 2, "nothing is due yet"
    look_due()
    assert Photo.objects.count() == 2, "somebody may still be writing"
    age(folder / "c.jpg")
    look_due()
    assert Photo.objects.count() == 3
    settings.RESCAN_MINUTES = 0
    (folder / "d.jpg").write_bytes(jpeg("white"))
    age(folder / "d.jpg")
    look_due()
    assert Photo.objects.count() == 3


def age(path) -> None:
    """Let the last write to a file be long ago."""
    os.utime(path, (1_700_000_000, 1_700_000_000))


def test_a_folder_that_is_away_is_told_and_looked_for(library, unplug, settings):
    settings.RESCAN_MINUTES = 0
    unplug()
    external.mark_away(library)
    look_due()
    assert heartbeat.detail() == f"The folder {library} is away. Its photos stay."
    assert library in external.due() or ExternalFolder.objects.get().scan_due_at > timezone.now()
    unplug(back=True)
    look_due()
    assert heartbeat.detail() == ""
    assert ExternalFolder.objects.get().away_since is None


def test_two_processes_do_not_scan_the_same_folder(library):
    assert external.claim(library)
    assert not external.claim(library)


def fsck(*options: str) -> int:
    with pytest.raises(SystemExit) as exit_:
        call_command("fsck", *options)
    return exit_.value.code


def test_fsck_understands_external_folders(library, folder, unplug, capsys):
    drain()
    assert fsck("--deep") == 0
    unplug()
    assert fsck("--repair") == 0
    assert f"The external folder {folder} is away and was not checked." in capsys.readouterr().out
    unplug(back=True)
    (folder / "a.jpg").unlink()
    (folder / "b.png").write_bytes(png("blue"))
    assert fsck("--deep") == 2
    said = capsys.readouterr().out
    assert "file missing in an external folder: 1 found" in said
    assert "original changed on disk: 1 found" in said


def test_deleting_for_ever_leaves_the_file(library, folder):
    drain()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    trash.trash(Photo.objects.all())
    trash.empty(Photo.objects.all())
    removal.purge()
    assert not Photo.objects.exists()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert ExternalFile.objects.filter(photo=None).count() == 2
    Scan(library, print).run()
    assert not Photo.objects.exists()


def test_a_changed_file_is_embedded_again(library, folder):
    drain()
    former = Photo.objects.get(name="a.jpg")
    (folder / "a.jpg").write_bytes(jpeg("white", (90, 60)))
    Scan(library, print).run()
    removal.purge()
    drain()
    assert not Photo.objects.filter(pk=former.pk).exists()
    photo = Photo.objects.get(name="a.jpg")
    assert Embedding.objects.get(photo=photo).state == "indexed"
    assert EmbeddingModel.objects.count() == 1
    assert fsck("--deep", "--index") == 0
