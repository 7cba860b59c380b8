"""Importing a folder: odd names, what is left out, what cannot be read, and what changes."""

from __future__ import annotations

import os
import shutil
import socket
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from gallery import files, paths
from gallery.folders import import_folder as importing
from gallery.models import Photo
from tests.images import jpeg, png

pytestmark = pytest.mark.django_db


def run(folder: Path, owner: str = "ada") -> str:
    out = StringIO()
    call_command("import_folder", str(folder), "--owner", owner, "-v0", stdout=out)
    return out.getvalue().strip()


def failed(folder: Path) -> tuple[str, int]:
    """Run an import that ends with an error; return its sentence and the exit status."""
    with pytest.raises(CommandError) as error:
        run(folder)
    return str(error.value), error.value.returncode


def write(folder: Path, name: str | bytes, data: bytes) -> Path:
    path = folder / os.fsdecode(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def names() -> set[str]:
    return set(Photo.objects.values_list("name", flat=True))


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        (b"caf\xe9.jpg", "caf\\xe9.jpg"),
        (b"\xff\xfe.jpg", "\\xff\\xfe.jpg"),
        (b"\x93\xfa\x96{.jpg", "\\x93\\xfa\\x96{.jpg"),  # Shift JIS
        ("été 🏖.jpg".encode(), "été 🏖.jpg"),
    ],
)
def test_names_in_any_bytes_are_taken(ada, model, folder, name, kept):
    write(folder, name, jpeg())
    assert run(folder) == "1 added"
    assert names() == {kept}
    assert run(folder) == "1 already here"


def test_a_folder_whose_name_is_no_utf8(ada, model, folder):
    write(folder, b"\xe9t\xe9/a.jpg", jpeg())
    write(folder, b"\xe9t\xe9/b.txt", b"no picture")
    assert run(folder) == "1 added, 1 refused"


@pytest.mark.parametrize(
    "name", [b"plain", b"caf\xe9", b"back\\slash", b"\\xe9 \xe9", b"line\nbreak"]
)
def test_paths_become_text_and_come_back(name):
    path = Path(os.fsdecode(b"/photos/" + name))
    text = paths.to_text(path)
    text.encode("utf-8")
    assert paths.from_text(text) == path
    assert "\n" not in paths.shown(path)
    paths.shown(path).encode("utf-8")


# --- what is left out -----------------------------------------------------------------------------

SYSTEMS = [
    "@eaDir/a.jpg", "#recycle/a.jpg", "$RECYCLE.BIN/a.jpg", "$Recycle.Bin/a.jpg",
    ".thumbnails/a.jpg", "__MACOSX/a.jpg", "__MACOSX/._a.jpg", ".stfolder/a.jpg", ".Trash/a.jpg",
    ".Trash-1000/files/a.jpg",
    ".Trashes/a.jpg", "lost+found/a.jpg", "Thumbs.db", "thumbs.db", "desktop.ini", ".DS_Store",
    "._IMG_1.jpg", ".trashed-1700000000-IMG_1.jpg", "sub/@EADIR/a.jpg", ".hidden.jpg",
]  # fmt: skip


@pytest.mark.parametrize("name", SYSTEMS)
def test_what_systems_keep_is_left_out(ada, model, folder, name):
    write(folder, name, jpeg("blue"))
    write(folder, "mine.jpg", jpeg())
    assert run(folder) == "1 added"


def test_names_that_only_resemble_those_are_taken(ada, model, folder):
    for number, name in enumerate(
        ("my @eaDir/a.jpg", "recycle/b.jpg", "Thumbs.db.jpg", "Trash.jpg")
    ):
        write(folder, name, png("red", (20 + number, 20)))
    assert run(folder) == "4 added"


@pytest.mark.parametrize("name", ["a.jpg.part", "a.CRDOWNLOAD", "a.jpg.tmp", "a.jpg~", "a.partial"])
def test_unfinished_files_are_left_out_in_words(ada, model, folder, name, capsys):
    write(folder, name, jpeg())
    assert run(folder) == "1 left out"
    assert (
        f"left out {folder / name}: Its name says that it is unfinished." in capsys.readouterr().out
    )


