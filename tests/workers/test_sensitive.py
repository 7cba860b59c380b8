"""Machines suspect in the background, and a person's word outlives all of them."""

from __future__ import annotations

import numpy as np
import pytest

from gallery import sensitive
from gallery.backup.tables import LEFT_OUT
from gallery.models import EmbeddingModel, Photo, Sensitive
from gallery.models.sensitive import State
from search.relevance import library as library_of_texts
from search.relevance.background import Background
from search.understanding.models import Engine, PromptScan, Suspicion
from search.understanding.sensitive import margins, nudity, paper_likeness, review, suspicions
from search.understanding.sensitive.margins import Texts
from search.understanding.sensitive.paper_likeness import Papers
from tests.web.test_api_photos import picture, upload
from tests.workers.conftest import add_photo, drain
from workers import suspect_photos

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

RED = Texts(unsafe=("red",), harmless=("blue", "green"), cut=1.0)
SHADES = [
    "red",
    "blue",
    "green",
    "yellow",
    "white",
    "black",
    "navy",
    "lime",
    "teal",
    "gray",
    "pink",
]


@pytest.fixture(autouse=True)
def network(monkeypatch):
    """No network, whatever is installed."""
    monkeypatch.setattr(nudity, "is_installed", lambda: False)


@pytest.fixture
def library(ada_client, model, monkeypatch) -> dict[str, Photo]:
    """Photos of one colour each, where nudity is what is red."""
    monkeypatch.setitem(margins._COMMON, "nudity", RED)
    for name in SHADES:
        upload(ada_client, picture(name, (80, 60), "PNG"), f"{name}.png")
    drain()
    library_of_texts.embed_texts("colours")
    return {photo.name.removesuffix(".png"): photo for photo in Photo.objects.all()}


def suspected(user, kind="nudity") -> list[str]:
    items, _next = review.page(user, review.SUSPECTED, kind=kind)
    return [item.photo.name.removesuffix(".png") for item in items]


def test_what_is_ahead_of_everything_harmless_is_suspected(ada, library):
    model = EmbeddingModel.objects.get()
    assert suspicions.due(model) in ([ada], [])
    suspect_photos.look(model)
    assert suspected(ada)[:1] == ["red"]
    assert "blue" not in suspected(ada)
    assert suspicions.due(model) == []
    assert not suspect_photos.is_wanted(model)


def test_new_photos_and_new_texts_are_looked_at_again(ada, ada_client, library, monkeypatch):
    model = EmbeddingModel.objects.get()
    suspect_photos.look(model)
    upload(ada_client, picture((240, 0, 0), (80, 60), "PNG"), "crimson.png")
    drain()
    suspect_photos.look(model)
    assert {"red", "crimson"} <= set(suspected(ada))
    sensitive.add_kind(ada, "Blue things", ["blue"], ["red"])
    assert suspicions.due(model) == [ada]
    suspect_photos.look(model)
    assert "blue" in suspected(ada, "Blue things")


def test_a_word_wins_and_outlives_the_model(ada, library):
    model = EmbeddingModel.objects.get()
    suspect_photos.look(model)
    one = Photo.objects.filter(pk=library["red"].pk)
    sensitive.decide(ada, one, "nudity", State.CLEARED)
    assert "red" not in suspected(ada)
    # Another model looks at everything anew, and all that machines said is thrown away.
    Suspicion.objects.all().delete()
    PromptScan.objects.all().delete()
    EmbeddingModel.objects.update(key="colours-again")
    EmbeddingModel.objects.update(key="colours")
    suspect_photos.look(EmbeddingModel.objects.get())
    assert Suspicion.objects.filter(photo=library["red"]).exists()
    assert "red" not in suspected(ada)
    assert Sensitive.objects.get().state == State.CLEARED


def test_small_libraries_are_looked_at_in_vain_and_not_again(ada, ada_client, model):
    upload(ada_client, picture("red"), "red.png")
    drain()
    assert suspicions.scan(ada, model)
    assert suspicions.due(model) == []
    assert suspected(ada) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda patch: patch.setattr(paper_likeness, "LIKE", 0.6),
        lambda patch: patch.setattr(paper_likeness, "BEHIND", 0.01),
        lambda patch: patch.setattr(
            paper_likeness, "papers_of", lambda key: Papers(np.eye(2, 3), np.eye(1, 3))
        ),
    ],
    ids=["like", "behind", "papers"],
)
def test_other_papers_have_all_libraries_looked_at_again(ada, model, monkeypatch, change):
    papers = Papers(np.eye(1, 3), np.eye(1, 3))
    monkeypatch.setattr(paper_likeness, "papers_of", lambda key: papers)
    paper_likeness.digest_of.cache_clear()
    before = suspicions.digest_of(ada, model)
    paper_likeness.digest_of.cache_clear()
    assert suspicions.digest_of(ada, model) == before
    change(monkeypatch)
    paper_likeness.digest_of.cache_clear()
    assert suspicions.digest_of(ada, model) != before
    paper_likeness.digest_of.cache_clear()


def test_whoever_had_no_turn_for_longest_comes_first(ada, bob, model):
    for one in (ada, bob):
        add_photo(one)
    drain()
    assert set(suspicions.due(model)) == {ada, bob}
    for first, second in ((bob, ada), (ada, bob)):
        for one in (first, second):
            suspicions.scan(one, model)
        PromptScan.objects.update(digest="of another model")
        assert suspicions.due(model) == [first, second]


def test_the_network_sees_each_photo_once(ada, library, monkeypatch):
    seen: list[tuple[int, ...]] = []

    def probability(pixels):
        seen.append(pixels.shape)
        return 0.9 if pixels.reshape(-1, 3).mean(axis=0).argmax() == 1 else 0.1

    monkeypatch.setattr(nudity, "is_installed", lambda: True)
    monkeypatch.setattr(nudity, "probability", probability)
    model = EmbeddingModel.objects.get()
    assert nudity.unmeasured(ada).count() == len(SHADES)
    suspect_photos.look(model, stop=lambda: len(seen) >= 3)
    left = nudity.unmeasured(ada).count()
    assert 0 < left < len(SHADES)
    suspect_photos.look(model)
    assert nudity.unmeasured(ada).count() == 0
    assert len(seen) == len(SHADES)
    rows = Suspicion.objects.filter(engine=Engine.NETWORK)
    assert rows.count() == len(SHADES)
    assert rows.filter(score__gte=Suspicion.CUT, photo=library["green"]).exists()
    assert not suspect_photos.is_wanted(model)


def test_a_picture_that_cannot_be_read_is_not_tried_for_ever(ada, library, monkeypatch):
    nudity.remember(library["red"], None)
    row = Suspicion.objects.get(photo=library["red"], engine=Engine.NETWORK)
    assert row.score is None
    assert library["red"] not in nudity.unmeasured(ada)


def test_margins_are_in_units_of_the_model():
    random = np.random.default_rng(0)
    rows = random.normal(size=(60, 16)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    background = Background(rows[:40], rows)
    found = margins.margins(rows, Texts(("a",), ("b",), 1.0), rows[:2], background)
    assert found[0] == pytest.approx((1 - rows[0] @ rows[1]) / background.unit, rel=1e-4)
    alone = margins.margins(rows, Texts(("a",), (), 1.0), rows[:1], background)
    assert alone.argmax() == 0
    assert abs(float(np.median(alone))) < 1e-4


def test_only_what_machines_say_is_left_out_of_backups():
    assert {"understanding.suspicion", "understanding.promptscan"} <= LEFT_OUT
    assert not {"gallery.sensitive", "gallery.sensitivekind"} & LEFT_OUT
