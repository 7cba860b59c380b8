"""Photos in the trash: out of the index soon, back from SQL alone, gone after thirty days."""

from __future__ import annotations

import io
import json
import time

import pytest
from django.core.management import call_command
from django.utils import timezone

from gallery import files, trash
from gallery.models import Companion, Embedding, EmbeddingModel, Photo, Tombstone
from search.vectors.index import IndexUnavailable, Point, open_index
from tests.embedders import ColourEmbedder
from tests.lived import age
from tests.workers.conftest import (
    add_photo,
    assert_settled,
    drain,
    keep_a_video,
    points,
    row_of,
)
from workers import housekeeping, jobs, model_choice, pipeline, tasks
from workers.index_sync import projection, reconcile, removal, sources
from workers.index_sync.sources import PHOTOS

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("looked_at"),
    pytest.mark.slow,
]

STEPS = ("claimed", "embedded", "saved", "photos_upserted", "photos_flushed")


def only(*photos: Photo):
    return Photo.objects.filter(pk__in=[photo.pk for photo in photos])


def age_trash(days: float) -> None:
    age(Photo.objects.trashed(), days)


def fsck(*options: str) -> tuple[int, dict]:
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("fsck", "--json", *options, stdout=out)
    return ended.value.code, json.loads(out.getvalue())


@pytest.fixture
def no_model(monkeypatch):
    def refuse(self, images):
        raise AssertionError("The model must not be asked.")

    monkeypatch.setattr(ColourEmbedder, "embed_images", refuse)


# --- out of the index -----------------------------------------------------------------------------


def test_points_of_trashed_photos_leave_the_index_and_all_else_stays(photos, model):
    trash.trash(only(*photos[:2]))
    assert jobs.is_work_due()
    tasks.purge_deleted()
    assert points(model) == {photos[2].pk}
    assert not jobs.is_work_due()
    for photo in photos:
        assert files.original(photo).exists()
        assert files.thumbnail(photo.pk).exists()
        assert row_of(photo).get_vector() is not None
    assert_settled(model)


def test_a_restored_photo_is_found_again_without_the_model_or_its_picture(photos, model, no_model):
    trash.trash(only(photos[0]))
    removal.withdraw()
    files.original(photos[0]).unlink()
    trash.restore(only(photos[0]))
    assert row_of(photos[0]).compared_at is None, "others may have come meanwhile"
    assert jobs.is_work_due()
    drain()
    assert points(model) == {photo.pk for photo in photos}
    assert_settled(model)


def test_a_photo_restored_at_once_loses_nothing(photos, model, no_model):
    trash.trash(only(photos[0]))
    trash.restore(only(photos[0]))
    removal.withdraw()
    drain()
    assert_settled(model)
    assert row_of(photos[0]).state == "indexed"


@pytest.mark.parametrize("step", ["rows_withdrawn", "points_withdrawn"])
@pytest.mark.parametrize("projected", [False, True])
def test_a_photo_restored_while_it_is_withdrawn_keeps_a_point(
    photos, model, monkeypatch, step, projected, no_model
):
    def restore_here(name):
        if name == step and trash.restore(only(photos[0])) and projected:
            projection.project_waiting(PHOTOS, model)

    monkeypatch.setattr(removal, "failpoint", restore_here)
    trash.trash(only(photos[0]))
    removal.withdraw()
    drain()
    assert points(model) == {photo.pk for photo in photos}
    assert_settled(model)


@pytest.mark.parametrize(
    "step", ["claimed", "embedded", "saved", "photos_upserted", "photos_flushed"]
)
def test_a_photo_trashed_at_any_step_is_out_and_comes_back(ada, model, monkeypatch, step):
    moved, kept = add_photo(ada), add_photo(ada)

    def trash_here(name):
        if name == step:
            trash.trash(only(moved))

    with monkeypatch.context() as patched:
        for module in (pipeline, projection):
            patched.setattr(module, "failpoint", trash_here)
        drain()
    removal.withdraw()
    assert points(model) == {kept.pk}
    assert files.original(moved).exists()
    assert files.thumbnail(moved.pk).exists()
    assert_settled(model)
    trash.restore(only(moved))
    drain()
    assert points(model) == {moved.pk, kept.pk}
    assert_settled(model)


def test_a_photo_trashed_while_it_waits_is_embedded_only_when_it_is_back(ada, model):
    photo = add_photo(ada)
    trash.trash(only(photo))
    assert not jobs.is_work_due()
    assert drain() == 0
    assert row_of(photo).state == "pending"
    trash.restore(only(photo))
    assert drain() == 1
    assert_settled(model)


def test_a_point_that_arrives_after_its_photo_was_trashed_is_removed(photos, model):
    row = row_of(photos[0])
    trash.trash(only(photos[0]))
    removal.withdraw()
    late = Point(row.photo_id, row.get_vector(), sources.point_payload(row))
    open_index(model.key, model.dim).upsert([late])
    housekeeping.sweep()
    assert points(model) == {photo.pk for photo in photos[1:]}


def test_an_old_point_of_a_row_that_is_embedded_anew_goes_too(photos, model):
    Embedding.objects.filter(photo=photos[0]).update(state="pending", generation=2)
    trash.trash(only(photos[0]))
    removal.withdraw()
    assert points(model) == {photo.pk for photo in photos[1:]}
    assert row_of(photos[0]).state == "pending"


