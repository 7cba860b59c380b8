"""The database of a real gallery is lost, while it runs and before it starts."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import httpx
import pytest

from tests import migrated
from tests.server.processes import ROOT, Program, eventually, free_port, manage

pytestmark = pytest.mark.server


@pytest.fixture
def gallery(tmp_path):
    """A gallery of its own that runs in one process, with an account."""
    migrated.data_folder(tmp_path / "data")
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "tests.settings_services",
        "DATA_DIR": str(tmp_path / "data"),
        "PORT": str(port),
        "EMBEDDING_MODEL": "colours",
        "MIN_FREE_MB": "1",
    }
    command = [sys.executable, "manage.py", "serve"]
    program = Program("gallery", command, folder=tmp_path, environment=environment, port=port)
    program.start()
    try:
        program.ready()
        manage(environment, "create_owner", "ada", typed="correct horse battery\n")
        yield program
    finally:
        program.kill()


def ended(gallery: Program, *words: str) -> tuple[int, str]:
    """Run a command that ends by itself; return its exit status and what it said."""
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        env=gallery.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stderr


def ready(gallery: Program) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{gallery.port}/readyz", timeout=30)


def test_a_database_that_vanishes_is_noticed_and_told_once(gallery, tmp_path):
    record = tmp_path / "data" / "scry.sqlite3"
    assert ready(gallery).status_code == 200
    record.rename(record.with_name("elsewhere"))
    eventually("it is noticed", lambda: ready(gallery).status_code == 503)
    assert "Nothing is made anew" in ready(gallery).json()["reason"]
    for _ in range(10):
        page = httpx.get(f"http://127.0.0.1:{gallery.port}/sign-in", timeout=30)
        assert (page.status_code, "Retry-After" in page.headers) == (503, True)
    assert not record.exists()
    said = gallery.log.read_text()
    assert said.count("is gone") == 1
    assert "Traceback" not in said

    record.with_name("elsewhere").rename(record)
    eventually("it goes on", lambda: ready(gallery).status_code == 200)


def test_a_lost_database_is_not_made_anew_by_any_command(gallery, tmp_path):
    record = tmp_path / "data" / "scry.sqlite3"
    assert gallery.stop() == 0
    record.unlink()
    for command in ("serve", "fsck", "migrate", "reindex"):
        status, said = ended(gallery, command)
        assert status == 2, said
        assert "restore a backup" in said
        assert len(said.splitlines()) == 1, said
    assert not record.exists()


def test_noise_in_the_database_is_told_by_serve_and_fsck(gallery, tmp_path):
    record = tmp_path / "data" / "scry.sqlite3"
    assert gallery.stop() == 0
    log = record.with_name("scry.sqlite3-wal")
    assert not log.exists() or not log.stat().st_size, "the file alone is whole"
    with record.open("r+b") as file:
        file.seek(4096)
        file.write(random.Random(6).randbytes(record.stat().st_size - 4096))
    for command in ("serve", "fsck"):
        status, said = ended(gallery, command)
        assert status == 2, said
        assert "restore a backup" in said
        assert len(said.splitlines()) == 1, said
