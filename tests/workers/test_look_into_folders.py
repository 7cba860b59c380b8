"""What the workers do with folders of the server."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import IntegrityError

from gallery import originals_marker, stacks
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


def test_a_folder_that_fails_stops_no_other(ada, model, folder, settings, monkeypatch):
    settings.WATCH_FOLDERS = [("ada", folder / "bad"), ("ada", folder)]
    (folder / "a.jpg").write_bytes(jpeg())
    (folder / "bad").mkdir()
    look = watch_folder.Watch.look
    tried = []

    def fail(watch, *stop):
        tried.append(watch.folder.name)
        if watch.folder.name == "bad":
            raise OverflowError("date value out of range")
        look(watch, *stop)

    monkeypatch.setattr(watch_folder.Watch, "look", fail)
    look_into_folders.look(threading.Event())
    look_into_folders.look(threading.Event())
    assert Photo.objects.count() == 1
    assert tried.count("bad") == 1, "it rests"


def test_whatever_fails_the_thread_goes_on(db, monkeypatch):
    stop, rounds = threading.Event(), []

    def fail(_stop):
        rounds.append(1)
        if len(rounds) == 2:
            stop.set()
        raise OverflowError("date value out of range")

    monkeypatch.setattr(look_into_folders, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(look_into_folders, "look", fail)
    monkeypatch.setattr(look_into_folders.connections, "close_all", lambda: None)
    monkeypatch.setattr(look_into_folders, "close_old_connections", lambda: None)
    monkeypatch.setattr(look_into_folders, "lower_thread_priority", lambda: None)
    look_into_folders.run(stop)
    assert len(rounds) == 2


def test_an_account_that_goes_is_noticed(ada, model, folder):
    look_into_folders.look(threading.Event())
    ada.delete()
    (folder / "a.jpg").write_bytes(jpeg())
    time.sleep(0.01)
    look_into_folders.look(threading.Event())
    assert heartbeat.detail() == "WATCH_FOLDERS names ada, but there is no such account."
    assert not Photo.objects.exists()


def test_what_cannot_be_recorded_leaves_no_copy(ada, model, folder, settings, monkeypatch):
    def fail(_photo):
        raise IntegrityError("FOREIGN KEY constraint failed")

    monkeypatch.setattr(stacks, "stack_shot", fail)
    (folder / "a.jpg").write_bytes(jpeg())
    look_into_folders.look(threading.Event())
    originals = settings.MEDIA_DIR / "originals"
    kept = [path.name for path in originals.rglob("*") if path.is_file()]
    assert kept == [originals_marker.NAME]
    assert (folder / "a.jpg").read_bytes() == jpeg()
