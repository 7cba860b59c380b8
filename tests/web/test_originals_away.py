"""The disk with the originals is not there: nothing is stored or deleted, and browsing goes on."""

from __future__ import annotations

import io
import shutil
import uuid
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from PIL import Image

from gallery import files, health, originals_marker
from gallery.models import GalleryIdentity, Photo
from gallery.originals_marker import OriginalsAway
from tests.images import jpeg
from tests.web.test_api_photos import upload
from tests.workers.conftest import add_photo, delete_for_ever, keep_a_video
from workers.index_sync import removal

pytestmark = pytest.mark.django_db(transaction=True)


def swapped(folder: Path) -> None:
    """Put the originals of another gallery in the place of this one's."""
    (folder / originals_marker.NAME).write_text(f"{uuid.uuid4()}\n")


def unreadable(folder: Path) -> None:
    (folder / originals_marker.NAME).write_bytes(b"\xff\x00 no id")


def unmounted(folder: Path) -> None:
    """Leave the empty folder on which a disk was mounted."""
    shutil.move(folder, folder.with_name("elsewhere"))
    folder.mkdir()


def gone(folder: Path) -> None:
    shutil.move(folder, folder.with_name("elsewhere"))


def all_gone(folder: Path) -> None:
    """Let the folder go with everything beside it."""
    shutil.move(folder.parent, folder.parent.with_name("elsewhere"))


WAYS = [swapped, unreadable, unmounted, gone, all_gone]


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def away(request, ada):
    """A gallery of one photo whose originals are not there, and what was there."""
    photo = add_photo(ada)
    keep_a_video(photo)
    files.write_atomically(files.thumbnail(photo.pk), b"webp")
    media = originals_marker.folder().parent
    kept = media.with_name("kept")
    shutil.copytree(media, kept)
    request.param(originals_marker.folder())
    return photo, media, kept


def back(media: Path, kept: Path) -> None:
    """Mount the right disk again."""
    shutil.rmtree(media, ignore_errors=True)
    shutil.copytree(kept, media)


