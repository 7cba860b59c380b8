"""The commands of docs/how-to/back-up-and-restore.md, run as they stand there, and under load."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.server.processes import ROOT, Program, eventually, free_port, manage
from tests.server.stack import Owner, picture

pytestmark = pytest.mark.server
PAGE = (ROOT / "docs" / "how-to" / "back-up-and-restore.md").read_text()
TARGET = "/mnt/backup/scry"


def commands(chapter: str) -> list[str]:
    """Return the shell blocks of one chapter of the page."""
    text = PAGE.split(f"\n## {chapter}", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def home(tmp_path):
    """A folder that looks like the repository, with a gallery of its own that runs from it."""
    home = tmp_path / "scry"
    home.mkdir()
    (home / ".venv").symlink_to(sys.prefix)
    (home / "manage.py").symlink_to(ROOT / "manage.py")
    return home


@pytest.fixture
def gallery(home):
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "tests.settings_services",
        "DATA_DIR": str(home / "data"),
        "PORT": str(port),
        "EMBEDDING_MODEL": "colours",
        "MIN_FREE_MB": "1",
    }
    command = [sys.executable, "manage.py", "serve"]
    program = Program("gallery", command, folder=home, environment=environment, port=port, cwd=home)
    program.start()
    program.ready()
    yield program
    program.kill()


@pytest.fixture
def ada(gallery):
    manage(gallery.environment, "create_owner", "ada", typed="correct horse battery\n")
    token = manage(gallery.environment, "create_token", "ada").splitlines()[-1]
    owner = Owner(f"http://127.0.0.1:{gallery.port}", token)
    yield owner
    owner.http.close()


def run(block: str, home: Path, environment: dict[str, str]) -> str:
    block = block.replace(TARGET, str(home / "backup"))
    done = subprocess.run(
        ["sh", "-e", "-c", block], cwd=home, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_gallery_that_is_lost_comes_back_from_its_backup(home, gallery, ada):
    back_up, restore = commands("One process")
    red, blue = ada.add(picture((220, 30, 30))), ada.add(picture((30, 60, 220)))
    ada.wait_until_indexed(red, blue)

    assert "All is whole" in run(back_up, home, gallery.environment)
    key = (home / "data" / "secret_key").read_text()
    ada.http.delete(f"/api/v1/photos/{blue}")
    assert gallery.stop() == 0
    shutil.rmtree(home / "data")
    assert "2 files are back" in run(restore, home, gallery.environment)

    gallery.start()
    gallery.ready()
    eventually("the model is loaded", lambda: ada.http.get("/api/v1/search?q=red").is_success)
    assert ada.found("red")[0] == red
    # It was deleted after the backup.
    assert ada.found("blue")[0] == blue
    assert (home / "data" / "secret_key").read_text() == key
    assert (home / "data" / "secret_key").stat().st_mode & 0o777 == 0o600
    assert "agrees" in manage(gallery.environment, "fsck", "--deep")


def test_a_backup_under_load_holds_what_was_there_at_its_beginning(home, gallery, ada):
    """Photos come and go for ever meanwhile; each backup restores into a gallery without faults."""
    kept = [ada.add(picture((220, 30, 30), mark)) for mark in range(8)]
    ada.wait_until_indexed(*kept)
    ended = threading.Event()

    def come_and_go() -> None:
        mark = 100
        while not ended.is_set():
            photo = ada.add(picture((30, 60, 220), mark))
            ada.http.delete(f"/api/v1/photos/{photo}")
            ada.http.delete(f"/api/v1/trash/{photo}")
            mark += 1

    load = threading.Thread(target=come_and_go)
    load.start()
    try:
        for _ in range(3):
            manage(gallery.environment, "backup", str(home / "backup"))
    finally:
        ended.set()
        load.join()
    environment = {**gallery.environment, "DATA_DIR": str(home / "other")}
    manage(environment, "verify_backup", str(home / "backup"))
    manage(environment, "restore", str(home / "backup"))
    told = manage(environment, "fsck", "--deep", "--repair")
    assert "original" not in told, told
    assert "agrees" in manage(environment, "fsck", "--deep")


def test_a_gallery_that_runs_is_not_restored_into(home, gallery, ada):
    ada.add(picture((220, 30, 30)))
    manage(gallery.environment, "backup", str(home / "backup"))
    with pytest.raises(AssertionError, match="The gallery runs here"):
        manage(gallery.environment, "restore", str(home / "backup"))
    assert gallery.stop() == 0
    with pytest.raises(AssertionError, match="not empty"):
        manage(gallery.environment, "restore", str(home / "backup"))


def test_the_gallery_makes_backups_by_itself(home, gallery, ada):
    ada.add(picture((220, 30, 30)))
    assert gallery.stop() == 0
    gallery.start(BACKUP_TARGET=str(home / "backup"))
    gallery.ready()
    made = home / "backup" / "generations"
    eventually("a backup", lambda: list(made.glob("*/manifest.json")), patience=100)
    assert gallery.stop() == 0
    manage(gallery.environment, "verify_backup", str(home / "backup"))
