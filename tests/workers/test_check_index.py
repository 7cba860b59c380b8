"""The check of the index: what it finds missing or stray, and what a repair puts right."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from gallery.models import Embedding, EmbeddingModel, IndexCheck
from gallery.work import index_checks
from search.models import RecentSearch
from search.vectors.embedders import embed_query_text
from search.vectors.index import IndexUnavailable, Point, open_index
from tests.workers.conftest import add_photo, drain, points, row_of
from workers import check_index, measure_recall
from workers.index_sync.sources import point_payload

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

COLOURS = ["red", "green", "blue", "yellow", "orange", "purple", "pink", "brown", "cyan", "white"]


def look(*, repair: bool = False) -> IndexCheck:
    index_checks.ask(repair=repair)
    check = check_index.check_if_asked(threading.Event())
    assert check is not None
    return check


@pytest.fixture
def many(ada, bob, model):
    """Thirteen photos of ada and two of bob that can be found."""
    photos = [add_photo(ada, colour=colour) for colour in [*COLOURS, "grey", "black", "red"]]
    photos += [add_photo(bob, colour=colour) for colour in ("red", "blue")]
    drain()
    return photos


def test_a_sound_index_finds_everything(many, ada):
    check = look()
    assert (check.recall, check.missing, check.orphans, check.problem) == (1.0, 0, 0, "")
    assert check.queries == len(many)
    assert check.ended_at
    assert check.model_key == "colours"


def damage(model: EmbeddingModel, lost: list, strays: int) -> None:
    index = open_index(model.collection, model.dim)
    payload = point_payload(row_of(lost[0]))
    vector = row_of(lost[0]).get_vector()
    index.delete([photo.pk for photo in lost])
    index.upsert([Point(uuid.uuid4(), vector, payload) for _ in range(strays)])
    index.flush()


def test_what_is_missing_and_stray_is_counted_and_lowers_the_recall(many, model):
    damage(model, many[:2], strays=3)
    before = points(model)
    check = look()
    assert (check.missing, check.orphans) == (2, 3)
    assert check.recall is not None
    assert 0.5 < check.recall < 0.95
    assert points(model) == before, "a check changes nothing"
    assert Embedding.objects.filter(state="indexed").count() == len(many)


def test_a_repair_puts_it_right(many, model):
    damage(model, many[:2], strays=3)
    check = look(repair=True)
    assert (check.missing, check.orphans, check.recall) == (2, 3, 1.0)
    assert points(model) == {photo.pk for photo in many}
    again = look()
    assert (again.missing, again.orphans) == (0, 0)


def test_copies_are_as_close_as_each_other(ada, model):
    for _ in range(25):
        add_photo(ada, colour="red")
    drain()
    Embedding.objects.update(vector=Embedding.objects.first().vector)
    Embedding.objects.update(vector_crc=Embedding.objects.first().vector_crc)
    assert look().recall == 1.0


def test_searches_are_asked_once_their_model_is_there(many, ada, model):
    for number, query in enumerate(("red", "a green photo", "-blue", "type:png")):
        RecentSearch.objects.create(owner=ada, query=query, digest=str(number))
    assert look().searches == 0, "no text tower is loaded for this"
    embed_query_text(model.key, "warm up")
    check = look()
    assert (check.searches, check.queries) == (2, 2 + len(many))
    assert check.recall == 1.0


def test_the_truth_is_read_in_slices(many, monkeypatch, model):
    whole = measure_recall.measure(model)
    steps = []
    monkeypatch.setattr(measure_recall, "SLICE", 4)
    sliced = measure_recall.measure(model, step=lambda: steps.append(1))
    assert len(steps) == 4
    assert sliced == whole


def test_recall_agrees_with_a_plain_count(many, model, monkeypatch):
    """An index that finds the six closest and then nonsense has a recall of 0.6."""
    rows = {row.photo_id: row for row in Embedding.objects.select_related("photo")}

    def six_of_ten(query):
        own = [row for row in rows.values() if row.photo.owner_id == query.owner]
        own = [row for row in own if row.photo_id != query.photo]
        own.sort(key=lambda row: -float(np.dot(row.get_vector(), query.vector)))
        return [row.photo_id for row in own[:6]] + [uuid.uuid4() for _ in range(4)]

    monkeypatch.setattr(measure_recall, "_found", lambda model, query: six_of_ten(query))
    monkeypatch.setattr(
        measure_recall, "_photos", lambda model, limit: measure_recall_of(rows, many[:13])
    )
    assert measure_recall.measure(model).value == pytest.approx(0.6)


def measure_recall_of(rows, photos) -> list[measure_recall.Query]:
    return [
        measure_recall.Query(rows[photo.pk].get_vector(), photo.owner_id, photo.pk)
        for photo in photos
    ]


def test_a_gallery_without_photos_or_model_says_so(ada):
    assert look().problem == "No model is active yet."


def test_an_index_that_is_away_is_told(many, monkeypatch):
    def away(*_, **__):
        raise IndexUnavailable("The index is away.")

    monkeypatch.setattr(check_index.reconcile, "differences", away)
    check = look()
    assert (check.problem, check.recall) == ("The index is away.", None)
    assert index_checks.unfinished() is None


def test_a_check_that_is_stopped_is_left_to_the_next_worker(many):
    index_checks.ask()
    stop = threading.Event()
    stop.set()
    assert check_index.check_if_asked(stop) is None
    check = index_checks.unfinished()
    assert check is not None
    assert check.begun_at is None
    assert check_index.check_if_asked(threading.Event()) is not None


def test_two_workers_do_not_make_the_same_check(many):
    index_checks.ask()
    assert index_checks.claim() is not None
    assert index_checks.claim() is None, "the other one reports on it"
    silent = timezone.now() - index_checks.SILENT - timedelta(seconds=1)
    IndexCheck.objects.update(seen_at=silent)
    assert index_checks.claim() is not None, "it was killed"


def test_only_the_latest_checks_are_kept(ada):
    for _ in range(13):
        index_checks.finish(index_checks.ask())
    assert IndexCheck.objects.count() == 10
    assert index_checks.latest() == IndexCheck.objects.order_by("pk").last()
