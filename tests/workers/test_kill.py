"""kill -9 at every step: a process of its own dies there, and the next one makes it good."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys

import pytest
from django.core.management import call_command
from django.db import connection

from gallery import files, trash
from gallery.failpoints import VARIABLE
from gallery.models import Embedding, Photo, Tombstone
from search.vectors.index import close_all
from tests.workers.conftest import (
    add_photo,
    assert_settled,
    delete_for_ever,
    drain,
    expire_leases,
    points,
    row_of,
)
from workers.index_sync import removal
from workers.index_sync.sources import owed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def run_worker(settings, **killed_at: str) -> int:
    """Run a worker over this test's data in another process and return its exit status."""
    close_all()
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "tests.settings_services",
        "SECRET_KEY": settings.SECRET_KEY,
        "DATA_DIR": str(settings.DATA_DIR),
        "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
        "EMBEDDING_MODEL": "colours",
        "MIN_FREE_MB": "1",
        "PART_SEARCH": str(settings.PART_SEARCH),
        VARIABLE: ",".join(f"{name}={action}" for name, action in killed_at.items()),
    }
    command = [sys.executable, "-m", "tests.workers.drain_once"]
    return subprocess.run(command, env=environment, timeout=60, check=False).returncode


@pytest.mark.parametrize(
    "step", ["claimed", "decoded", "embedded", "saved", "photos_upserted", "photos_flushed"]
)
def test_a_worker_killed_while_indexing_loses_nothing(ada, model, settings, step):
    photos = [add_photo(ada) for _ in range(3)]
    assert run_worker(settings, **{step: "kill"}) == -signal.SIGKILL
    assert not Embedding.objects.filter(state="indexed").exists()
    expire_leases()
    drain()
    assert_settled(model)
    assert points(model) == {photo.pk for photo in photos}


@pytest.mark.parametrize("step", ["points_removed", "files_removed"])
def test_a_worker_killed_while_deleting_is_made_good(ada, model, settings, step):
    doomed, kept = add_photo(ada), add_photo(ada)
    drain()
    delete_for_ever(doomed)
    assert run_worker(settings, **{step: "kill"}) == -signal.SIGKILL
    assert Photo.objects.filter(pk=doomed.pk).exists(), "the row is what remembers the work"
    assert removal.purge() == 1
    assert points(model) == {kept.pk}
    assert not files.original(doomed).exists()
    assert not files.thumbnail(doomed.pk).exists()
    assert Tombstone.objects.filter(photo_id=doomed.pk).exists()


@pytest.mark.parametrize("step", ["rows_withdrawn", "points_withdrawn"])
@pytest.mark.parametrize("restored", [False, True], ids=["trashed", "restored"])
def test_a_worker_killed_while_withdrawing_is_made_good(ada, model, settings, step, restored):
    photo, kept = add_photo(ada), add_photo(ada)
    drain()
    trash.trash(Photo.objects.filter(pk=photo.pk))
    assert run_worker(settings, **{step: "kill"}) == -signal.SIGKILL
    assert owed().get().photo_id == photo.pk, "the row is what remembers the work"
    if restored:
        trash.restore(Photo.objects.filter(pk=photo.pk))
    assert run_worker(settings) == 0
    assert_settled(model)
    assert points(model) == ({photo.pk, kept.pk} if restored else {kept.pk})
    assert row_of(photo).get_vector() is not None


def test_rows_that_were_there_in_two_crashes_are_tried_one_by_one(ada, model, settings):
    photos = [add_photo(ada) for _ in range(3)]
    for _ in range(2):
        assert run_worker(settings, embedded="kill") == -signal.SIGKILL
        expire_leases()
    assert run_worker(settings) == 0
    assert_settled(model)
    assert set(Embedding.objects.values_list("state", flat=True)) == {"indexed"}
    assert points(model) == {photo.pk for photo in photos}


def test_what_killed_workers_leave_passes_fsck(ada, model, settings):
    for _ in range(3):
        add_photo(ada)
    for step in ("saved", "photos_upserted"):
        run_worker(settings, **{step: "kill"})
        expire_leases()
    assert run_worker(settings) == 0
    with pytest.raises(SystemExit) as ended:
        call_command("fsck", "--deep", "--index", "--json", stdout=io.StringIO())
    assert ended.value.code == 0