def test_links_and_special_files_are_left_out(ada, model, folder, tmp_path):
    picture = write(tmp_path, "elsewhere/a.jpg", jpeg("blue"))
    write(folder, "mine.jpg", jpeg())
    (folder / "link.jpg").symlink_to(picture)
    (folder / "folder").symlink_to(picture.parent, target_is_directory=True)
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "nowhere.jpg").symlink_to("gone")
    os.mkfifo(folder / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(folder)  # A socket's path has to be short.
        listener.bind("socket.jpg")
        os.chdir(here)
        assert run(folder) == "1 added, 6 left out"


def test_scrys_own_files_are_not_imported(ada, model, settings, tmp_path):
    write(tmp_path, "mine.jpg", jpeg())
    assert run(tmp_path) == "1 added"
    assert run(tmp_path) == "1 already here"


# --- what cannot be read --------------------------------------------------------------------------


def test_a_folder_that_cannot_be_read_is_listed_and_fails(ada, model, folder):
    """A path longer than the system takes is one that not even root can read."""
    write(folder, "mine.jpg", jpeg())
    here = os.open(folder, os.O_RDONLY)
    for _step in range(20):
        os.mkdir("n" * 250, dir_fd=here)
        deeper = os.open("n" * 250, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    sentence, status = failed(folder)
    assert status == 1
    assert "could not be read:\n" in sentence
    assert sentence.endswith("File name too long")
    assert names() == {"mine.jpg"}
    shutil.rmtree(folder)


def test_folders_and_files_that_are_denied_are_listed_together(ada, model, folder, monkeypatch):
    for name, colour in {"a/one.jpg": "red", "b/two.jpg": "green", "b/three.jpg": "blue"}.items():
        write(folder, name, jpeg(colour))
    read, scan = files.sha256, os.scandir

    def deny(path: Path) -> None:
        if str(path).endswith(("/a", "two.jpg")):
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files, "sha256", lambda path: deny(path) or read(path))
    monkeypatch.setattr(os, "scandir", lambda path: deny(path) or scan(path))
    sentence, status = failed(folder)
    monkeypatch.undo()
    assert status == 1
    assert f"{folder}/a: Permission denied" in sentence
    assert f"{folder}/b/two.jpg: Permission denied" in sentence
    assert names() == {"three.jpg"}


@pytest.mark.parametrize("name", ["gone", "a.jpg"])
def test_what_is_no_folder_is_refused(ada, model, folder, name):
    write(folder, "a.jpg", jpeg())
    sentence, status = failed(folder / name)
    assert sentence == f"{folder / name} is not a folder that can be read."
    assert status == 1


def test_a_link_to_itself_is_no_folder(ada, model, tmp_path):
    (tmp_path / "round").symlink_to(tmp_path / "round")
    assert "is not a folder that can be read." in failed(tmp_path / "round")[0]


def test_refused_files_are_no_failure(ada, model, folder):
    write(folder, "notes.txt", b"no picture")
    write(folder, "nothing.jpg", b"")
    assert run(folder) == "2 refused"


def test_files_beyond_the_limit_are_not_even_read(ada, model, folder, settings, monkeypatch):
    settings.MAX_FILE_BYTES = 1000
    write(folder, "huge.jpg", bytes(1001))
    monkeypatch.setattr(files, "sha256", None)
    assert run(folder) == "1 refused"


# --- what happens meanwhile -----------------------------------------------------------------------


def changing(monkeypatch, change) -> None:
    """Call `change` whenever a file of the folder was copied."""
    copy = shutil.copyfile

    def copyfile(source, target, **options):
        copy(source, target, **options)
        change(Path(source))

    monkeypatch.setattr(importing.shutil, "copyfile", copyfile)


def test_a_file_that_vanishes_is_listed(ada, model, folder, monkeypatch):
    write(folder, "a.jpg", jpeg())
    changing(monkeypatch, Path.unlink)
    sentence, _status = failed(folder)
    assert sentence.endswith("a.jpg: No such file or directory")
    assert not Photo.objects.exists()


def test_a_file_that_keeps_changing_is_listed(ada, model, folder, monkeypatch, settings):
    write(folder, "a.jpg", jpeg())
    changing(monkeypatch, lambda path: path.write_bytes(path.read_bytes() + b"\0"))
    sentence, _status = failed(folder)
    assert "It changed while it was read." in sentence
    assert not Photo.objects.exists()
    assert not list(settings.UPLOAD_TMP_DIR.iterdir())


def test_a_file_that_changes_once_is_taken_as_it_is_then(ada, model, folder, monkeypatch):
    path = write(folder, "a.jpg", jpeg("red"))
    later = jpeg("blue", (90, 90))
    changing(monkeypatch, lambda path: path.read_bytes() == later or path.write_bytes(later))
    assert run(folder) == "1 added"
    photo = Photo.objects.get()
    assert photo.sha256 == files.sha256(path)
    assert files.original(photo).read_bytes() == later


def test_a_full_disk_ends_the_import_in_words(ada, model, folder, monkeypatch):
    write(folder, "a.jpg", jpeg())

    def full(*args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(importing.shutil, "copyfile", full)
    sentence, status = failed(folder)
    assert sentence.startswith("The disk is nearly full")
    assert status == 1


def test_stopping_says_how_to_go_on(ada, model, folder, monkeypatch, settings):
    write(folder, "a.jpg", jpeg())

    def interrupt(path: Path) -> None:
        raise KeyboardInterrupt

    changing(monkeypatch, interrupt)
    sentence, status = failed(folder)
    assert sentence.endswith("Stopped. Run the same command again to continue.")
    assert status == 130
    assert not list(settings.UPLOAD_TMP_DIR.iterdir())
    monkeypatch.undo()
    assert run(folder) == "1 added"
