"""What the workers do with folders of the server."""

from __future__ import annotations

import threading
import time

import pytest

from gallery.folders import watch_folder
from gallery.models import Photo
from tests.images import jpeg
from workers import heartbeat, look_into_folders

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_watches():
    yield
    look_into_folders._watches.clear()
    heartbeat._troubles.clear()


@pytest.fixture
def folder(tmp_path, settings, monkeypatch):
    (tmp_path / "in").mkdir()
    settings.WATCH_FOLDERS = [("ada", tmp_path / "in")]
    monkeypatch.setattr(watch_folder, "QUIET_SECONDS", 0.0)
    monkeypatch.setattr(watch_folder, "LOOK_SECONDS", 0.0)
    return tmp_path / "in"


def test_watched_folders_are_looked_into(ada, model, folder):
    (folder / "a.jpg").write_bytes(jpeg())
    look_into_folders.look(threading.Event())
    assert Photo.objects.get().owner == ada


def test_an_owner_without_an_account_is_told_and_waited_for(db, model, folder, django_user_model):
    (folder / "a.jpg").write_bytes(jpeg())
    look_into_folders.look(threading.Event())
    assert heartbeat.detail() == "WATCH_FOLDERS names ada, but there is no such account."
    django_user_model.objects.create_user("ada")
    look_into_folders.look(threading.Event())
    assert heartbeat.detail() == ""
    assert Photo.objects.count() == 1


def test_a_watched_folder_that_is_away_is_told(ada, model, folder):
    folder.rmdir()
    look_into_folders.look(threading.Event())
    assert "is away" in heartbeat.detail()
    folder.mkdir()
    time.sleep(0.01)
    look_into_folders.look(threading.Event())
    assert heartbeat.detail() == ""
