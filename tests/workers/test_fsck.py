"""fsck and reindex: each fault is made by hand, reported, repaired, and then gone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from datetime import timedelta

import numpy as np
import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from gallery import files, trash
from gallery.models import Embedding, EmbeddingModel, Photo, Tombstone
from search import fulltext
from search.fulltext import upkeep
from search.models import PhotoWords
from search.vectors.index import Point, close_all, open_index
from tests.workers.conftest import (
    add_photo,
    assert_settled,
    delete_for_ever,
    drain,
    keep_a_video,
    points,
    row_of,
)
from workers.fsck_report import CLEAN, COULD_NOT_RUN, PROBLEMS_LEFT, REPAIRED, Check
from workers.index_sync import removal
from workers.index_sync.sources import point_payload

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

AGES_AGO = 0


@pytest.fixture
def photos(ada, model):
    """Three searchable photos of three colours."""
    photos = [add_photo(ada, colour=colour) for colour in ("red", "green", "blue")]
    assert drain() == len(photos)
    return photos


def fsck(capsys, *options: str) -> tuple[int, dict]:
    """Run the command as a person would, and return its exit status and its JSON."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        call_command("fsck", "--json", *options)
    return ended.value.code, json.loads(capsys.readouterr().out)


def the_index(model):
    return open_index(model.key, model.dim)


def lose_a_point(photos, model):
    the_index(model).delete([photos[0].pk])
    return Check.MISSING_POINT


def plant_a_point(photos, model):
    vector = row_of(photos[0]).get_vector()
    the_index(model).upsert([Point(uuid.uuid4(), vector, {"owner": "1", "gen": 1})])
    return Check.STRAY_POINT


def change_an_owner(photos, model):
    row = row_of(photos[0])
    payload = {**point_payload(row), "owner": "999"}
    the_index(model).upsert([Point(row.photo_id, row.get_vector(), payload)])
    return Check.WRONG_PAYLOAD


def age_a_point(photos, model):
    Embedding.objects.filter(photo=photos[0]).update(generation=3)
    return Check.WRONG_PAYLOAD


def leave_a_file(photos, model):
    path = files.thumbnail(uuid.uuid4())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"left behind")
    os.utime(path, (AGES_AGO, AGES_AGO))
    return Check.STRAY_FILE


def keep_a_file_of_a_deleted_photo(photos, model):
    gone = uuid.uuid4()
    Tombstone.objects.create(photo_id=gone, owner_id=photos[0].owner_id, deleted_at=timezone.now())
    path = files.thumbnail(gone)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"it should be gone, however new it is")
    return Check.STRAY_FILE


def forget_a_row(photos, model):
    the_index(model).delete([photos[0].pk])
    Embedding.objects.filter(photo=photos[0]).delete()
    return Check.NO_ROW


def leave_a_lease(photos, model):
    the_index(model).delete([photos[0].pk])
    ages_ago = timezone.now() - timedelta(days=1)
    Embedding.objects.filter(photo=photos[0]).update(state="leased", lease_until=ages_ago)
    return Check.STUCK


def leave_a_deletion(photos, model):
    the_index(model).delete([photos[0].pk])
    ages_ago = timezone.now() - timedelta(days=1)
    Photo.objects.filter(pk=photos[0].pk).update(deleted_at=ages_ago)
    return Check.STUCK


def damage_a_vector(photos, model):
    Embedding.objects.filter(photo=photos[0]).update(vector=b"\1" * (2 * model.dim))
    return Check.DAMAGED_VECTOR


def exchange_a_vector(photos, model):
    row, other = row_of(photos[0]), row_of(photos[1])
    point = Point(row.photo_id, other.get_vector(), point_payload(row))
    the_index(model).upsert([point])
    return Check.WRONG_VECTOR


def lose_words(photos, model):
    fulltext.catch_up()
    PhotoWords.objects.filter(photo=photos[0]).delete()
    return Check.WORDS


def exchange_words(photos, model):
    fulltext.catch_up()
    PhotoWords.objects.filter(photo=photos[0]).update(words="something else")
    return Check.WORDS


