"""What becomes of the photos of an external folder when its files move, change or go."""

from __future__ import annotations

import os
import shutil
import subprocess
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from gallery import files, trash
from gallery.folders import external, scan_folder
from gallery.folders.scan_folder import Scan
from gallery.models import (
    Album,
    Embedding,
    ExternalFile,
    ExternalFolder,
    ForgottenFile,
    Photo,
    Tag,
)
from gallery.reasons import Reason
from tests.external import add, body, contents, failed, named
from tests.images import jpeg
from tests.web.test_api_photos import upload

pytestmark = pytest.mark.django_db


# --- missing, moved, changed ----------------------------------------------------------------------


def test_a_missing_file_is_marked_and_comes_back(library, ada_client):
    photo = named("a.jpg")
    (library / "a.jpg").rename(library.parent / "a.jpg")
    assert add(library) == "2 unchanged, 1 missing"
    answer = ada_client.get(f"/photos/{photo.pk}/original")
    assert answer.status_code == 404
    assert f"missing from its folder {library}." in answer.content.decode()
    assert "missing from its folder" in ada_client.get(f"/photos/{photo.pk}").content.decode()
    Embedding.objects.filter(photo=photo).update(state="failed", reason=Reason.MISSING_ORIGINAL)
    assert add(library) == "2 unchanged, 1 missing"
    (library.parent / "a.jpg").rename(library / "a.jpg")
    assert add(library) == "2 unchanged, 1 back"
    assert Embedding.objects.get(photo=photo).state == "pending"
    assert (
        body(ada_client.get(f"/photos/{photo.pk}/original")) == files.original(photo).read_bytes()
    )


def mark(photo: Photo, ada) -> None:
    photo.rating, photo.caption = 4, "the sea"
    photo.save()
    Album.objects.create(owner=ada, name="Best").photos.add(photo)
    Tag.objects.create(owner=ada, name="sea").photos.add(photo)


def assert_marked(photo: Photo) -> None:
    photo.refresh_from_db()
    assert (photo.rating, photo.caption) == (4, "the sea")
    assert [album.name for album in photo.albums.all()] == ["Best"]
    assert [tag.name for tag in photo.tags.all()] == ["sea"]


def test_a_moved_file_stays_the_photo_that_it_is(library, ada):
    photo = named("a.jpg")
    mark(photo, ada)
    (library / "a.jpg").rename(library / "2024" / "sea.jpg")
    assert add(library) == "1 moved, 2 unchanged"
    assert_marked(photo)
    assert files.original(photo) == library / "2024" / "sea.jpg"
    assert photo.name == "sea.jpg"
    assert add(library) == "3 unchanged"
    assert ExternalFile.objects.count() == 3


def test_a_changed_file_is_a_new_photo_with_the_same_marks(library, ada):
    former = named("a.jpg")
    mark(former, ada)
    (library / "a.jpg").write_bytes(jpeg("white", (90, 60)))
    assert add(library) == "1 changed, 2 unchanged"
    photo = Photo.objects.live().get(name="a.jpg")
    assert photo.pk != former.pk
    assert (photo.width, photo.height) == (90, 60)
    assert_marked(photo)
    assert Embedding.objects.get(photo=photo).state == "pending"
    assert Photo.objects.live().count() == 3
    assert not ForgottenFile.objects.exists()
    (library / "a.jpg").write_bytes(jpeg("red"))
    assert add(library) == "1 changed, 2 unchanged"
    assert_marked(Photo.objects.live().get(name="a.jpg"))


def test_files_that_change_places_keep_their_photos(library, ada):
    first, second = named("a.jpg"), named("b.jpg")
    mark(first, ada)
    (library / "a.jpg").rename(library / "x")
    (library / "b.jpg").rename(library / "a.jpg")
    (library / "x").rename(library / "b.jpg")
    for name in "ab":
        os.utime(library / f"{name}.jpg", (1, 1))
    add(library)
    assert files.original(first).name == "b.jpg"
    assert files.original(second).name == "a.jpg"
    assert_marked(first)


@pytest.mark.parametrize("target", ["new.jpg", "b.jpg", "0.jpg"])
def test_a_file_that_moves_before_another_takes_its_path(library, ada, target):
    photo = named("a.jpg")
    mark(photo, ada)
    (library / "a.jpg").replace(library / target)
    (library / "a.jpg").write_bytes(jpeg("white", (90, 60)))
    add(library)
    assert_marked(photo)
    assert files.original(photo) == library / target
    white = Photo.objects.get(width=90)
    assert files.original(white) == library / "a.jpg"
    assert white.rating == 0


