"""Which sentence describes a photo: the box on its page, and the API."""

from __future__ import annotations

import json

import numpy as np
import pytest
from django.urls import reverse

from gallery.models import Embedding, EmbeddingModel
from search.relevance import library
from search.understanding import grounds
from search.understanding.sentences import lines
from search.understanding.sentences.certainty import probabilities
from search.vectors import embedders
from tests.embedders import PALETTE
from tests.workers.conftest import add_photo, drain

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    embedders.unload_all()
    grounds._few_texts.cache_clear()
    # The thread that embeds the background texts would outlive the test.
    monkeypatch.setattr(library, "_start_embedding", lambda key: None)


@pytest.fixture
def photo(ada, model):
    made = add_photo(ada, colour="red")
    drain()
    return made


def ask(client, photo, texts):
    body = json.dumps({"texts": texts})
    return client.post(f"/api/v1/photos/{photo.pk}/match", body, content_type="application/json")


def show(client, photo, text, **headers):
    return client.post(reverse("sentences", args=[photo.pk]), {"texts": text}, headers=headers)


def test_sentences_come_in_falling_order_with_shares_of_one(ada_client, photo, model):
    data = ask(ada_client, photo, ["green", "red", "blue and red"]).json()
    assert data["model"] == model.key
    assert [match["text"] for match in data["matches"]] == ["red", "blue and red", "green"]
    assert sum(match["probability"] for match in data["matches"]) == pytest.approx(1, abs=1e-3)
    scores = [match["score"] for match in data["matches"]]
    assert scores == sorted(scores, reverse=True)
    vector = Embedding.objects.get(photo=photo).get_vector()
    own = embedders.text_embedder(model.key).embed_texts(["red"])[0] @ vector
    assert scores[0] == pytest.approx(float(own), abs=1e-3)


def test_a_band_needs_a_library_to_compare_with(ada_client, ada, photo, model):
    data = ask(ada_client, photo, ["red", "green"]).json()
    assert {match["band"] for match in data["matches"]} == {None}
    for colour in list(PALETTE)[:12]:
        add_photo(ada, colour=colour)
    drain()
    library.embed_texts(model.key)
    bands = {
        m["text"]: m["band"] for m in ask(ada_client, photo, ["red", "green"]).json()["matches"]
    }
    assert bands == {"red": "strong", "green": "weak"}


def test_empty_lines_and_repeated_ones_do_not_count(ada_client, photo):
    data = ask(ada_client, photo, ["red", "", "  red ", "green\tgrass", "green grass"]).json()
    assert {match["text"] for match in data["matches"]} == {"red", "green grass"}


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ([], "Write at least one sentence."),
        (["", "  "], "Write at least one sentence."),
        (["a"] * 201, "These are 201 lines. Send at most 200."),
        (["red", "x" * 4096], "Line 2 has more than 1000 characters. Shorten it."),
    ],
)
def test_what_cannot_be_judged_is_refused_with_a_sentence(ada_client, photo, texts, sentence):
    answer = ask(ada_client, photo, texts)
    assert (answer.status_code, answer.json()["message"]) == (400, sentence)
    page = show(ada_client, photo, "\n".join(texts) or " ")
    if len(texts) != 1:
        assert page.status_code == 400
        assert sentence in page.content.decode()
    part = show(ada_client, photo, "\n".join(texts), **{"HX-Request": "true"})
    assert part.status_code == 200
    assert sentence in part.content.decode()


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"texts": "red"}', '{"texts": [1]}', "nope"])
def test_made_up_bodies_are_a_400(ada_client, photo, body):
    answer = ada_client.post(
        f"/api/v1/photos/{photo.pk}/match", body, content_type="application/json"
    )
    assert answer.status_code == 400
    assert set(answer.json()) == {"code", "message"}


@pytest.mark.parametrize("text", ["\u0000", "👩‍🌾🐕", "שלום", "\ud800", "a" * 1000, "%s {} <b>"])
def test_any_characters_are_judged_or_refused(ada_client, photo, text):
    body = json.dumps({"texts": [text, "red"]})
    answer = ada_client.post(
        f"/api/v1/photos/{photo.pk}/match", body, content_type="application/json"
    )
    assert answer.status_code in {200, 400}


def test_200_sentences_are_judged(ada_client, photo):
    assert len(ask(ada_client, photo, [f"thing {n}" for n in range(200)]).json()["matches"]) == 200


def test_the_same_words_in_another_order_get_a_note(ada_client, photo):
    texts = ["a red car and a green house", "A green car and a red house.", "red"]
    data = ask(ada_client, photo, texts).json()["matches"]
    assert {match["text"] for match in data if match["reordered"]} == set(texts[:2])
    assert "does not read word order" in show(ada_client, photo, "\n".join(texts)).content.decode()
    assert "word order" not in show(ada_client, photo, "red\nred!\ngreen").content.decode()


def test_a_photo_that_is_not_searchable_yet_is_a_409(ada_client, ada, model):
    waiting = add_photo(ada)
    answer = ask(ada_client, waiting, ["red"])
    assert (answer.status_code, answer.json()["code"]) == (409, "not_searchable_yet")
    assert "not searchable yet" in show(ada_client, waiting, "red").content.decode()
    Embedding.objects.update(state=Embedding.State.FAILED, reason="corrupt")
    assert "could not be made searchable" in ask(ada_client, waiting, ["red"]).json()["message"]


def test_without_a_model_that_reads_texts_it_is_a_503(ada_client, ada, photo):
    EmbeddingModel.objects.update(key="missing")
    answer = ask(ada_client, photo, ["red"])
    assert (answer.status_code, answer.json()["code"]) == (503, "model_unavailable")
    EmbeddingModel.objects.update(state=EmbeddingModel.State.BUILDING)
    answer = ask(ada_client, photo, ["red"])
    assert (answer.status_code, answer.json()["code"]) == (503, "model_loading")
    assert answer.headers["Retry-After"]


def test_the_photo_page_offers_the_box(ada_client, photo):
    page = ada_client.get(reverse("photo", args=[photo.pk])).content.decode()
    assert reverse("sentences", args=[photo.pk]) in page
    box = ada_client.get(reverse("sentences", args=[photo.pk]), headers={"HX-Request": "true"})
    assert "<html" not in box.content.decode()
    assert "textarea" in box.content.decode()


def test_the_page_shows_bars_and_keeps_the_lines(ada_client, photo):
    page = show(ada_client, photo, "red\r\ngreen <b>").content.decode()
    assert "red\r\ngreen &lt;b&gt;</textarea>" in page.replace("\n", "\r\n").replace("\r\r", "\r")
    assert page.count('sentence-bar"') == 2
    assert page.index("red\n") < page.rindex("green")


def test_of_another_persons_photo_nothing_is_said(bob_client, photo):
    assert ask(bob_client, photo, ["red"]).status_code == 404
    assert show(bob_client, photo, "red").status_code == 404


def test_shares_follow_the_scale_of_the_model():
    scores = np.array([0.3, 0.2, 0.0], np.float32)
    assert np.allclose(probabilities(scores, 0.1), probabilities(2 * scores, 0.2))
    assert probabilities(scores, 0.1)[0] > probabilities(scores, 0.2)[0]


def test_what_counts_as_the_same_words():
    assert lines.in_other_order(["a b", "B, a.", "a b!", "c", "a a b"]) == [True] * 3 + [False] * 2
    assert lines.in_other_order(["a b", "a b!"]) == [False, False]
