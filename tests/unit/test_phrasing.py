"""Short English texts are worded like captions, all others are left as they are."""

from __future__ import annotations

import numpy as np
import pytest

from search.vectors import embedders
from search.vectors.embedders.phrasing import embed_worded, wordings
from search.vectors.embedders.plurals import plural, singular
from tests.embedders import ColourEmbedder


class Counting(ColourEmbedder):
    """Remembers what it was asked to embed."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def embed_texts(self, texts):
        self.calls.append(list(texts))
        return super().embed_texts(texts)


@pytest.mark.parametrize("text", ["dog", "ice cream", "old red car", "owl"])
def test_a_short_text_is_worded_in_several_ways(text):
    found = wordings(text)
    assert found[0] == text
    assert len(set(found)) == 4
    assert sum(text in one for one in found) >= 3


NUMBERS = [
    *("bus/buses", "glass/glasses", "mouse/mice", "salesman/salesmen", "fry/fries", "ox/oxen"),
    *("selfie/selfies", "magpie/magpies", "pony/ponies", "volcano/volcanoes", "shoe/shoes"),
    *("moustache/moustaches", "beach/beaches", "iris/irises", "quiz/quizzes", "rose/roses"),
    *("german/germans", "ottoman/ottomans", "caiman/caimans", "specimen/specimens"),
    *("news/news", "scissors/scissors", "series/series", "species/species", "ramen/ramen"),
    *("vegas/vegas", "dog's/dog's", "dogs'/dogs'", "x-ray/x-rays", "princess/princesses"),
]
WITHOUT_SINGULAR = {"glasses", "fries"}  # mostly said of what there is no single one of


@pytest.mark.parametrize("pair", NUMBERS)
def test_singular_and_plural(pair):
    one, many = pair.split("/")
    assert plural(one) == many
    assert singular(one) == one
    assert singular(many) == (many if many in WITHOUT_SINGULAR else one)


@pytest.mark.parametrize(
    "text", ["", " ", ",,,", "and", "a", "the", "& and ,", "a, the", "-", "'", "“dog”", "كلب, قط"]
)
def test_odd_texts_have_wordings_of_their_own(text):
    assert 1 <= len(wordings(text)) <= 4


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("dog", "dogs"),
        ("dog", "a dog"),
        ("dog", "the dogs"),
        ("dog", "Dog."),
        ("dog", "DOGS!"),
        ("golden retriever", "Golden Retrievers"),
        ("man", "men"),
        ("fireman", "firemen"),
        ("child", "the children?"),
        ("bus", "buses"),
        ("berry", "berries"),
        ("box", "boxes"),
        ("walrus", "walruses"),
        ("house", "houses"),
        ("photo", "photos"),
        ("cat and dog", "dogs and cats"),
        ("cat, dog", "a dog & a cat"),
        ("man, dog and horse", "horse, a man, dogs"),
        ("a dog runs on a beach", "a dog runs on a beach."),
        ("a dog runs on a beach", "A DOG RUNS ON A BEACH".lower()),
    ],
)
def test_number_article_case_end_and_order_change_nothing(text, other):
    assert wordings(text) == wordings(other)


@pytest.mark.parametrize("word", ["glasses", "sheep", "grass", "snow", "skiing", "chess", "fish"])
def test_words_without_another_number_stay(word):
    assert wordings(word)[0] == word
    assert len(wordings(word)) == 3


def test_the_article_fits():
    assert "there is an owl in the picture" in wordings("owl")
    assert "there is a dog in the picture" in wordings("dog")


@pytest.mark.parametrize(
    "text",
    [
        "a dog on a beach",
        "犬",
        "chien à poil",
        "IMG_2231",
        "2023",
        "",
        "- -",
        "black and white photo",
    ],
)
def test_what_is_long_or_may_not_be_english_is_left_as_it_is(text):
    assert wordings(text) == [text]


def test_several_texts_cost_one_call_and_keep_their_order():
    model = Counting()
    rows = embed_worded(model, ["red", "a very long red description of it", "blue"])
    assert len(model.calls) == 1
    assert rows.shape == (3, model.dim)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert rows[0].argmax() == model.embed_texts(["red"])[0].argmax()
    assert rows[2].argmax() == model.embed_texts(["blue"])[0].argmax()


def test_no_texts_are_no_rows():
    assert embed_worded(ColourEmbedder(), []).shape == (0, ColourEmbedder.dim)


def test_known_queries_are_not_embedded_again(monkeypatch):
    model = Counting()
    embedders.unload_all()
    monkeypatch.setattr(embedders, "text_embedder", lambda key: model)
    first = embedders.embed_query_texts("colours", ["red", "blue", "red"])
    again = embedders.embed_query_texts("colours", ["blue", "green"])
    assert first[0] is first[2]
    assert again[0] is first[1]
    assert [call[0] for call in model.calls] == ["red", "green"]
    assert not again[1].flags.writeable
    embedders.unload_all()