def test_a_file_that_is_broken_for_a_while_keeps_its_marks(library, ada):
    photo = named("a.jpg")
    mark(photo, ada)
    (library / "a.jpg").write_bytes(b"an editor is at work")
    assert add(library) == "2 unchanged, 1 refused"
    assert external.kept(photo).state == "missing"
    (library / "a.jpg").write_bytes(jpeg("white", (90, 60)))
    assert add(library) == "1 changed, 2 unchanged"
    assert_marked(Photo.objects.live().get(width=90))


def test_a_touched_file_is_the_same(library):
    ids = set(Photo.objects.values_list("pk", flat=True))
    os.utime(library / "a.jpg", (1_000_000_000, 1_000_000_000))
    assert add(library) == "3 unchanged"
    assert set(Photo.objects.values_list("pk", flat=True)) == ids


def test_times_that_no_database_knows(library):
    os.utime(library / "a.jpg", ns=(0, -(2**40) * 10**6))
    assert add(library) == "3 unchanged"


@pytest.mark.parametrize("then", ["moved", "gone"])
def test_another_file_at_the_path_is_never_shown_as_the_photo(library, ada_client, then):
    """Between two scans: a preview is kept for ever, so it must be of the photo's own bytes."""
    photo = named("a.jpg")
    (library / "a.jpg").rename(library / "z.jpg")
    if then == "gone":
        (library / "z.jpg").unlink()
    (library / "a.jpg").write_bytes(jpeg("white", (90, 60)))
    assert ada_client.get(f"/photos/{photo.pk}/original").status_code == 404
    ada_client.get(f"/photos/{photo.pk}/preview")
    assert not files.preview(photo.pk).exists()
    add(library)
    if then == "moved":
        assert body(ada_client.get(f"/photos/{photo.pk}/original")) == jpeg("red")
    white = Photo.objects.live().get(width=90)
    assert ada_client.get(f"/photos/{white.pk}/preview").status_code == 200


def test_a_photo_waits_for_a_file_that_is_still_being_written(library, ada):
    """Its bytes were copied a moment ago, so no other content takes its place yet."""
    photo = named("a.jpg")
    mark(photo, ada)
    (library / "z.jpg").write_bytes((library / "a.jpg").read_bytes())
    (library / "a.jpg").write_bytes(jpeg("white", (90, 60)))
    os.utime(library / "a.jpg", (1_700_000_000, 1_700_000_000))
    row = ExternalFolder.objects.get()
    scan = Scan(row, print, quiet_seconds=60)
    scan.run()
    assert scan.report() == "2 unchanged, 2 still being written"
    add(library)
    assert_marked(photo)
    assert files.original(photo) == library / "z.jpg"
    assert Photo.objects.live().get(width=90).rating == 0


def test_a_photo_stays_while_a_part_of_the_folder_is_hidden(library, ada, monkeypatch):
    photo = named("a.jpg")
    mark(photo, ada)
    scandir = os.scandir

    def deny(path):
        if str(path).endswith("2024"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    (library / "a.jpg").rename(library / "2024" / "z.jpg")
    (library / "a.jpg").write_bytes(jpeg("white", (90, 60)))
    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", deny)
        failed(library)
    assert Photo.objects.live().filter(pk=photo.pk).exists()
    add(library)
    assert_marked(photo)
    assert files.original(photo) == library / "2024" / "z.jpg"
    assert Photo.objects.live().count() == 4


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_link_that_appears_during_the_scan_is_not_followed(library, tmp_path, monkeypatch, what):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "new.jpg").write_bytes(jpeg("yellow"))
    shutil.copytree(tmp_path / "secrets", library / "new")
    sha256 = files.sha256

    def swap(path):
        shutil.rmtree(library / "new", ignore_errors=True)
        if what == "folder":
            (library / "new").symlink_to(tmp_path / "secrets")
        else:
            (library / "new").mkdir()
            (library / "new" / "new.jpg").symlink_to(tmp_path / "secrets" / "new.jpg")
        return sha256(path)

    monkeypatch.setattr(files, "sha256", swap)
    assert add(library) == "3 unchanged, 1 still being written"
    assert Photo.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_file_that_another_scan_records_first(library, monkeypatch):
    (library / "z.jpg").write_bytes(jpeg("white", (90, 60)))
    row = ExternalFolder.objects.get()
    read, others = Scan._read, [Scan(row, print)]

    def be_slower(scan, file, known):
        while others:
            others.pop().run()
        return read(scan, file, known)

    monkeypatch.setattr(Scan, "_read", be_slower)
    (library / "zz.jpg").write_bytes(jpeg("black", (90, 60)))
    assert add(library) == "3 unchanged"
    assert Photo.objects.count() == 5
    assert add(library) == "5 unchanged"


