"""How terms become one vector: none drowns another, weights matter, exclusions push away."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from search.engine.target import WeightedVector, direction
from search.language import QueryError
from search.relevance import Background

DIM, PHOTOS = 48, 600


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


class World:
    """Photos show two of twelve things each; pictures and texts lie in cones of their own."""

    def __init__(self, *, cone: float) -> None:
        rng = np.random.default_rng(5)
        self.things = unit(rng.normal(size=(12, DIM)))
        pictures, texts = cone * unit(rng.normal(size=(2, DIM)))
        self.shows = np.array([rng.choice(12, 2, replace=False) for _ in range(PHOTOS)])
        blur = 0.3 * unit(rng.normal(size=(PHOTOS, DIM)))
        self.photos = unit(self.things[self.shows].sum(axis=1) + blur + pictures)
        self.texts = unit(self.things + texts)
        self.background = Background(self.texts, self.photos)

    def first(self, vector: np.ndarray, count: int = 10) -> np.ndarray:
        """Return which things the first photos show, (count, 12) bool."""
        best = np.argsort(-(self.photos @ vector), kind="stable")[:count]
        return np.array([[thing in self.shows[one] for thing in range(12)] for one in best])

    def word(self, thing: int, weight: float = 1.0) -> WeightedVector:
        return WeightedVector(self.texts[thing], weight)

    def heading(self, thing: int, *, measured: bool) -> np.ndarray:
        """Return what sets the word apart: as it is, or from other words."""
        row = self.texts[thing]
        return self.background.centre(row, by_picture=False) if measured else row

    def picture(self, thing: int, but: int, weight: float = 1.0) -> WeightedVector:
        one = next(i for i, two in enumerate(self.shows) if thing in two and but not in two)
        return WeightedVector(self.photos[one], weight, by_picture=True)


@pytest.fixture(params=[0.0, 2.0], ids=["one cone", "two cones"])
def world(request) -> World:
    return World(cone=request.param)


@pytest.mark.parametrize("measured", [True, False])
def test_an_excluded_thing_drops_out_and_the_wanted_one_stays(world, measured):
    background = world.background if measured else None
    plain = world.first(direction(background, [world.word(0)]))
    without = world.first(direction(background, [world.word(0)], [world.word(1)]))
    assert without[:, 0].sum() >= plain[:, 0].sum()
    assert not without[:, 1].any()


def test_several_exclusions_all_drop_out(world):
    avoided = [world.word(thing) for thing in (1, 2, 3)]
    found = world.first(direction(world.background, [world.word(0)], avoided))
    assert found[:, 0].mean() >= 0.8
    assert not found[:, 1:4].any()


def test_a_picture_is_excluded_as_words_are(world):
    away = world.picture(1, but=0)
    found = world.first(direction(world.background, [world.word(0)], [away]))
    assert found[:, 0].all()
    assert not found[:, 1].any()


def test_words_are_not_drowned_by_a_picture(world):
    picture = world.picture(0, but=1)
    own = world.shows[np.argmax(world.photos @ picture.vector)]
    found = world.first(direction(world.background, [picture, world.word(1)]), 5)
    assert found[:, 1].all()
    assert found[:, own].any(axis=1).all()


def test_several_words_find_what_has_all_of_them(world):
    found = world.first(direction(world.background, [world.word(0), world.word(1)]), 3)
    assert (found[:, 0] & found[:, 1]).all()


@pytest.mark.parametrize("measured", [True, False])
def test_a_weight_pulls_steadily(world, measured):
    background = world.background if measured else None
    heading = world.heading(1, measured=measured)
    towards = []
    for weight in (0.1, 0.5, 1, 2, 5, 10):
        vector = direction(background, [world.word(0), world.word(1, weight)])
        best = np.argsort(-(world.photos @ vector))[:10]
        towards.append(float((world.photos[best] @ heading).mean()))
    assert all(later >= earlier - 1e-6 for earlier, later in pairwise(towards))
    assert towards[-1] > towards[0]


@pytest.mark.parametrize("measured", [True, False])
def test_a_heavier_exclusion_pushes_further(world, measured):
    background = world.background if measured else None
    heading = world.heading(1, measured=measured)
    left = []
    for weight in (0.1, 0.5, 1, 2, 5, 10):
        vector = direction(background, [world.word(0)], [world.word(1, weight)])
        best = np.argsort(-(world.photos @ vector))[:10]
        left.append(float((world.photos[best] @ heading).mean()))
    assert all(later <= earlier + 1e-6 for earlier, later in pairwise(left))


def test_only_the_proportion_of_weights_matters(world):
    one = direction(world.background, [world.word(0)], [world.word(1)])
    other = direction(world.background, [world.word(0, 3)], [world.word(1, 3)])
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_vectors_are_of_unit_length_and_float32(world):
    found = direction(world.background, [world.word(0), world.picture(2, but=0)], [world.word(1)])
    assert found.dtype == np.float32
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)


def test_what_cancels_out_is_said():
    row = unit(np.ones(DIM))
    with pytest.raises(QueryError, match="cancel"):
        direction(None, [WeightedVector(row), WeightedVector(-row)])
