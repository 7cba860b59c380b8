"""A gallery to back up, a target, and an empty installation to restore into."""

from __future__ import annotations

import pytest
from django.db import connection
from django.utils import timezone

from gallery.backup.targets import FolderTarget
from gallery.models import Photo
from search.vectors.index import close_all
from tests.workers.conftest import add_photo, keep_a_video


@pytest.fixture
def target(tmp_path):
    return FolderTarget(tmp_path / "backups")


@pytest.fixture
def photos(ada, model):
    """Three photos, one with a video, of somebody who has nothing else."""
    photos = [add_photo(ada, colour=colour) for colour in ("red", "green", "blue")]
    keep_a_video(photos[0])
    return photos


@pytest.fixture
def move_in(tmp_path, settings):
    """Return what makes this process an empty installation, with its own folder and database."""
    before = connection.settings_dict["NAME"]

    def move_in(name: str = "new") -> None:
        close_all()
        connection.close()
        settings.DATA_DIR = tmp_path / name
        settings.MEDIA_DIR = settings.DATA_DIR / "media"
        settings.UPLOAD_TMP_DIR = settings.DATA_DIR / "tmp"
        for folder in (settings.MEDIA_DIR, settings.UPLOAD_TMP_DIR):
            folder.mkdir(parents=True)
        connection.settings_dict["NAME"] = str(settings.DATA_DIR / "scry.sqlite3")

    yield move_in
    close_all()
    connection.close()
    connection.settings_dict["NAME"] = before


def trash(photo: Photo) -> None:
    Photo.objects.filter(pk=photo.pk).update(trashed_at=timezone.now())