def test_a_long_scan_keeps_others_away(library, monkeypatch):
    ExternalFolder.objects.update(scan_due_at=timezone.now())
    (library / "z.jpg").write_bytes(jpeg("white", (90, 60)))
    monkeypatch.setattr(scan_folder, "_HOLD_SECONDS", -1)
    Scan(ExternalFolder.objects.get(), print).run()
    assert external.due() == []


# --- the trash ------------------------------------------------------------------------------------


def delete_for_ever(photo: Photo) -> None:
    same = Photo.objects.filter(pk=photo.pk)
    trash.trash(same)
    trash.empty(same)


def test_the_trash_only_hides(library, ada, ada_client):
    photo = named("a.jpg")
    trash.trash(Photo.objects.filter(pk=photo.pk))
    assert trash.contents(ada).bytes == 0
    assert add(library) == "3 unchanged"
    assert Photo.objects.live().count() == 2
    trash.restore(Photo.objects.filter(pk=photo.pk))
    assert (
        body(ada_client.get(f"/photos/{photo.pk}/original")) == files.original(photo).read_bytes()
    )


@pytest.mark.parametrize("then", ["stays", "moves"])
def test_what_is_deleted_for_ever_does_not_come_back(library, then):
    delete_for_ever(named("a.jpg"))
    Photo.objects.exclude(deleted_at=None).delete()
    if then == "moves":
        (library / "a.jpg").rename(library / "z.jpg")
    add(library)
    add(library)
    assert set(Photo.objects.values_list("name", flat=True)) == {"b.jpg", "c.png"}


def test_a_way_to_bring_it_back(library):
    delete_for_ever(named("a.jpg"))
    Photo.objects.exclude(deleted_at=None).delete()
    assert add(library, "--again") == "1 added, 2 unchanged"
    assert not ForgottenFile.objects.exists()


def test_deleting_is_remembered_for_its_owner_only(library, bob):
    delete_for_ever(named("a.jpg"))
    assert add(library, owner="bob") == "3 added"


# --- a list for backups ---------------------------------------------------------------------------


def listed(*options: str) -> bytes:
    class Stream(StringIO):
        def __init__(self) -> None:
            super().__init__()
            from io import BytesIO

            self.buffer = BytesIO()

    out = Stream()
    call_command("external_files", *options, stdout=out)
    return out.buffer.getvalue()


def test_the_list_is_what_sha256sum_checks(library, tmp_path):
    (library / os.fsdecode(b"caf\xe9 \\ \n.jpg")).write_bytes(jpeg("white"))
    add(library)
    (tmp_path / "sums").write_bytes(listed())
    subprocess.run(["sha256sum", "--check", "--strict", tmp_path / "sums"], check=True)
    assert listed("--paths0").count(b"\0") == 4
    assert listed("--owner", "nobody") == b""


# --- nothing is ever written ----------------------------------------------------------------------


def test_nothing_in_the_folder_ever_changes(library, ada, ada_client, monkeypatch):
    before = contents(library)
    photos = list(Photo.objects.all())
    for photo in photos:
        for what in ("", "/original", "/preview", "/thumbnail"):
            body(ada_client.get(f"/photos/{photo.pk}{what}"))
    ada_client.delete(f"/api/v1/photos/{photos[0].pk}")
    add(library)
    add(library, "--again")
    trash.restore(Photo.objects.filter(pk=photos[0].pk))
    upload(ada_client, jpeg("red"), "again.jpg")
    for photo in photos:
        delete_for_ever(photo)
        files.remove_files(photo)
    add(library)
    ada.delete()
    after = contents(library)
    assert after == before
