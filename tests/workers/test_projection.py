"""From saved vectors to the index, and deletions that come in between."""

from __future__ import annotations

import pytest

from gallery import files
from gallery.models import Embedding, Photo, Tombstone
from search.vectors.index import IndexUnavailable, open_index
from tests.workers.conftest import (
    add_photo,
    assert_settled,
    delete_for_ever,
    drain,
    forget_pauses,
    points,
    row_of,
)
from workers import pipeline
from workers.index_sync import projection, removal, sources
from workers.index_sync.sources import PHOTOS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

STEPS = ("claimed", "embedded", "saved", "photos_upserted", "photos_flushed")


# --- the index ------------------------------------------------------------------------------------


class AwayIndex:
    """An index that cannot be reached."""

    def upsert(self, points):
        raise IndexUnavailable("nobody answers")


def test_an_index_that_is_away_costs_no_attempt(ada, model, monkeypatch):
    photos = [add_photo(ada) for _ in range(3)]
    with monkeypatch.context() as away:
        away.setattr(sources, "open_index", lambda key, dim: AwayIndex())
        assert drain() == 0
    assert set(Embedding.objects.values_list("state", "attempts")) == {("embedded", 1)}
    forget_pauses()
    assert drain() == len(photos)
    assert_settled(model)


def test_a_vector_damaged_in_sql_is_embedded_again(ada, model):
    photo = add_photo(ada)
    drain()
    Embedding.objects.update(state="embedded", vector=b"\0" * (2 * model.dim))
    drain()
    row = row_of(photo)
    assert (row.state, row.generation) == ("indexed", 2)
    assert row.get_vector() is not None


def test_late_work_of_an_older_generation_is_not_marked(ada, model):
    photo = add_photo(ada)
    drain()
    Embedding.objects.update(state="embedded")
    late = list(PHOTOS.waiting(model).select_related("photo"))
    Embedding.objects.update(generation=7)
    assert projection.project(PHOTOS, model, late) == 0
    assert row_of(photo).state == "embedded"
    drain()
    (point,) = open_index(model.key, model.dim).fetch([photo.pk])
    assert point.payload["gen"] == 7


# --- deletion meanwhile ---------------------------------------------------------------------------


@pytest.mark.parametrize("purged", [False, True], ids=["marked", "purged"])
@pytest.mark.parametrize("step", STEPS)
def test_a_photo_deleted_at_any_step_stays_deleted(ada, model, monkeypatch, step, purged):
    doomed, kept = add_photo(ada), add_photo(ada)

    def delete_here(name):
        if name == step and Photo.objects.live().filter(pk=doomed.pk).exists():
            delete_for_ever(doomed)
            if purged:
                removal.purge()

    for module in (pipeline, projection):
        monkeypatch.setattr(module, "failpoint", delete_here)
    drain()
    removal.purge()
    removal.remove_late_points()
    removal.remove_late_renditions()
    assert not Photo.objects.filter(pk=doomed.pk).exists()
    assert points(model) == {kept.pk}
    assert not files.original(doomed).exists()
    assert not files.thumbnail(doomed.pk).exists()
    assert files.thumbnail(kept.pk).exists()
    assert_settled(model)


def test_a_rendition_of_a_photo_that_came_back_stays(ada, model):
    photo, gone = add_photo(ada), add_photo(ada)
    drain()
    for one in (photo, gone):
        Tombstone.objects.create(photo_id=one.pk, owner_id=ada.pk, sha256=one.sha256)
        files.write_atomically(files.preview(one.pk), b"preview")
        files.write_atomically(files.small_thumbnail(one.pk), b"small")
    gone.delete()
    removal.remove_late_renditions()
    assert [files.thumbnail(one.pk).exists() for one in (photo, gone)] == [True, False]
    assert [files.small_thumbnail(one.pk).exists() for one in (photo, gone)] == [True, False]
    assert [files.preview(one.pk).exists() for one in (photo, gone)] == [True, False]


def test_a_rendition_that_cannot_be_removed_keeps_no_other_work(ada, model, monkeypatch, caplog):
    gone = [add_photo(ada) for _ in range(2)]
    for one in gone:
        Tombstone.objects.create(photo_id=one.pk, owner_id=ada.pk, sha256=one.sha256)
        one.delete()
    tried = []

    def refuse(photo_id):
        tried.append(photo_id)
        raise OSError("the disk is read-only")

    monkeypatch.setattr(files, "remove_renditions", refuse)
    removal.remove_late_renditions()
    assert len(tried) == 2
    assert "cannot be removed" in caplog.text
