"""Owners take turns at every job: one person's thousands of photos do not hold up another's one."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery import originals_marker, read_originals
from gallery.models import Companion, Embedding, Photo
from gallery.models.owners_in_turn import in_turn, take_turns
from gallery.models.quality import unmeasured
from search.understanding.labels import label_sets
from search.understanding.labels.pasting import NewLabel
from search.understanding.models import Kind, LabelProjection
from search.understanding.sensitive import nudity, suspicions
from workers import compare_photos, embed_parts, label_photos, measure_quality, suspect_photos

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

MANY = 2_500


def add_photos(owner, model, number) -> list[Photo]:
    """Photos that are searchable and wait for everything else; nobody has their files."""
    photos = Photo.objects.bulk_create(
        Photo(
            owner=owner, sha256=uuid.uuid4().hex * 2, size=1, format="PNG", extension="png",
            name="x.png", width=1, height=1, decoded_at=timezone.now(),
        )
        for _ in range(number)
    )  # fmt: skip
    rows = [Embedding(photo=photo, model=model, state="indexed") for photo in photos]
    for row in rows:
        row.set_vector(np.eye(1, model.dim, dtype=np.float32)[0])
    Embedding.objects.bulk_create(rows)
    return photos


def add_companions(owner, model, number) -> list[Companion]:
    photos = add_photos(owner, model, number)
    Photo.objects.update(read_at=timezone.now())
    return Companion.objects.bulk_create(
        Companion(
            photo=photo, owner_id=owner.pk, kind="xmp", name="x", extension="xmp",
            sha256=photo.sha256, size=1,
        )
        for photo in photos
    )  # fmt: skip


def add_sets(owner, model, number):
    """A few sets of labels: each is much work."""
    labels = [[NewLabel(f"{one}-{n}") for n in range(20)] for one in range(number // 50 or 1)]
    return [label_sets.make(owner, str(n), Kind.ANY_OF, some) for n, some in enumerate(labels)]


@dataclass(frozen=True)
class Work:
    """A kind of work: makes much of it, does it, and tells who still waits; steps of a slice."""

    add: Callable
    do: Callable
    left: Callable[[], set[int]]
    steps: int = 17


def owners(rows) -> set[int]:
    return set(rows.values_list("owner_id", flat=True))


def labelled_in_vain() -> set[int]:
    done = LabelProjection.objects.exclude(library="")
    return {
        one.owner_id for one in label_sets.LabelSet.objects.exclude(labels__in=done.values("label"))
    }


WORKS = {
    "sharpness": Work(
        add_photos,
        lambda model, stop: measure_quality.measure_due(stop=stop),
        lambda: owners(unmeasured()),
    ),
    "sensitive": Work(
        add_photos,
        lambda model, stop: suspect_photos.look(model, stop=stop),
        lambda: owners(nudity.unmeasured()),
    ),
    "duplicates": Work(
        add_photos,
        lambda model, stop: compare_photos.compare_due(model, stop=stop),
        lambda: owners(Embedding.objects.filter(compared_at=None)),
    ),
    "parts": Work(
        add_photos,
        lambda model, stop: embed_parts.make_due(model, stop=stop),
        lambda: owners(Embedding.objects.filter(parts_generation__lt=F("generation"))),
    ),
    "photos": Work(
        add_photos,
        lambda model, stop: read_originals.read_due(stop),
        lambda: owners(Photo.objects.filter(read_at=None)),
    ),
    "companions": Work(
        add_companions,
        lambda model, stop: read_originals.read_due(stop),
        lambda: owners(Companion.objects.filter(read_at=None)),
    ),
    "labels": Work(add_sets, lambda model, stop: label_photos.run(stop), labelled_in_vain, 70),
}


@pytest.fixture
def _quick_work(monkeypatch, settings):
    """What is asked of models and of pixels takes no time."""
    settings.SCRUB_DAYS, settings.PART_SEARCH = 90, 10_000
    monkeypatch.setattr(nudity, "is_installed", lambda: True)
    monkeypatch.setattr(suspicions, "due", lambda model: [])
    monkeypatch.setattr(originals_marker, "is_away", lambda: False)
    monkeypatch.setattr(label_photos, "TURN_SECONDS", 0.0)
    monkeypatch.setattr(
        compare_photos.compare,
        "compare",
        lambda model, rows, *more, **others: compare_photos.compare.mark_compared(rows),
    )


@pytest.mark.usefixtures("_quick_work")
@pytest.mark.parametrize("first", ["many", "one"])
@pytest.mark.parametrize("work", WORKS.values(), ids=WORKS)
def test_one_photo_does_not_wait_behind_thousands(ada, bob, model, work, first):
    """Whoever came first, and whoever has the lower number."""
    many, one = (ada, bob) if first == "many" else (bob, ada)
    work.add(many, model, MANY)
    work.add(one, model, 1)
    assert work.left() == {many.pk, one.pk}
    steps = iter(range(work.steps))
    work.do(model, lambda: next(steps, None) is None)
    assert work.left() == {many.pk}


QUEUES = {
    "sharpness": (add_photos, lambda model: (unmeasured(), "-created_at", "-pk")),
    "sensitive": (add_photos, lambda model: (nudity.unmeasured(), "-created_at", "-pk")),
    "duplicates": (add_photos, lambda model: (Embedding.objects.to_compare(model), "-pk")),
    "parts": (add_photos, lambda model: (Embedding.objects.to_part(model), "-pk")),
    "photos": (add_photos, lambda model: (read_originals._photos().filter(read_at=None),)),
    "companions": (
        add_companions,
        lambda model: (read_originals._companions().filter(read_at=None),),
    ),
}


@pytest.mark.parametrize(("add", "queue"), QUEUES.values(), ids=QUEUES)
def test_turns_take_as_many_queries_however_much_waits(ada, bob, model, add, queue):
    counts = []
    for number in (3, 300):
        for one in (ada, bob):
            add(one, model, number)
        rows, *order = queue(model)
        with CaptureQueriesContext(connection) as captured:
            assert len(in_turn(rows, 4, *order)) == 4
        counts.append(len(captured))
    assert counts == [6, 6]


@pytest.mark.parametrize(("add", "queue"), QUEUES.values(), ids=QUEUES)
def test_turns_are_read_through_an_index(ada, bob, model, add, queue):
    """Nothing is walked over or sorted."""
    if connection.vendor != "sqlite":
        pytest.skip("Postgres scans small tables")
    for one in (ada, bob):
        add(one, model, 3)
    rows, *order = queue(model)
    with CaptureQueriesContext(connection) as captured:
        in_turn(rows, 4, *order)
    for query in captured.captured_queries:
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN QUERY PLAN " + query["sql"])
            plan = " ".join(str(row[-1]) for row in cursor.fetchall())
        assert "SCAN" not in plan, plan
        assert "TEMP B-TREE" not in plan, plan


def test_turns_go_round():
    assert take_turns(["abcd", "e", "", "fg"]) == list("aefbgcd")
    assert take_turns(["abcd", "e", "fg"], 3) == list("aef")
    assert take_turns([[None, 0], [()]]) == [None, (), 0]
