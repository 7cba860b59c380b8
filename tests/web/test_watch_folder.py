"""A watched folder: what arrives is taken in once it has stopped growing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gallery import files
from gallery.folders import watch_folder
from gallery.folders.watch_folder import QUIET_SECONDS, RESCAN_SECONDS, RETRY_SECONDS, Watch
from gallery.models import Photo, SkippedFile
from tests import migrated
from tests.images import jpeg

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test moves; it does not run on its own."""

    class Clock:
        now = 1000.0

        def wait(self, seconds: float = QUIET_SECONDS) -> None:
            self.now += seconds

    clock = Clock()
    monkeypatch.setattr(watch_folder, "monotonic", lambda: clock.now)
    return clock


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def watch(ada, model, clock, folder, said) -> Watch:
    return Watch(ada, folder, said.append)


def count() -> int:
    return Photo.objects.count()


def test_a_file_is_taken_once_it_has_settled(watch, folder, clock, said):
    (folder / "a.jpg").write_bytes(jpeg())
    watch.look()
    clock.wait(QUIET_SECONDS - 1)
    watch.look()
    assert count() == 0
    clock.wait(1)
    watch.look()
    assert count() == 1
    assert said == ["1 added"]
    assert (folder / "a.jpg").read_bytes() == jpeg()


@pytest.mark.slow
def test_a_growing_file_waits_for_its_end(watch, folder, clock):
    data = jpeg(size=(400, 300))
    step = len(data) // 5 + 1
    for end in range(step, len(data) + step, step):
        (folder / "a.jpg").write_bytes(data[:end])
        watch.look()
        clock.wait(QUIET_SECONDS - 1)
        watch.look()
    clock.wait(1)
    watch.look()
    photo = Photo.objects.get()
    assert files.original(photo).read_bytes() == data
    assert photo.flaw == ""


@pytest.mark.parametrize("name", ["a.jpg.part", "a.jpg.crdownload", "a.tmp", "a.jpg~"])
def test_a_temporary_name_waits_for_the_real_one(watch, folder, clock, name):
    (folder / name).write_bytes(jpeg())
    for _look in range(3):
        watch.look()
        clock.wait()
    assert count() == 0
    (folder / name).rename(folder / "a.jpg")
    watch.look()
    clock.wait()
    watch.look()
    assert [photo.name for photo in Photo.objects.all()] == ["a.jpg"]


def settle(watch, clock) -> None:
    watch.look()
    clock.wait()
    watch.look()


def test_a_renamed_file_is_no_copy_of_itself(watch, folder, clock):
    (folder / "a.jpg").write_bytes(jpeg())
    settle(watch, clock)
    (folder / "sub").mkdir()
    (folder / "a.jpg").rename(folder / "sub" / "b.jpg")
    settle(watch, clock)
    assert count() == 1
    assert not SkippedFile.objects.exists()


def test_a_file_that_changes_later_is_taken_again(watch, folder, clock):
    (folder / "a.jpg").write_bytes(jpeg("red"))
    settle(watch, clock)
    (folder / "a.jpg").write_bytes(jpeg("blue", (80, 80)))
    settle(watch, clock)
    assert count() == 2


def test_what_is_known_is_not_read_again(watch, folder, clock, monkeypatch):
    (folder / "a.jpg").write_bytes(jpeg())
    (folder / "notes.txt").write_text("no picture")
    settle(watch, clock)
    monkeypatch.setattr(files, "sha256", None)
    settle(watch, clock)


def test_once_a_day_everything_is_compared_by_content(watch, folder, clock):
    path = folder / "a.jpg"
    path.write_bytes(jpeg("red"))
    settle(watch, clock)
    before = path.stat()
    path.write_bytes(jpeg("lime"))
    assert path.stat().st_size == before.st_size
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    settle(watch, clock)
    assert count() == 1
    clock.wait(RESCAN_SECONDS)
    settle(watch, clock)
    assert count() == 2


def test_a_folder_may_go_away_and_come_back(watch, folder, clock, said):
    (folder / "a.jpg").write_bytes(jpeg("red"))
    settle(watch, clock)
    folder.rename(folder.with_name("unplugged"))
    settle(watch, clock)
    assert "is away" in watch.trouble
    assert len(said) == 2
    assert count() == 1
    folder.with_name("unplugged").rename(folder)
    (folder / "b.jpg").write_bytes(jpeg("blue"))
    settle(watch, clock)
    assert watch.trouble == ""
    assert count() == 2


def test_a_file_that_cannot_be_read_is_tried_again_and_told_once(
    watch, folder, clock, said, monkeypatch
):
    (folder / "a.jpg").write_bytes(jpeg())

    def deny(path):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(files, "sha256", deny)
        for _look in range(5):
            settle(watch, clock)
            clock.wait(RETRY_SECONDS)
    assert [line for line in said if "Permission denied" in line] == said[:1]
    watch.look()
    assert count() == 1


def test_a_full_disk_is_told_and_waited_for(watch, folder, clock, settings):
    (folder / "a.jpg").write_bytes(jpeg())
    enough, settings.MIN_FREE_BYTES = settings.MIN_FREE_BYTES, 2**60
    settle(watch, clock)
    assert watch.trouble.startswith("The disk is nearly full")
    settings.MIN_FREE_BYTES = enough
    watch.look()
    assert watch.trouble == ""
    assert count() == 1


def test_a_stop_ends_before_the_next_file(watch, folder, clock):
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(jpeg(size=(50 + number, 50)))
    settle_after = iter([False, True, True])
    watch.look()
    clock.wait()
    watch.look(lambda: next(settle_after))
    assert count() == 1


def test_a_large_folder_is_looked_at_less_often(watch, folder, clock, monkeypatch):
    listing = watch_folder.list_files

    def slow(folder):
        clock.wait(3)
        return listing(folder)

    monkeypatch.setattr(watch_folder, "list_files", slow)
    watch.look()
    assert watch.rest_seconds == 30


@pytest.mark.slow
def test_the_command_ends_cleanly_when_it_is_told_to(tmp_path, folder):
    environment = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(tmp_path / "other"),
        "MIN_FREE_MB": "1",
        "PYTHONUNBUFFERED": "1",
    }
    manage = [sys.executable, "manage.py"]
    migrated.data_folder(tmp_path / "other")
    subprocess.run(
        [*manage, "create_owner", "ada"],
        cwd=ROOT,
        env=environment,
        input=b"correct horse\n",
        check=True,
        capture_output=True,
    )
    command = [*manage, "import_folder", str(folder), "--owner", "ada", "--watch"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert b"Watching" in process.stdout.readline()
        (folder / "a.jpg").write_bytes(jpeg())
        started = time.monotonic()
        assert process.stdout.readline() == b"1 added\n"
        assert time.monotonic() - started >= QUIET_SECONDS - 1
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == b"Stopped.\n"
        assert process.wait(20) == 0