def lose_the_triggers_of_words(photos, model):
    upkeep.remove(connection)
    return Check.WORDS


def empty_the_index_of_words(photos, model):
    fulltext.catch_up()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO search_words (search_words) VALUES ('delete-all')")
    return Check.WORDS


FAULTS = [
    lose_words,
    exchange_words,
    lose_the_triggers_of_words,
    empty_the_index_of_words,
    lose_a_point,
    plant_a_point,
    change_an_owner,
    age_a_point,
    leave_a_file,
    keep_a_file_of_a_deleted_photo,
    forget_a_row,
    leave_a_lease,
    leave_a_deletion,
    damage_a_vector,
    exchange_a_vector,
]


def test_a_sound_gallery_is_clean(photos, capsys):
    status, report = fsck(capsys, "--deep", "--index")
    assert (status, report["found"], report["skipped"]) == (CLEAN, {}, [])
    assert report["photos"] == 3


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_is_reported_repaired_and_gone(photos, model, capsys, fault):
    check = fault(photos, model)
    status, report = fsck(capsys, "--deep")
    assert status == PROBLEMS_LEFT
    assert report["found"][str(check)] == 1
    status, report = fsck(capsys, "--deep", "--repair")
    assert status == REPAIRED, report
    drain()
    assert fsck(capsys, "--deep")[0] == CLEAN
    assert_settled(model)


def test_what_cannot_be_repaired_is_reported_and_left(photos, model, capsys):
    files.original(photos[0]).unlink()
    changed = files.original(photos[1])
    changed.write_bytes(changed.read_bytes() + b"!")
    status, report = fsck(capsys, "--deep", "--repair")
    assert status == PROBLEMS_LEFT
    assert set(report["found"]) == {str(Check.MISSING_ORIGINAL), str(Check.CHANGED_ORIGINAL)}
    assert changed.exists()
    assert Photo.objects.live().count() == 3


def test_files_kept_with_photos_are_checked_and_never_removed(photos, capsys):
    kept = [files.companion(keep_a_video(photo)) for photo in photos]
    for path in kept:
        os.utime(path, (AGES_AGO, AGES_AGO))
    assert fsck(capsys, "--deep", "--repair", "--grace", "0")[0] == CLEAN
    kept[0].unlink()
    kept[1].write_bytes(b"changed")
    status, report = fsck(capsys, "--deep", "--repair")
    assert status == PROBLEMS_LEFT
    assert set(report["found"]) == {str(Check.MISSING_COMPANION), str(Check.CHANGED_COMPANION)}
    assert [path.exists() for path in kept] == [False, True, True]


def test_a_photo_that_came_back_is_told_of(photos, capsys):
    photo = photos[0]
    Tombstone.objects.create(photo_id=photo.pk, owner_id=photo.owner_id, deleted_at=timezone.now())
    status, report = fsck(capsys, "--repair")
    assert (status, set(report["found"])) == (PROBLEMS_LEFT, {str(Check.BACK)})
    assert report["broken"] == ["I5"]


def test_unfinished_work_counts_only_where_it_should_be_finished(ada, photos, capsys):
    add_photo(ada)
    trash.trash(Photo.objects.filter(pk=photos[0].pk))
    delete_for_ever(photos[1])
    assert str(Check.UNFINISHED) not in fsck(capsys)[1]["found"]
    status, report = fsck(capsys, "--settled")
    assert status == PROBLEMS_LEFT
    assert "I9" in report["broken"]
    assert report["found"][str(Check.UNFINISHED)] == 3
    drain()
    removal.withdraw()
    removal.purge()
    fulltext.catch_up()
    status, report = fsck(capsys, "--settled", "--deep", "--index")
    assert status == CLEAN, report


def test_a_gallery_without_an_active_model_is_told_of(photos, capsys):
    EmbeddingModel.objects.update(state="building")
    status, report = fsck(capsys)
    assert (status, set(report["found"])) == (PROBLEMS_LEFT, {str(Check.MODEL)})


