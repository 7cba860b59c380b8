"""Sidecars that lie beside photos in an external folder."""

from __future__ import annotations

import os
import shutil

import pytest

from gallery import files, trash
from gallery.folders import scan_folder
from gallery.models import Companion, ExternalFile, Photo
from tests.companion_files import aae, takeout, video, xmp
from tests.external import add, contents, named
from tests.images import jpeg
from tests.web.test_forgetting_folders import forget

pytestmark = pytest.mark.django_db

SIDECARS = {
    "xmp": ("a.jpg.xmp", xmp(xmp__Rating="4")),
    "stem": ("a.xmp", xmp(xmp__Rating="4")),
    "aae": ("a.aae", aae()),
    "takeout": ("a.jpg.supplemental-metadata.json", takeout("a.jpg", description="the sea")),
}


@pytest.mark.parametrize(("name", "data"), SIDECARS.values(), ids=SIDECARS)
def test_a_sidecar_is_kept_with_the_photo_beside_it(library, ada_client, name, data):
    (library / name).write_bytes(data)
    before = contents(library)
    assert add(library) == "1 kept with a photo, 3 unchanged"
    assert add(library) == "4 unchanged"
    assert add(library, "--again") == "4 unchanged"
    kept = Companion.objects.get()
    assert (kept.photo, kept.name) == (named("a.jpg"), name)
    assert files.companion(kept).read_bytes() == data
    assert b"".join(ada_client.get(kept.get_absolute_url()).streaming_content) == data
    assert contents(library) == before


def test_it_is_read_once_and_files_that_come_together_find_each_other(
    ada, model, folder, monkeypatch
):
    """Names sort a sidecar before its picture, and each folder has an `a.jpg`."""
    (folder / "2024" / "a.jpg").write_bytes(jpeg("white"))
    for place, stars in (("", 2), ("2024", 5)):
        (folder / place / "a.jpg.XMP").write_bytes(xmp(xmp__Rating=str(stars)))
    assert add(folder) == "4 added, 2 kept with a photo"
    ratings = {str(row): row.photo.rating for row in ExternalFile.objects.exclude(photo=None)}
    assert ratings == {"a.jpg": 2, "b.jpg": 0, "2024/a.jpg": 5, "2024/c.png": 0}
    monkeypatch.setattr(files, "sha256", None)
    assert add(folder) == "6 unchanged"


def test_a_sidecar_that_changes_tells_what_is_new(library):
    for stars in (4, 2, 5):
        (library / "a.xmp").write_bytes(xmp(xmp__Rating=str(stars), xmp__Label="x" * stars))
        assert add(library) == "1 kept with a photo, 3 unchanged"
        assert named("a.jpg").rating == stars
    os.utime(library / "a.xmp", (1, 1))
    assert add(library) == "4 unchanged"
    (library / "a.xmp").unlink()
    assert add(library) == "3 unchanged"
    assert named("a.jpg").rating == 5
    assert files.original(named("a.jpg")) == library / "a.jpg"


def test_a_sidecar_without_a_photo_waits_for_it(library, capsys):
    (library / "later.xmp").write_bytes(xmp(xmp__Rating="4"))
    assert add(library) == "3 unchanged, 1 refused"
    assert "later.xmp: This file belongs to a photo" in capsys.readouterr().out
    assert add(library) == "4 unchanged"
    (library / "later.jpg").write_bytes(jpeg("white"))
    assert add(library) == "1 added, 1 kept with a photo, 3 unchanged"
    assert named("later.jpg").rating == 4


def test_a_sidecar_goes_over_when_its_photo_changes_or_moves(library):
    (library / "a.xmp").write_bytes(xmp(xmp__Rating="4"))
    add(library)
    (library / "a.jpg").write_bytes(jpeg("white", (90, 60)))
    add(library)
    photo = Photo.objects.live().get(name="a.jpg")
    assert (photo.width, photo.rating, photo.companions.count()) == (90, 4, 1)
    for name in ("a.jpg", "a.xmp"):
        (library / name).rename(library / "2024" / name)
    assert add(library) == "1 moved, 1 already here, 2 unchanged"
    assert photo.companions.count() == 1


def test_sidecars_that_change_with_their_photos_go_to_the_new_ones(library):
    (library / "a.jpg").write_bytes(jpeg("white", (90, 60)))
    (library / "a.xmp").write_bytes(xmp(xmp__Rating="4"))
    assert add(library) == "1 kept with a photo, 1 changed, 2 unchanged"
    assert Photo.objects.live().get(width=90).rating == 4


@pytest.mark.parametrize("data", [b"", b"no xmp", b"<!DOCTYPE x>" + xmp(), xmp() * 9])
def test_a_damaged_sidecar_is_refused_once_and_read_when_it_is_well(library, data):
    (library / "a.xmp").write_bytes(data)
    assert add(library) == "3 unchanged, 1 refused"
    assert add(library) == "4 unchanged"
    (library / "a.xmp").write_bytes(xmp(xmp__Rating="4"))
    assert add(library) == "1 kept with a photo, 3 unchanged"


@pytest.mark.slow
def test_a_sidecar_that_is_swapped_while_it_is_read_is_left_for_the_next_scan(
    library, tmp_path, monkeypatch
):
    secret = tmp_path / "secret.xmp"
    secret.write_bytes(xmp(xmp__Rating="1"))
    (library / "a.xmp").write_bytes(xmp(xmp__Rating="4"))
    keep = scan_folder.keep_sidecar

    def swap(*details):
        (library / "a.xmp").unlink()
        (library / "a.xmp").symlink_to(secret)
        return keep(*details)

    monkeypatch.setattr(scan_folder, "keep_sidecar", swap)
    assert add(library) == "3 unchanged, 1 still being written"
    assert not Companion.objects.exists()


def test_videos_stay_in_the_folder_only(library):
    """A copy of every video would fill the disk, which is why the folder is external."""
    (library / "a.mov").write_bytes(video())
    assert add(library) == "3 unchanged, 1 refused"
    assert not Companion.objects.exists()


def test_kept_sidecars_are_no_photos_of_the_folder(library, ada):
    (library / "a.xmp").write_bytes(xmp(xmp__Rating="4"))
    add(library)
    trash.trash(Photo.objects.filter(name="a.jpg"))
    assert add(library) == "4 unchanged"
    before = contents(library)
    forget(library)
    assert add(library) == "3 added, 1 kept with a photo"
    shutil.rmtree(library / "2024")
    assert add(library) == "3 unchanged, 1 missing"
    assert [key for key in contents(library) if key not in before] == []
