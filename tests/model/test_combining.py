"""Terms with the real starter model; captions stand for the photos that they describe."""

from __future__ import annotations

import numpy as np
import pytest

from search.engine.target import WeightedVector, direction
from search.relevance import Background
from search.vectors.embedders.open_clip import load
from search.vectors.embedders.phrasing import embed_worded

pytestmark = pytest.mark.model

SCENES = (
    "a dog runs over the grass",
    "a man and his dog walk over the grass",
    "a dog swims in the water",
    "a woman sits on a bench in the city",
    "two children play on the beach",
    "a red car stands in the street at night",
    "a red car drives through the desert",
    "a boat on a calm lake",
    "people dance at a party",
    "a mountain covered in snow",
    "a plate of pasta with tomatoes",
    "an empty street at night",
)


@pytest.fixture(scope="module")
def model():
    pytest.importorskip("torch", reason="PyTorch is not installed")
    return load("starter", towers=frozenset({"text"}))


@pytest.fixture(scope="module")
def scenes(model):
    return model.embed_texts(list(SCENES))


@pytest.fixture(scope="module", params=[True, False], ids=["measured", "unmeasured"])
def background(request, scenes):
    return Background(scenes, scenes) if request.param else None


def first(scenes, vector) -> str:
    return SCENES[int(np.argmax(scenes @ vector))]


def parts(model, *words: str) -> list[WeightedVector]:
    return [WeightedVector(row) for row in embed_worded(model, list(words))]


@pytest.mark.parametrize(
    ("wanted", "avoided", "expected"),
    [
        ("dog", "man", {"a dog runs over the grass", "a dog swims in the water"}),
        ("dog", "grass", {"a dog swims in the water"}),
        ("red car", "night", {"a red car drives through the desert"}),
        ("street", "car", {"an empty street at night"}),
    ],
)
def test_an_excluded_thing_makes_way(model, scenes, background, wanted, avoided, expected):
    found = direction(background, parts(model, wanted), parts(model, avoided))
    assert first(scenes, found) in expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("dog", "water"), "a dog swims in the water"),
        (("red car", "night"), "a red car stands in the street at night"),
        (("dog", "man"), "a man and his dog walk over the grass"),
    ],
)
def test_what_has_all_wanted_things_comes_first(model, scenes, background, words, expected):
    assert first(scenes, direction(background, parts(model, *words))) == expected
