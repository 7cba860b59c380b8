"""What a tag learns from words and photos, on vectors made up at random."""

from __future__ import annotations

import numpy as np
import pytest

from search.understanding.lessons.direction import direction

DIM = 64


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


@pytest.fixture
def world():
    """A library of 600 photos of which 40 show a thing, and the direction of that thing."""
    rng = np.random.default_rng(7)
    thing, middle = unit(rng.normal(size=DIM)), unit(rng.normal(size=DIM))
    photos = rng.normal(size=(600, DIM)) / np.sqrt(DIM) + 0.5 * middle
    photos[:40] += 0.7 * thing
    return unit(photos), thing, unit(rng.normal(size=DIM))


def precision(scores) -> float:
    """Return the share of the 35 best photos that show the thing, without the five examples."""
    order = [place for place in np.argsort(-scores) if place >= 5]
    return float(np.mean([place < 40 for place in order[:35]]))


def test_words_alone_rank_by_words(world):
    photos, thing, _nonsense = world
    learnt = direction(photos, photos[:0], thing)
    assert np.array_equal(np.argsort(-learnt.line.of(photos)), np.argsort(-(photos @ thing)))


def test_words_that_fit_are_believed_and_help(world):
    photos, thing, _nonsense = world
    with_words, without = (direction(photos, photos[:5], words) for words in (thing, None))
    assert with_words.meaning > 0.9
    assert precision(with_words.line.of(photos)) > precision(without.line.of(photos))


def test_words_that_mean_nothing_are_left_out(world):
    photos, _thing, nonsense = world
    with_words, without = (direction(photos, photos[:5], words) for words in (nonsense, None))
    assert with_words.meaning < 0.1
    assert precision(with_words.line.of(photos)) > precision(without.line.of(photos)) - 0.1


def test_examples_are_judged_by_the_others(world):
    photos, _thing, nonsense = world
    alone = direction(photos, photos[:5], None)
    assert list(alone.judged) == [0, 1, 2, 3, 4]
    # Each would be higher in a direction that it took part in.
    assert (alone.scores < alone.line.of(photos[:5])).all()
    assert direction(photos, photos[:1], nonsense).scores.shape == (1,)


def test_many_examples_are_judged_by_a_choice(world):
    photos, thing, _nonsense = world
    learnt = direction(photos, np.tile(photos[:40], (10, 1)), thing)
    assert len(learnt.judged) == len(learnt.scores) == 200


def test_there_may_be_nothing_to_learn(world):
    photos, thing, _nonsense = world
    assert direction(photos, photos[:0], None) is None
    assert direction(photos[:0], photos[:0], thing) is None


def test_photos_that_are_all_the_same_give_numbers(world):
    photos, thing, _nonsense = world
    same = np.repeat(photos[:1], 5, axis=0)
    learnt = direction(same, same[:2], thing)
    assert np.isfinite(learnt.line.of(same)).all()
    assert np.isfinite(learnt.scores).all()