def everything_in(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def test_uploads_are_refused_until_it_is_back(away, ada_client, model):
    _photo, media, kept = away
    before = everything_in(media)
    answer = upload(ada_client, jpeg("green"))
    assert (answer.status_code, answer.json()["code"]) == (503, "originals_away")
    assert answer.json()["message"].count(".") >= 1
    assert int(answer["Retry-After"]) > 0
    page = ada_client.post("/upload", {"file": io.BytesIO(jpeg("green"))})
    assert page.status_code == 503
    assert Photo.objects.count() == 1
    assert everything_in(media) == before
    back(media, kept)
    assert upload(ada_client, jpeg("green")).status_code == 201


def test_sidecars_and_imports_are_refused_too(away, ada, tmp_path):
    photo, media, _kept = away
    before = everything_in(media)
    folder = tmp_path / "import"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(jpeg("green"))
    with pytest.raises(CommandError, match=r"not there|another gallery"):
        call_command("import_folder", folder, owner="ada", verbosity=0)
    assert list(Photo.objects.all()) == [photo]
    assert everything_in(media) == before


def test_nothing_is_deleted_until_it_is_back(away, model):
    photo, media, kept = away
    delete_for_ever(photo)
    before = everything_in(media)
    assert not removal.is_purge_due()
    assert removal.purge() == 0
    assert everything_in(media) == before
    assert Photo.objects.count() == 1
    back(media, kept)
    assert removal.purge() == 1
    assert not files.own_copy(photo).exists()


def test_a_disk_that_goes_while_files_are_removed_keeps_the_rows(ada, model, monkeypatch):
    photo = add_photo(ada)
    delete_for_ever(photo)
    monkeypatch.setattr(files, "remove_files", lambda _photo: unmounted(originals_marker.folder()))
    assert removal.purge() == 0
    assert Photo.objects.count() == 1


def test_monitors_are_told_why(away, ada_client, monkeypatch):
    fresh = {name: health.Check(one.passes, 10.0) for name, one in health.CHECKS.items()}
    monkeypatch.setattr(health, "CHECKS", fresh)
    _photo, media, kept = away
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["originals"] is False
    with pytest.raises(OriginalsAway) as told:
        originals_marker.check()
    assert answer.json()["reason"] == told.value.message
    assert told.value.message in ada_client.get("/status-strip").content.decode()
    back(media, kept)
    answer = Client().get("/readyz")
    assert answer.status_code == 200, answer.json()
    assert answer.json()["reason"] == ""


@pytest.mark.parametrize("away", [swapped, unreadable, gone, unmounted], indirect=True)
def test_browsing_goes_on(away, ada_client):
    photo, _media, _kept = away
    thumbnail = ada_client.get(f"/photos/{photo.pk}/thumbnail")
    assert thumbnail.getvalue() == b"webp"
    assert ada_client.get("/").status_code == 200


@pytest.mark.parametrize("away", [gone, unmounted], indirect=True)
def test_an_original_that_is_asked_for_is_away_and_not_lost(away, ada_client):
    photo, media, kept = away
    answer = ada_client.get(f"/photos/{photo.pk}/original")
    assert answer.status_code == 503
    assert "Retry-After" in answer
    assert "The disk with the originals is not there" in answer.content.decode()
    back(media, kept)
    assert (
        ada_client.get(f"/photos/{photo.pk}/original").getvalue()
        == files.original(photo).read_bytes()
    )


def test_a_thumbnail_that_was_lost_is_made_again(ada, ada_client):
    photo = add_photo(ada)
    address = f"/photos/{photo.pk}/thumbnail"
    assert ada_client.get(address).status_code == 204, "no worker has read the photo"
    photo.decoded_at = timezone.now()
    photo.save()
    made = ada_client.get(address)
    assert made.status_code == 200
    with Image.open(io.BytesIO(made.content)) as picture:
        assert picture.format == "WEBP"
    assert files.thumbnail(photo.pk).read_bytes() == made.content
    assert ada_client.get(address).getvalue() == made.content
    files.thumbnail(photo.pk).unlink()
    files.original(photo).write_bytes(b"no picture")
    assert ada_client.get(address).status_code == 404


def test_fsck_says_so_and_removes_nothing(away, capsys):
    _photo, media, _kept = away
    before = everything_in(media)
    with pytest.raises(SystemExit) as ended:
        call_command("fsck", repair=True, force=True, grace=0.0)
    assert ended.value.code == 3
    assert "mark_originals" in capsys.readouterr().out
    assert everything_in(media) == before


def test_fsck_takes_the_marker_for_no_stray(ada, capsys):
    with pytest.raises(SystemExit) as ended:
        call_command("fsck", repair=True, force=True, grace=0.0)
    assert ended.value.code == 0
    assert originals_marker.path().exists()


def test_a_person_may_say_that_the_folder_is_right(away):
    call_command("mark_originals", stdout=io.StringIO())
    originals_marker.check()
    assert originals_marker.read(originals_marker.folder()) == originals_marker.gallery_id()


# --- setting up -----------------------------------------------------------------------------------


def forget_marker() -> None:
    """Make the gallery one of a release that knew no markers."""
    originals_marker.path().unlink()
    GalleryIdentity.objects.all().delete()


def test_a_new_gallery_is_marked_with_its_id(db):
    originals_marker.check()
    assert originals_marker.read(originals_marker.folder()) == originals_marker.gallery_id()


def test_an_empty_gallery_follows_its_folder(db):
    """A volume that is mounted only after the first start has no marker yet."""
    originals_marker.check()
    unmounted(originals_marker.folder())
    originals_marker.check()
    assert originals_marker.path().exists()


@pytest.mark.parametrize(("lost", "is_plausible"), [(0, True), (1, True), (3, False), (4, False)])
def test_an_upgrade_marks_a_plausible_folder_only(ada, lost, is_plausible):
    photos = [add_photo(ada) for _ in range(4)]
    forget_marker()
    for photo in photos[:lost]:
        files.own_copy(photo).unlink()
    assert originals_marker.is_away() is not is_plausible
    assert originals_marker.path().exists() is is_plausible


def test_a_database_from_an_older_backup_takes_over_the_marker(ada):
    add_photo(ada)
    known = originals_marker.gallery_id()
    GalleryIdentity.objects.all().delete()
    originals_marker.check()
    assert originals_marker.gallery_id() == known


def test_a_new_database_does_not_take_over_the_originals_of_another(db):
    folder = originals_marker.folder()
    folder.mkdir()
    swapped(folder)
    assert originals_marker.is_away()


def test_a_crash_between_marker_and_row_is_made_good(ada):
    add_photo(ada)
    GalleryIdentity.objects.update(marked_at=None)
    originals_marker.check()
    assert GalleryIdentity.objects.get().marked_at is not None