def test_damage_of_the_database_is_told_of(photos, capsys):
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA foreign_keys=OFF")
        cursor.execute(
            "UPDATE gallery_embedding SET model_id = 4711 "
            "WHERE id = (SELECT min(id) FROM gallery_embedding)"
        )
    try:
        _, report = fsck(capsys)
        assert report["found"][str(Check.DATABASE)] == 1
    finally:
        Embedding.objects.filter(model_id=4711).delete()
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA foreign_keys=ON")


def test_young_files_and_files_of_photos_are_left_alone(photos, capsys):
    path = files.thumbnail(uuid.uuid4())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"an upload that is not recorded yet")
    assert fsck(capsys, "--repair")[0] == CLEAN
    assert path.exists()
    assert fsck(capsys, "--repair", "--grace", "0")[0] == REPAIRED
    assert not path.exists()
    assert all(files.original(photo).exists() for photo in photos)


def test_removing_very_much_at_once_is_refused(photos, model, capsys):
    vector = row_of(photos[0]).get_vector()
    strays = [Point(uuid.uuid4(), vector, {"owner": "1", "gen": 1}) for _ in range(25)]
    the_index(model).upsert(strays)
    status, report = fsck(capsys, "--repair")
    assert status == COULD_NOT_RUN
    assert "--force" in report["refused"][0]
    assert len(points(model)) == 28
    assert fsck(capsys, "--repair", "--force")[0] == REPAIRED
    assert_settled(model)


def test_a_photo_that_is_embedded_anew_keeps_its_old_point(photos, model, capsys):
    Embedding.objects.filter(photo=photos[0]).update(state="pending", generation=2)
    assert fsck(capsys, "--repair")[0] == CLEAN
    assert len(points(model)) == 3


def test_the_report_can_be_read_by_people(photos, model, capsys):
    lose_a_point(photos, model)
    with pytest.raises(SystemExit):
        call_command("fsck")
    assert f"{Check.MISSING_POINT}: 1 found, 0 repaired" in capsys.readouterr().out


HOLDER = """
import sys
from pathlib import Path
from search.vectors.index.qdrant_edge import EdgeIndex
index = EdgeIndex(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
index.ensure()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def held_index(photos, model, settings):
    """Hold the index in another process, as a running gallery does."""
    from search.vectors.index import slug

    close_all()
    path = settings.DATA_DIR / "index" / slug(model.key)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), str(model.dim), model.key],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout.readline() == b"held\n"
    yield
    holder.communicate(b"")


def test_an_index_in_use_is_left_out_and_said_so(held_index, capsys):
    status, report = fsck(capsys)
    assert (status, len(report["skipped"])) == (CLEAN, 1)
    assert fsck(capsys, "--index")[0] == COULD_NOT_RUN


def test_reindex_leaves_an_index_in_use_to_its_process(held_index, model, capsys):
    call_command("reindex")
    assert "running gallery" in capsys.readouterr().out
    assert set(Embedding.objects.values_list("state", flat=True)) == {"embedded"}


def test_reindex_fills_the_index_from_the_database(photos, model, capsys):
    plant_a_point(photos, model)
    lose_a_point(photos, model)
    # No original is needed.
    for photo in photos:
        files.original(photo).rename(files.original(photo).with_suffix(".away"))
    call_command("reindex", verbosity=0)
    assert "3 of 3 photos are in the index" in capsys.readouterr().out
    assert_settled(model)


def test_reindex_from_pictures_embeds_everything_again(photos, model):
    before = row_of(photos[0]).get_vector()
    Embedding.objects.filter(photo=photos[1]).update(state="failed", reason="corrupt")
    call_command("reindex", "--from-pictures")
    assert set(Embedding.objects.values_list("state", "generation")) == {("pending", 2)}
    assert drain() == 3
    np.testing.assert_allclose(row_of(photos[0]).get_vector(), before, atol=2e-2)
    assert_settled(model)


def test_vectors_wait_while_another_process_holds_the_index(ada, held_index, capsys):
    late = add_photo(ada)
    assert drain() == 0
    assert row_of(late).state == "embedded"
    assert row_of(late).attempts == 1
