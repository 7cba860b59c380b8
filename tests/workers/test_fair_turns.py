"""Owners take turns at the model: nobody's many photos hold up somebody else's one."""

from __future__ import annotations

import random
import uuid
from collections import Counter

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gallery import trash
from gallery.models import Embedding, EmbeddingModel, Photo
from tests.workers.conftest import add_photo, assert_settled, drain, row_of
from tests.workers.test_turns import after_first_batch
from workers import jobs

__all__ = ["after_first_batch"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people(_set_up):
    return [get_user_model().objects.create_user(f"person{number}") for number in range(6)]


def add_rows(owner, model, number, **columns):
    photos = Photo.objects.bulk_create(
        Photo(
            owner=owner, sha256=uuid.uuid4().hex * 2, size=1, format="PNG", extension="png",
            name="x.png", width=1, height=1,
        )
        for _ in range(number)
    )  # fmt: skip
    rows = [Embedding(photo=photo, model=model, **columns) for photo in photos]
    return Embedding.objects.bulk_create(rows)


def fair_shares(waiting: dict[int, int], limit: int) -> list[int]:
    """Return how many rows people get who are given one each, round by round."""
    got: Counter[int] = Counter()
    while got.total() < min(limit, sum(waiting.values())):
        for owner in waiting:
            if got[owner] < waiting[owner] and got.total() < limit:
                got[owner] += 1
    return sorted(got.values())


@pytest.mark.parametrize("seed", range(12))
def test_whoever_waits_has_an_equal_share_of_a_batch(people, model, seed):
    dice = random.Random(seed)
    waiting = {one.pk: dice.choice([0, 1, 2, 9, 30]) for one in people}
    for one in people:
        # Rows that expired count like those that never began.
        state = dice.choice([{}, {"state": "leased", "lease_until": "2020-01-01T00:00Z"}])
        add_rows(one, model, waiting[one.pk], **state)
    limit = dice.randint(1, 20)
    waiting = {owner: number for owner, number in waiting.items() if number}
    claimed = Embedding.objects.claim(model, limit)
    assert sorted(Counter(row.owner_id for row in claimed).values()) == fair_shares(waiting, limit)
    for row in claimed:
        assert row.photo.owner_id == row.owner_id
    others = Embedding.objects.claim(model, 200)
    assert len({row.pk for row in [*claimed, *others]}) == sum(waiting.values())


def test_each_owner_gets_the_oldest_first(people, model):
    rows = add_rows(people[0], model, 6)
    assert [row.pk for row in Embedding.objects.claim(model, 3)] == [row.pk for row in rows[:3]]


def test_an_upload_of_anybody_goes_before_everybodys_backfill(people, model):
    for one in people:
        add_rows(one, model, 3, priority=0)
    (upload,) = add_rows(people[3], model, 1)
    assert [row.pk for row in Embedding.objects.claim(model, 10)] == [upload.pk]
    assert len(Embedding.objects.claim(model, 10)) == 10


def test_nobody_waits_for_ever_among_many(people, model):
    for one in people:
        add_rows(one, model, 50)
    served = set()
    for _ in range(40):
        served |= {row.owner_id for row in Embedding.objects.claim(model, 2)}
    assert len(served) == len(people)


def test_photos_that_are_gone_or_not_due_get_no_share(people, model):
    far = "2099-01-01T00:00Z"
    add_rows(people[0], model, 3, not_before=far)
    add_rows(people[1], model, 3, state="leased", lease_until=far)
    gone = add_rows(people[2], model, 3)
    trash.trash(Photo.objects.filter(embeddings__in=gone))
    rows = add_rows(people[3], model, 8)
    assert {row.pk for row in Embedding.objects.claim(model, 8)} == {row.pk for row in rows}
    assert not Embedding.objects.claim(model, 8)


@pytest.mark.slow
def test_a_claim_takes_as_many_queries_however_much_waits(people, model):
    counts = []
    for number in (2, 200):
        for one in people:
            add_rows(one, model, number)
        with CaptureQueriesContext(connection) as captured:
            Embedding.objects.claim(model, 4)
        counts.append(len(captured))
        Embedding.objects.all().delete()
    assert counts[0] == counts[1] < 40


def forget_statistics():
    """Let the database plan as if it did not know that its tables are small."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE gallery_embedding")  # There is no table of statistics before.
        cursor.execute("DELETE FROM sqlite_stat1")
        cursor.execute("ANALYZE sqlite_schema")


def test_the_queue_is_read_through_its_index(people, model):
    """Not one row more than what is claimed."""
    for one in people:
        add_rows(one, model, 20)
    if connection.vendor != "sqlite":
        pytest.skip("Postgres scans small tables")
    forget_statistics()
    first = Embedding.objects.first()
    with CaptureQueriesContext(connection) as captured:
        Embedding.objects.others_wait(first, crashes=2)
        Embedding.objects.claim(model, 4)
    for query in captured.captured_queries:
        if query["sql"].startswith("SELECT") and "owner_id" in query["sql"]:
            with connection.cursor() as cursor:
                cursor.execute("EXPLAIN QUERY PLAN " + query["sql"])
                plan = " ".join(str(row[-1]) for row in cursor.fetchall())
            assert "SCAN" not in plan, plan
            assert "TEMP B-TREE" not in plan or "lease_token" in query["sql"], plan


def test_rows_know_their_owner_however_they_are_made(ada, bob, model):
    theirs, other = add_photo(bob), EmbeddingModel.objects.create(key="other", dim=3)
    photo = add_photo(ada)
    Embedding.objects.all().delete()
    Embedding.objects.create(photo=photo, model=model)
    Embedding(photo_id=theirs.pk, model=model).save()
    Embedding.objects.bulk_create([Embedding(photo_id=theirs.pk, model=other)])
    Embedding.objects.add_missing(other)
    for row in Embedding.objects.select_related("photo"):
        assert row.owner_id == row.photo.owner_id
    assert Embedding.objects.count() == 4


@pytest.fixture
def _small_batches(settings):
    settings.EMBEDDING_BATCH = 4


@pytest.mark.slow
@pytest.mark.usefixtures("_small_batches")
def test_one_photo_does_not_wait_behind_many(ada, bob, model):
    many = [add_photo(ada) for _ in range(16)]
    one = add_photo(bob)
    drain()
    assert_settled(model)
    times = sorted(row_of(photo).indexed_at for photo in many)
    assert row_of(one).indexed_at <= times[3]


@pytest.mark.slow
@pytest.mark.usefixtures("_small_batches")
def test_one_photo_that_comes_meanwhile_overtakes_what_was_claimed_ahead(
    ada, bob, model, after_first_batch
):
    many, one = [add_photo(ada) for _ in range(16)], []
    after_first_batch(lambda: one.append(add_photo(bob)))
    jobs.EMBED.run()
    drain()
    assert_settled(model)
    times = sorted(row_of(photo).indexed_at for photo in many)
    assert row_of(one[0]).indexed_at < times[8], "in the second batch and not in the third"
    assert set(Embedding.objects.values_list("attempts", flat=True)) == {0}


@pytest.mark.usefixtures("_small_batches")
def test_a_batch_of_several_people_does_not_go_back(ada, bob, model):
    first, second = add_photo(ada), add_photo(bob)
    add_photo(ada)
    both = Embedding.objects.claim(model, 2)
    assert {row.photo for row in both} == {first, second}
    assert not Embedding.objects.others_go_first(both, 2)
    assert not Embedding.objects.others_go_first(both[:1], 2), "nobody else is due"
    theirs = add_photo(bob)
    assert Embedding.objects.others_go_first([row for row in both if row.photo == first], 2)
    Embedding.objects.filter(photo=theirs).update(crashes=2)
    assert not Embedding.objects.others_go_first([row for row in both if row.photo == first], 2)
