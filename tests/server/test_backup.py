"""The commands of docs/how-to/back-up-and-restore.md, run as they stand there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.processes import ROOT, Program, eventually, free_port, manage
from tests.server.stack import Owner, picture

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(not shutil.which("rsync"), reason="rsync is not installed"),
]
PAGE = (ROOT / "docs" / "how-to" / "back-up-and-restore.md").read_text()


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


def run(block: str, home: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        ["sh", "-e", "-c", block], cwd=home, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_gallery_that_is_lost_comes_back_from_its_backup(home, gallery):
    back_up, restore = commands("One process")
    manage(gallery.environment, "create_owner", "ada", typed="correct horse battery\n")
    token = manage(gallery.environment, "create_token", "ada").splitlines()[-1]
    ada = Owner(f"http://127.0.0.1:{gallery.port}", token)
    red, blue = ada.add(picture((220, 30, 30))), ada.add(picture((30, 60, 220)))
    ada.wait_until_indexed(red, blue)

    run(back_up, home, gallery.environment)
    ada.http.delete(f"/api/v1/photos/{blue}")
    assert gallery.stop() == 0
    shutil.rmtree(home / "data")
    run(restore, home, gallery.environment)

    gallery.start()
    gallery.ready()
    eventually("the model is loaded", lambda: ada.http.get("/api/v1/search?q=red").is_success)
    assert ada.found("red")[0] == red
    # It was deleted after the backup, whose original is still there.
    assert ada.found("blue")[0] == blue
    assert "agrees" in manage(gallery.environment, "fsck")
    ada.http.close()