def test_points_go_from_every_model_that_has_an_index(photos, model):
    other = EmbeddingModel.objects.create(key="other", dim=ColourEmbedder.dim)
    model_choice.add_missing_rows()
    drain()
    never = EmbeddingModel.objects.create(key="never-filled", dim=8, state="retired")
    Embedding.objects.create(photo=photos[0], model=never, state="indexed")
    EmbeddingModel.objects.filter(pk=model.pk).update(state="retired")
    trash.trash(only(photos[0]))
    removal.withdraw()
    rest = {photo.pk for photo in photos[1:]}
    assert points(model) == points(other) == rest
    assert not sources.owed().exists()


def test_an_index_that_is_away_is_told_when_it_is_back(photos, model, monkeypatch):
    def away(key, dim):
        raise IndexUnavailable("nobody answers")

    trash.trash(only(photos[0]))
    with monkeypatch.context() as patched:
        patched.setattr(sources, "open_index", away)
        assert removal.withdraw() == 0
    assert jobs.is_work_due()
    housekeeping.sweep()
    assert points(model) == {photo.pk for photo in photos[1:]}


def test_large_trashes_go_in_parts(ada, model, monkeypatch):
    monkeypatch.setattr(removal, "CHUNK", 2)
    photos = [add_photo(ada) for _ in range(5)]
    drain()
    trash.trash(only(*photos[:4]))
    assert removal.withdraw() == 4
    assert points(model) == {photos[4].pk}


# --- models ---------------------------------------------------------------------------------------


def test_a_new_model_takes_over_although_trashed_photos_have_no_row_in_it(photos, model):
    trash.trash(only(photos[0]))
    removal.withdraw()
    other = EmbeddingModel.objects.create(
        key="other", dim=ColourEmbedder.dim, tested_at=timezone.now()
    )
    model_choice.add_missing_rows()
    drain()
    assert model_choice.promote() == other
    assert not Embedding.objects.filter(photo=photos[0], model=other).exists()
    trash.restore(only(photos[0]))
    assert Embedding.objects.get(photo=photos[0], model=other).state == "pending"
    drain()
    assert points(other) == {photo.pk for photo in photos}


# --- for ever -------------------------------------------------------------------------------------


def test_the_trash_is_emptied_after_thirty_days(photos, model):
    trash.trash(only(photos[0], photos[1]))
    age(only(photos[0]), 30.1)
    age(only(photos[1]), 29.9)
    housekeeping.sweep()
    assert not Photo.objects.filter(pk=photos[0].pk).exists()
    assert not files.original(photos[0]).exists()
    assert Tombstone.objects.get().photo_id == photos[0].pk
    assert Photo.objects.trashed().get().pk == photos[1].pk
    assert files.original(photos[1]).exists()
    assert_settled(model)


def test_photos_deleted_before_they_left_the_index_leave_nothing(photos, model):
    trash.trash(only(photos[0]))
    trash.empty(only(photos[0]))
    removal.purge()
    assert points(model) == {photo.pk for photo in photos[1:]}
    assert not Photo.objects.filter(pk=photos[0].pk).exists()


# --- comparing SQL, files and index ---------------------------------------------------------------


def test_the_trash_is_no_fault_to_fsck(photos, model):
    trash.trash(only(photos[0]))
    for _ in range(2):
        status, report = fsck("--deep")
        assert (status, report["found"]) == (0, {})
        assert reconcile.quickly(PHOTOS, model) == 0
        removal.withdraw()


def test_fsck_misses_the_original_of_a_trashed_photo(photos):
    trash.trash(only(photos[0]))
    removal.withdraw()
    files.original(photos[0]).unlink()
    status, report = fsck()
    assert status == 2
    assert report["found"] == {"photo without its original": 1}


def test_fsck_finishes_a_withdrawal_that_is_stuck(photos, model):
    trash.trash(only(photos[0]))
    age_trash(days=1)
    status, report = fsck("--repair")
    assert status == 1
    assert report["found"] == {"work or deletion stuck": 1}
    assert report["repaired"]["work or deletion stuck"] == 1
    assert points(model) == {photo.pk for photo in photos[1:]}


def test_the_sweep_finds_withdrawals_that_nobody_asked_for(photos, model):
    trash.trash(only(photos[0]))
    age_trash(days=1)
    assert not jobs.is_work_due(), "the frequent question looks at the last hour only"
    housekeeping.sweep()
    assert points(model) == {photo.pk for photo in photos[1:]}


# --- many at once ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_thousands_move_within_seconds(ada, model):
    Photo.objects.bulk_create(
        Photo(
            owner=ada,
            sha256=f"{number:064d}",
            size=1,
            format="JPEG",
            extension="jpg",
            name=f"{number}.jpg",
            width=4,
            height=3,
        )
        for number in range(5_000)
    )
    Embedding.objects.add_missing(model)
    ids = list(Photo.objects.values_list("pk", flat=True))
    for move, there in ((trash.trash, 5_000), (trash.restore, 0), (trash.trash, 5_000)):
        started = time.perf_counter()
        assert len(move(Photo.objects.filter(pk__in=ids))) == 5_000
        assert time.perf_counter() - started < 30
        assert Photo.objects.trashed().count() == there
    started = time.perf_counter()
    assert trash.empty(Photo.objects.filter(pk__in=ids)) == 5_000
    assert time.perf_counter() - started < 30


def test_what_is_kept_with_a_photo_goes_when_the_photo_goes(photos, model):
    kept = [keep_a_video(photo) for photo in photos[:2]]
    trash.trash(only(photos[0]))
    assert all(files.companion(one).exists() for one in kept)
    trash.empty(only(photos[0]))
    tasks.purge_deleted()
    assert [files.companion(one).exists() for one in kept] == [False, True]
    assert list(Companion.objects.all()) == kept[1:]
