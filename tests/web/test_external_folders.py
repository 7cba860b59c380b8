"""Photos whose originals stay in a folder of the server, to which Scry never writes."""

from __future__ import annotations

import os
import shutil
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from gallery import files
from gallery.folders import external
from gallery.folders.scan_folder import Scan
from gallery.models import (
    ExternalFile,
    ExternalFolder,
    Photo,
    SkippedFile,
)
from tests.external import add, body, failed, named, plug_in, unplug
from tests.images import jpeg
from tests.web.test_api_photos import upload

pytestmark = pytest.mark.django_db


# --- taking in ------------------------------------------------------------------------------------


def test_originals_stay_where_they_are(library, ada, ada_client):
    photo = named("a.jpg")
    assert photo.external
    assert files.original(photo) == library / "a.jpg"
    assert not files.own_copy(photo).exists()
    answer = ada_client.get(f"/photos/{photo.pk}/original")
    assert body(answer) == jpeg("red")
    assert ada_client.get(f"/photos/{photo.pk}/preview").status_code == 200


def test_a_second_scan_reads_nothing(library, monkeypatch):
    monkeypatch.setattr(files, "sha256", None)
    assert add(library) == "3 unchanged"


def test_names_in_any_bytes(ada, model, tmp_path, ada_client):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / os.fsdecode(b"\xfcber \\xe9 \xe9.jpg")).write_bytes(jpeg())
    assert add(folder) == "1 added"
    assert add(folder) == "1 unchanged"
    photo = Photo.objects.get()
    assert files.original(photo).read_bytes() == jpeg()
    page = ada_client.get(f"/photos/{photo.pk}").content.decode()
    assert "caf\\xe9" in page
    assert (
        body(ada_client.get(f"/photos/{photo.pk}/original")) == files.original(photo).read_bytes()
    )


def test_a_copy_in_the_folder_is_one_photo_with_two_files(library, ada_client):
    shutil.copy(library / "a.jpg", library / "2024" / "copy.jpg")
    assert add(library) == "1 already here, 3 unchanged"
    photo = named("a.jpg")
    assert SkippedFile.objects.get().name == "2024/copy.jpg"
    (library / "a.jpg").unlink()
    assert add(library) == "3 unchanged"
    assert files.original(photo) == library / "2024" / "copy.jpg"
    assert external.kept(photo).state == "here"


def test_refused_files_are_told_once_and_read_once(library, monkeypatch, capsys):
    (library / "notes.txt").write_text("no picture")
    (library / "empty.jpg").touch()
    assert add(library) == "3 unchanged, 2 refused"
    assert "notes.txt: Scry cannot read this file" in capsys.readouterr().out
    monkeypatch.setattr(files, "sha256", None)
    assert add(library) == "5 unchanged"


def test_a_photo_that_was_uploaded_keeps_its_copy(ada, model, folder, ada_client):
    upload(ada_client, jpeg("red"), "mine.jpg")
    assert add(folder) == "2 added, 1 already here"
    photo = named("mine.jpg")
    assert not photo.external
    assert files.original(photo) == files.own_copy(photo)


@pytest.mark.parametrize("way", ["page", "import"])
def test_a_file_that_is_sent_as_well_gets_a_copy(library, ada_client, tmp_path, way):
    """Whoever uploads a file may delete theirs afterwards, wherever the gallery met it first."""
    if way == "page":
        assert upload(ada_client, jpeg("red"), "again.jpg").status_code == 200
    else:
        (tmp_path / "phone").mkdir()
        (tmp_path / "phone" / "a.jpg").write_bytes(jpeg("red"))
        call_command(
            "import_folder", tmp_path / "phone", "--owner", "ada", "-v0", stdout=StringIO()
        )
    photo = named("a.jpg")
    assert not photo.external
    shutil.rmtree(library)
    assert files.original(photo).read_bytes() == jpeg("red")


@pytest.mark.parametrize("where", ["data", "data/media", ".."])
def test_folders_that_cannot_be_added(library, settings, where):
    path = settings.DATA_DIR.parent / where if where != ".." else library.parent
    (settings.DATA_DIR / "media").mkdir(exist_ok=True)
    assert "cannot be added." in failed(path)
    assert ExternalFolder.objects.count() == 1


