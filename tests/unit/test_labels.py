"""How a label of a one-of set is chosen, and where the cut of an any-of label lies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from search.understanding.labels import cuts, exclusive

UNIT = 0.09


def cosines(seed: int, photos: int = 300, labels: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Photos of one label each: scores in which each label lies on a level of its own."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, labels, photos)
    scores = random.normal(0, 0.02, (photos, labels))
    scores[np.arange(photos), truth] += 0.1
    return (scores + random.normal(0, 0.06, labels)).astype(np.float32), truth


@pytest.mark.parametrize("seed", range(8))
def test_a_label_that_is_near_to_all_photos_takes_none_from_others(seed):
    scores, truth = cosines(seed)
    chosen = exclusive.choice(scores, UNIT).scores(scores).argmax(axis=1)
    assert (chosen == truth).mean() >= (scores.argmax(axis=1) == truth).mean()
    assert (chosen == truth).mean() > 0.95


def test_a_label_that_most_photos_have_keeps_them():
    scores, truth = cosines(3, photos=600, labels=5)
    mostly = np.concatenate([np.flatnonzero(truth == 0)] * 8 + [np.flatnonzero(truth > 0)])
    chosen = exclusive.choice(scores[mostly], UNIT).scores(scores[mostly]).argmax(axis=1)
    assert (chosen == truth[mostly]).mean() > 0.95


@given(st.integers(0, 40), st.integers(1, 40), st.integers(0, 99))
def test_probabilities_of_any_set_add_up(photos, labels, seed):
    scores = np.random.default_rng(seed).normal(0, 1, (photos, labels)).astype(np.float32)
    shares = exclusive.choice(scores, UNIT).probabilities(scores)
    assert shares.shape == scores.shape
    assert np.isfinite(shares).all()
    assert np.allclose(shares.sum(axis=1), 1, atol=1e-4)


def library(seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.random(400) < 0.15
    return np.where(truth, random.normal(0.25, 0.05, 400), random.normal(0.1, 0.05, 400)), truth


def f1(truth: np.ndarray, found: np.ndarray) -> float:
    return float(2 * (truth & found).sum() / (truth.sum() + found.sum()))


@pytest.mark.parametrize("default", [0.05, 0.35])
@pytest.mark.parametrize("seed", range(5))
def test_answers_mend_a_cut_that_lies_badly(seed, default):
    scores, truth = library(seed)
    before = f1(truth, scores >= default)
    cut, known = default, np.zeros(len(scores), bool)
    for _round in range(6):
        asked = cuts.to_ask(scores, cut, known, 4)
        assert not known[asked].any()
        known[asked] = True
        cut = cuts.cut_after(UNIT, default, scores, scores[known].tolist(), truth[known].tolist())
    assert f1(truth, scores >= cut) > max(before + 0.1, 0.75)


def test_one_answer_moves_a_cut_little_and_none_not_at_all():
    scores, _truth = library(1)
    assert cuts.cut_after(UNIT, 0.2, scores, [], []) == 0.2
    moved = cuts.cut_after(UNIT, 0.2, scores, [0.3], [False])
    assert 0.15 < moved < 0.35


@given(st.integers(0, 30), st.integers(0, 40), st.floats(-1, 1), st.integers(0, 99))
def test_each_photo_is_asked_about_once(photos, count, cut, seed):
    random = np.random.default_rng(seed)
    scores, known = random.normal(0, 0.2, photos), random.random(photos) < 0.5
    asked = cuts.to_ask(scores, cut, known, count)
    assert len(asked) == len(set(asked)) == min(count, int((~known).sum()))
    assert not known[asked].any()
