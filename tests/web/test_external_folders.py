"""Photos whose originals stay in a folder of the server, to which Scry never writes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from gallery import files, trash
from gallery.folders import external
from gallery.folders.scan_folder import Scan
from gallery.models import (
    Album,
    Embedding,
    ExternalFile,
    ExternalFolder,
    ForgottenFile,
    Photo,
    SkippedFile,
    Tag,
)
from gallery.reasons import Reason
from tests.images import jpeg, png
from tests.web.test_api_photos import upload

pytestmark = pytest.mark.django_db


def contents(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return everything that is below a folder: kind, content, time, rights and number of names."""

    def of(path: Path) -> tuple[object, ...]:
        status = path.lstat()
        data = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        return data, status.st_mtime_ns, status.st_mode, status.st_nlink, status.st_ino

    return {str(path): of(path) for path in [folder, *sorted(folder.rglob("*"))]}


@pytest.fixture
def folder(tmp_path) -> Iterator[Path]:
    """A folder with three photos, one of them below it."""
    root = tmp_path / "photos"
    (root / "2024").mkdir(parents=True)
    (root / "a.jpg").write_bytes(jpeg("red"))
    (root / "b.jpg").write_bytes(jpeg("green"))
    (root / "2024" / "c.png").write_bytes(png("blue"))
    return root


def add(folder: Path, *options: str, owner: str = "ada") -> str:
    out = StringIO()
    command = ["import_folder", str(folder), "--owner", owner, "-v0", "--in-place", *options]
    call_command(*command, stdout=out)
    return out.getvalue().strip()


def failed(folder: Path, owner: str = "ada") -> str:
    with pytest.raises(CommandError) as error:
        add(folder, owner=owner)
    return str(error.value)


def body(answer) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def named(name: str) -> Photo:
    return Photo.objects.get(name=name)


@pytest.fixture
def library(ada, model, folder) -> Path:
    assert add(folder) == "3 added"
    return folder


def unplug(folder: Path) -> Path:
    """Take the files away as an unmounted disk does, which leaves an empty folder."""
    away = folder.with_name("unplugged")
    folder.rename(away)
    folder.mkdir()
    return away


def plug_in(folder: Path) -> None:
    folder.rmdir()
    folder.with_name("unplugged").rename(folder)


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


# --- missing, moved, changed ----------------------------------------------------------------------


def test_a_missing_file_is_marked_and_comes_back(library, ada_client):
    photo = named("a.jpg")
    (library / "a.jpg").rename(library.parent / "a.jpg")
    assert add(library) == "2 unchanged, 1 missing"
    answer = ada_client.get(f"/photos/{photo.pk}/original")
    assert answer.status_code == 404
    assert f"missing in its folder {library}." in answer.content.decode()
    assert "missing in its folder" in ada_client.get(f"/photos/{photo.pk}").content.decode()
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
