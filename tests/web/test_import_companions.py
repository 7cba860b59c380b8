"""Importing folders in which files lie beside pictures."""

from __future__ import annotations

import pytest

from gallery import trash
from gallery.models import Companion, Photo
from tests.companion_files import aae, live_picture, takeout, video, xmp
from tests.web.test_api_photos import picture
from tests.web.test_import_folder import run, write

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(ada, tmp_path):
    return tmp_path / "in"


def test_what_lies_beside_pictures_is_kept_with_them(ada, model, folder):
    """The names sort before those of the pictures, and each folder has an IMG_1."""
    for place, colour in (("2019", "red"), ("2020", "blue")):
        write(folder, f"{place}/IMG_1.JPG", picture(colour))
        write(folder, f"{place}/IMG_1.AAE", aae())
        write(folder, f"{place}/IMG_1.JPG.json", takeout("IMG_1.JPG", description=place))
        write(folder, f"{place}/IMG_1.MOV", video(2 + len(place)))
    write(folder, "2020/film.mov", video(90))
    write(folder, "2020/metadata.json", b'{"title": "2020"}')
    assert run(folder) == "2 added, 6 kept with a photo, 2 refused"
    photos = {photo.caption: photo for photo in Photo.objects.all()}
    assert set(photos) == {"2019", "2020"}
    assert all(photo.companions.count() == 3 for photo in photos.values())
    assert {photo.motion for photo in photos.values()} == {"beside"}


def test_a_second_import_changes_nothing(ada, model, folder):
    write(folder, "IMG_1.HEIC", live_picture())
    write(folder, "IMG_1.MOV", video())
    write(folder, "IMG_1.xmp", xmp(xmp__Rating="3"))
    assert run(folder) == "1 added, 2 kept with a photo"
    assert run(folder) == "3 already here"
    trash.trash(Photo.objects.all())
    assert run(folder) == "3 in the trash"
    assert Companion.objects.count() == 2


def test_a_picture_that_is_here_under_another_name_gets_its_sidecar(ada, model, folder):
    write(folder, "IMG_1.JPG", picture())
    run(folder)
    write(folder, "renamed/Beach.jpg", picture())
    write(folder, "renamed/Beach.jpg.xmp", xmp(xmp__Rating="4"))
    run(folder)
    assert Photo.objects.get().rating == 4


def test_sidecars_in_another_folder_find_the_only_photo_of_their_name(ada, model, folder):
    write(folder, "b/IMG_1.JPG", picture())
    write(folder, "a/IMG_1.JPG.supplemental-metad.json", takeout("IMG_1.JPG", favorited=True))
    run(folder)
    assert Photo.objects.get().favourite


def test_names_that_are_no_utf_8_find_each_other(ada, model, folder):
    write(folder, b"caf\xe9.jpg", picture())
    write(folder, b"caf\xe9.jpg.xmp", xmp(xmp__Rating="2"))
    assert run(folder) == "1 added, 1 kept with a photo"
    assert Photo.objects.get().rating == 2


def test_hostile_sidecars_stop_no_import(ada, model, folder):
    write(folder, "a.jpg", picture())
    write(folder, "a.jpg.json", b"[" * 100_000)
    write(folder, "a.xmp", b"<!DOCTYPE x>" + xmp())
    (folder / "a.aae").touch()
    assert run(folder) == "1 added, 3 refused"
