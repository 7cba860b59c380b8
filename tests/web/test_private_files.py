"""Files that nobody else may read: new ones, those of older versions, and what cannot be closed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.management import call_command

from gallery import private_files
from gallery.models import Photo
from tests.images import jpeg, png
from tests.web.test_api_photos import upload
from tests.workers.conftest import drain

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
FAR_OFF = 60.0


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def open_below(folder: Path) -> list[str]:
    """Return what others could enter or read below a folder, if they got that far."""
    return [str(path) for path in folder.rglob("*") if mode(path) & 0o077]


@pytest.mark.django_db
def test_whatever_the_gallery_writes_is_its_users_alone(ada, ada_client, model, data_dir, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    for name, data in (("a.jpg", jpeg("red")), ("a.xmp", b"<x/>"), ("b.png", png("blue"))):
        (source / name).write_bytes(data)
        (source / name).chmod(0o666)
    upload(ada_client, png("green"))
    call_command("import_folder", str(source), "--owner", "ada", "-v0")
    drain()
    for photo in Photo.objects.all():
        assert ada_client.get(f"/photos/{photo.pk}/preview").status_code == 200
    written = [path for path in data_dir.rglob("*") if path.is_file()]
    assert {path.parent.parent.name for path in written} >= {"originals", "thumbnails", "previews"}
    assert open_below(data_dir) == []


STARTS = {
    "manage.py": "import manage; import django; django.setup()",
    "a web process": "import gallery.wsgi",
    "a worker": "import workers.celery",
}


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS.keys())
def test_every_process_closes_the_data_and_what_it_makes(tmp_path, start):
    data = tmp_path / "fresh"
    data.mkdir()
    data.chmod(0o755)
    (data / "scry.sqlite3").touch()
    (data / "scry.sqlite3").chmod(0o644)
    environment = {
        **os.environ,
        "DATA_DIR": str(data),
        "DJANGO_SETTINGS_MODULE": "gallery.settings",
    }
    code = f"{start}; from django.conf import settings; settings.DATA_DIR; print(os.umask(0))"
    ran = subprocess.run(
        [sys.executable, "-c", f"import os; {code}"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ran.stdout.split()[-1] == str(0o077)
    assert (mode(data), mode(data / "scry.sqlite3")) == (0o700, 0o600)


@pytest.fixture
def older(tmp_path) -> Path:
    """A DATA_DIR as an older version left it, closed on the outside."""
    data = tmp_path / "older"
    for number in range(4):
        folder = data / "media" / "originals" / f"{number:02}"
        folder.mkdir(parents=True)
        for name in "abc":
            (folder / name).touch()
            (folder / name).chmod(0o664)
    for folder in (path for path in (data, *data.rglob("*")) if path.is_dir()):
        folder.chmod(0o755)
    private_files.close_outside(data)
    return data


def test_what_an_older_version_made_is_closed(older):
    assert mode(older) == 0o700
    assert private_files.close_inside(older, seconds=FAR_OFF)
    assert open_below(older) == []
    assert mode(older / "media" / "originals" / "01" / "a") == 0o600


def test_closing_goes_on_where_it_was(older):
    passes = 0
    while not private_files.close_inside(older, seconds=0.0):
        passes += 1
        assert passes < 40
        closed = [path for path in older.rglob("*") if path.is_dir() and not mode(path) & 0o077]
        assert [left for folder in closed for left in open_below(folder)] == []
    assert open_below(older) == []


def test_what_is_closed_is_not_looked_into_again(older, monkeypatch):
    private_files.close_inside(older, seconds=FAR_OFF)
    looked = []
    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: looked.append(folder) or scan(folder))
    assert private_files.close_inside(older, seconds=FAR_OFF)
    assert looked == [older]


def test_links_lead_nowhere(older, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o755)
    outside.chmod(0o755)
    (outside / "file").touch()
    (outside / "file").chmod(0o644)
    (older / "media" / "link").symlink_to(outside)
    (older / "media" / "other").symlink_to(outside / "file")
    assert private_files.close_inside(older, seconds=FAR_OFF)
    assert (mode(outside), mode(outside / "file")) == (0o755, 0o644)


def test_a_data_folder_that_cannot_be_closed_is_told_and_left(older, settings, monkeypatch):
    settings.DATA_DIR = older
    assert [found.id for found in run_checks() if found.id == "scry.W010"] == []
    older.chmod(0o755)
    monkeypatch.setattr(Path, "chmod", lambda *_: (_ for _ in ()).throw(PermissionError))
    private_files.close_outside(older)
    assert [found.id for found in run_checks() if found.id == "scry.W010"] == ["scry.W010"]
    assert private_files.close_inside(older, seconds=FAR_OFF)
