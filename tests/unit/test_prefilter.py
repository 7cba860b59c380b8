"""The coarse comparison keeps what may be the same picture and drops most of the rest."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from search.duplicates.find.prefilter import MIN_CORRELATION, coarse_correlations
from tests.unit.test_candidates import print_of, scene


def likeness(one: Image.Image, other: Image.Image) -> float:
    return float(coarse_correlations({1: print_of(one), 2: print_of(other)}, [(1, 2)])[0])


@pytest.mark.parametrize("turn", list(Image.Transpose), ids=lambda turn: turn.name)
def test_a_turned_picture_looks_the_same(turn):
    assert likeness(scene(1), scene(1).transpose(turn)) > 0.97


@pytest.mark.parametrize("left", [0.0, 0.1, 0.2])
@pytest.mark.parametrize("top", [0.0, 0.07, 0.2])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_crop_to_four_fifths_of_the_sides_is_kept(seed, left, top):
    picture = scene(seed)
    box = (320 * left, 240 * top, 320 * (left + 0.8), 240 * (top + 0.8))
    crop = picture.crop(tuple(map(round, box)))
    assert likeness(picture, crop) > MIN_CORRELATION
    assert likeness(crop, picture) > MIN_CORRELATION


def test_most_other_pictures_are_dropped():
    greys = {seed: print_of(scene(seed)) for seed in range(40)}
    pairs = [(a, b) for a in greys for b in greys if a < b]
    assert np.mean(coarse_correlations(greys, pairs) < MIN_CORRELATION) > 0.95


def test_flat_pictures_and_no_pairs_give_plain_answers():
    flat = Image.new("RGB", (64, 64), (90, 90, 90))
    assert likeness(flat, scene(1)) == pytest.approx(0, abs=1e-3)
    assert coarse_correlations({}, []).shape == (0,)