def test_a_folder_inside_another_is_refused(library):
    assert "It overlaps the external folder" in failed(library / "2024")


# --- who may see it -------------------------------------------------------------------------------


def test_others_neither_see_nor_change_it(library, bob, bob_client):
    photo = named("a.jpg")
    for what in ("", "/original", "/preview", "/thumbnail", "/video"):
        assert bob_client.get(f"/photos/{photo.pk}{what}").status_code == 404
    assert add(library, owner="bob") == "3 added"
    assert Photo.objects.filter(owner=bob).count() == 3


@pytest.mark.parametrize("what", ["file", "folder"])
def test_links_that_appear_later_are_not_followed(library, ada_client, tmp_path, what):
    photo = named("c.png")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "c.png").write_bytes(b"secret")
    shutil.rmtree(library / "2024")
    if what == "folder":
        (library / "2024").symlink_to(tmp_path / "secrets")
    else:
        (library / "2024").mkdir()
        (library / "2024" / "c.png").symlink_to(tmp_path / "secrets" / "c.png")
    answer = ada_client.get(f"/photos/{photo.pk}/original")
    assert answer.status_code == 404
    assert "2 unchanged, 1 missing" in add(library)


def test_paths_that_lead_out_of_the_folder_are_not_read(library, ada_client, tmp_path):
    """No scan writes such a row; a damaged or forged database might hold it."""
    (tmp_path / "secret.jpg").write_bytes(jpeg("yellow"))
    photo = named("a.jpg")
    for path in ("../secret.jpg", str(tmp_path / "secret.jpg"), "2024/../../secret.jpg"):
        ExternalFile.objects.filter(photo=photo).update(path=path)
        assert not files.original(photo).exists()
        assert ada_client.get(f"/photos/{photo.pk}/original").status_code == 404


def test_a_pipe_in_the_place_of_a_file_hangs_nobody(library, ada_client):
    photo = named("a.jpg")
    (library / "a.jpg").unlink()
    os.mkfifo(library / "a.jpg")
    assert ada_client.get(f"/photos/{photo.pk}/original").status_code == 404
    assert ada_client.get(f"/photos/{photo.pk}/preview").status_code == 404


# --- away -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["empty", "gone"])
def test_a_folder_that_is_away_loses_nothing(library, ada_client, how):
    photo = named("a.jpg")
    files.write_atomically(files.thumbnail(photo.pk), b"webp")
    unplug(library)
    if how == "gone":
        library.rmdir()
        with pytest.raises(CommandError, match="is not a folder that can be read"):
            add(library)
        Scan(ExternalFolder.objects.get(), print).run()
    else:
        assert failed(library) == f"The folder {library} is away."
    assert Photo.objects.live().count() == 3
    assert not ExternalFile.objects.exclude(missing_since=None).exists()
    answer = ada_client.get(f"/photos/{photo.pk}/original")
    assert answer.status_code == 503
    assert f"The folder {library} is away." in answer.content.decode()
    assert answer["Retry-After"] == "60"
    assert body(ada_client.get(f"/photos/{photo.pk}/thumbnail")) == b"webp"
    assert body(ada_client.get(f"/photos/{photo.pk}/preview")) == b"webp"
    page = ada_client.get(f"/photos/{photo.pk}")
    assert f"The folder {library} is away." in page.content.decode()
    library.mkdir(exist_ok=True)
    plug_in(library)
    assert add(library) == "3 unchanged"
    assert (
        body(ada_client.get(f"/photos/{photo.pk}/original")) == files.original(photo).read_bytes()
    )


def test_a_part_that_cannot_be_read_is_not_missing(library, monkeypatch):
    scan = os.scandir

    def deny(path):
        if str(path).endswith("2024"):
            raise OSError(5, "Input/output error")
        return scan(path)

    monkeypatch.setattr(os, "scandir", deny)
    assert "2024: Input/output error" in failed(library)
    assert not ExternalFile.objects.exclude(missing_since=None).exists()
