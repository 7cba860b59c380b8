"""Listing external folders, and forgetting one."""

from __future__ import annotations

import os
import shutil
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from gallery import trash
from gallery.models import ExternalFile, ExternalFolder, ForgottenFile, Photo
from tests.external import add, contents, unplug
from tests.images import jpeg
from tests.web.test_api_photos import upload
from workers.index_sync.removal import purge

pytestmark = pytest.mark.django_db


def folders(*options: str) -> str:
    out = StringIO()
    call_command("external_folders", *options, stdout=out)
    return out.getvalue()


def forget(folder: Path, *options: str) -> str:
    return folders("--forget", str(folder), *options)


def test_folders_are_listed_with_their_state(library, bob):
    add(library, owner="bob")
    (library / "a.jpg").unlink()
    add(library)
    mine, theirs = folders().splitlines()
    assert mine.startswith(f"{library}: ada, here, 3 photos, 1 missing, scanned 20")
    assert theirs.startswith(f"{library}: bob, here, 3 photos, 0 missing, scanned 20")
    unplug(library)
    assert folders("--owner", "bob").startswith(f"{library}: bob, away, 3 photos, 0 missing")
    assert folders("--owner", "nobody") == ""


@pytest.mark.parametrize("is_away", [False, True])
def test_a_forgotten_folder_leaves_no_photos_and_keeps_all_files(library, is_away):
    trash.trash(Photo.objects.filter(name="b.jpg"))
    place = unplug(library) if is_away else library
    before = contents(place)
    assert forget(library) == f"Forgot {library}. Photos that left the gallery: 3. Files stay.\n"
    purge()
    assert not Photo.objects.exists()
    assert not ExternalFile.objects.exists()
    assert folders() == ""
    assert contents(place) == before


@pytest.mark.parametrize("is_purged", [False, True])
def test_a_forgotten_folder_can_be_added_again(library, is_purged):
    trash.trash(Photo.objects.filter(name="b.jpg"))
    forget(library)
    if is_purged:
        purge()
    assert not ForgottenFile.objects.exists()
    assert add(library) == "3 added"
    assert Photo.objects.live().count() == 3


def test_what_was_deleted_before_stays_deleted(library):
    """That was said of the photo, not of the folder."""
    same = Photo.objects.filter(name="a.jpg")
    trash.trash(same)
    trash.empty(same)
    assert "left the gallery: 2." in forget(library)
    assert add(library) == "2 added, 1 deleted before"


def test_photos_that_are_elsewhere_as_well_stay(library, ada_client, bob, tmp_path):
    upload(ada_client, jpeg("red"), "mine.jpg")
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(library / "b.jpg", other)
    add(other)
    add(library, owner="bob")
    assert "left the gallery: 1." in forget(library, "--owner", "ada")
    assert set(Photo.objects.live().filter(owner=bob).values_list("name", flat=True)) == {
        "a.jpg", "b.jpg", "c.png"
    }  # fmt: skip
    ada_has = Photo.objects.live().exclude(owner=bob)
    assert set(ada_has.values_list("name", flat=True)) == {"a.jpg", "b.jpg"}
    assert ExternalFolder.objects.get(owner__username="ada").root == other


def test_a_path_is_found_as_it_was_typed(ada, model, tmp_path, monkeypatch):
    folder = tmp_path / os.fsdecode(b"caf\xe9 \\ x")
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    for typed in (folder, tmp_path / "link", Path(folder.name)):
        (folder / "a.jpg").write_bytes(jpeg())
        add(folder)
        forget(typed)
        assert not ExternalFolder.objects.exists()
    add(folder)
    shutil.rmtree(folder)
    forget(folder)
    assert not ExternalFolder.objects.exists()


def test_a_folder_that_is_none_is_refused(library, bob, tmp_path):
    with pytest.raises(CommandError, match="is no external folder"):
        forget(library / "2024")
    add(library, owner="bob")
    with pytest.raises(CommandError, match=r"Several accounts have .* \(ada, bob\). Add --owner"):
        forget(library)
    assert ExternalFolder.objects.count() == 2
