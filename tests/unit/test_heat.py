"""The heat map of a photo points at the windows that match, or at nothing."""

from __future__ import annotations

import numpy as np
import pytest

from search.parts.crops import find_heat, look
from tests.embedders import ColourEmbedder

SHAPE = (9, 12)


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def places():
    grey = np.full((90, 120, 3), 128, np.uint8)
    return look(ColourEmbedder(), grey, float("inf"))[0]


def shown_at(places, rng, thing, x, y):
    """Return rows of windows, of which those over a point show a thing, the nearer the more."""
    middles = places[:, :2] + places[:, 2:] / 2
    near = np.clip(1 - np.abs(middles - (x, y)).max(axis=1) / 0.17, 0, 1)
    return unit(unit(rng.normal(size=(len(places), 64))) + 2 * near[:, None] * thing)


@pytest.mark.parametrize(("x", "y"), [(0.2, 0.3), (0.5, 0.5), (0.85, 0.85), (0.17, 0.83)])
def test_the_hottest_cell_is_where_the_thing_is(places, rng, x, y):
    thing, others = unit(rng.normal(size=64)), unit(rng.normal(size=(300, 64)))
    heat = find_heat(places, shown_at(places, rng, thing, x, y), thing, others, SHAPE)
    row, column = np.unravel_index(heat.values.argmax(), SHAPE)
    assert abs((column + 0.5) / 12 - x) < 0.12
    assert abs((row + 0.5) / 9 - y) < 0.12
    left, top, width, height = heat.box
    assert left <= x <= left + width
    assert top <= y <= top + height
    assert heat.values.max() == 1
    assert np.median(heat.values) == pytest.approx(0, abs=0.01)


def test_a_thing_that_is_not_there_gets_no_map(places, rng):
    thing, others = unit(rng.normal(size=64)), unit(rng.normal(size=(300, 64)))
    rows = shown_at(places, rng, others[0], 0.5, 0.5)
    silent = [find_heat(places, rows, other, others, SHAPE).box is None for other in others]
    assert not silent[0]
    assert np.mean(silent) == pytest.approx(0.7, abs=0.02)
    assert find_heat(places, rows, thing, None, SHAPE).values.max() == 1


def test_a_photo_of_one_colour_has_no_place_that_stands_out(places):
    rows = np.tile(unit(np.ones(64)), (len(places), 1))
    heat = find_heat(places, rows, rows[0], rows[:5], SHAPE)
    assert (heat.box, heat.score, heat.values.max()) == (None, None, 0)


def test_windows_stop_when_the_time_is_up():
    picture = np.zeros((60, 80, 3), np.uint8)
    places, rows = look(ColourEmbedder(), picture, 0.0)
    assert len(places) == len(rows) == 4
    assert len(look(ColourEmbedder(), picture, float("inf"))[0]) == 36
