"""Each answer is of one model, whoever switches meanwhile."""

from __future__ import annotations

import threading

import pytest
from django.db import connections

from gallery import model_change
from gallery.models import EmbeddingModel, Photo
from search import fulltext, language
from search.engine import answer as engine
from search.vectors import embedders
from search.vectors.embedders.catalog import Choice
from tests import embedders as fake
from tests.workers.conftest import add_photo, drain
from tests.workers.test_models import settle
from workers import model_choice

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


class Backwards(fake.ColourEmbedder):
    """Another space: the same pictures and texts, in other directions."""

    def embed_images(self, images):
        return -super().embed_images(images)[:, ::-1]

    def embed_texts(self, texts):
        # "red" lies where the pictures of cyan are.
        swapped = [text.replace("red", "blue") for text in texts]
        return -super().embed_texts(swapped)[:, ::-1]


def load(key, **_):
    embedder = Backwards() if key == "other" else fake.ColourEmbedder()
    embedder.key = key
    return embedder


checkpoint, probes = fake.checkpoint, fake.probes


def test_while_models_are_switched_each_answer_is_of_one_model(ada, settings):
    settings.EMBEDDER_FACTORY = f"{__name__}.load"
    settle(settings, "colours")
    ids = photos_without_words(ada)
    new = register_without_test("other")
    drain()
    old = EmbeddingModel.objects.get(key="colours")
    expected = {"colours": ids["red"], "other": ids["blue"]}
    stop, errors, seen = threading.Event(), [], []

    def search() -> None:
        try:
            while not stop.is_set():
                request = engine.SearchRequest(language.parse("red"), limit=3, pins=False)
                answer = engine.search(ada, request)
                seen.append((answer.model, {found.photo.pk for found in answer.photos}))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test must fail
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for number in range(1000):
            model_change.switch_to((new, old)[number % 2].pk)
            threading.Event().wait(0.02)
            # A busy machine may answer slower than models are switched.
            if number >= 20 and {model for model, _ in list(seen)} == set(expected):
                break
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    assert not errors
    assert {model for model, _ in seen} == set(expected)
    assert all(found == expected[model] for model, found in seen)


def photos_without_words(ada) -> dict[str, set]:
    """Add six photos whose names say nothing, so that only the model finds them; return ids."""
    ids = {
        colour: {add_photo(ada, colour=colour).pk for _ in range(3)} for colour in ("red", "blue")
    }
    Photo.objects.update(name="x.png")
    fulltext.catch_up()
    drain()
    return ids


def register_without_test(key: str) -> EmbeddingModel:
    """Have a model built that the colours of the self-test would not find."""
    return model_choice.register(Choice(key, "because"), embedders.image_embedder(key))


def test_a_list_goes_on_with_the_model_that_began_it(ada, settings, monkeypatch):
    settings.EMBEDDER_FACTORY = f"{__name__}.load"
    monkeypatch.setattr("search.engine.rank.WINDOW", 2)
    settle(settings, "colours")
    ids = photos_without_words(ada)
    new = register_without_test("other")
    drain()
    first = engine.search(ada, engine.SearchRequest(language.parse("red"), limit=2))
    model_change.switch_to(new.pk)
    rest = engine.search(
        ada, engine.SearchRequest(language.parse("red"), limit=2, cursor=first.next)
    )
    assert (first.model, rest.model) == ("colours", "colours")
    listed = [found.photo.pk for found in (*first.photos, *rest.photos)]
    assert set(listed[:3]) == ids["red"]


def test_a_process_goes_on_with_the_former_model_while_it_loads_the_new_one(
    ada, settings, monkeypatch
):
    settings.EMBEDDER_FACTORY = f"{__name__}.load"
    settle(settings, "colours")
    ids = photos_without_words(ada)
    new = register_without_test("other")
    drain()
    embedders.unload_all()
    request = engine.SearchRequest(language.parse("red"), limit=3, pins=False)
    assert engine.search(ada, request).model == "colours"

    loading, whole = threading.Event(), load
    monkeypatch.setattr(
        "tests.workers.test_one_model_an_answer.load",
        lambda key, **rest: (key != "other" or loading.wait(60)) and whole(key, **rest),
    )
    model_change.switch_to(new.pk)
    during = engine.search(ada, request)
    assert (during.model, {found.photo.pk for found in during.photos}) == ("colours", ids["red"])
    loading.set()
    assert embedders.wait_until_loaded("other", "text", 60)
    after = engine.search(ada, request)
    assert (after.model, {found.photo.pk for found in after.photos}) == ("other", ids["blue"])
