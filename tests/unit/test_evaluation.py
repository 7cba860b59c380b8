"""The figures of an evaluation, and the linear probe."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from search.understanding.evaluation import probe, scoring


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 99))
def test_the_figures_agree_with_each_other(photos, labels, seed):
    random = np.random.default_rng(seed)
    scores = random.integers(0, 4, (photos, labels)).astype(np.float32)  # With many ties.
    truth = random.integers(0, labels, photos)
    found = scoring.figures(scores, truth)
    assert found.tops[1] == (found.predicted == truth).mean() == (found.places == 0).mean()
    assert found.tops[1] <= found.tops[3] <= found.tops[5]
    cells = scoring.confusion(found.predicted, truth)
    assert sum(count for _right, _said, count in cells) == photos
    assert sum(count for right, said, count in cells if right == said) == (found.places == 0).sum()
    rows = scoring.by_label(found, truth, labels)
    assert sum(row["count"] for row in rows) == photos
    mean = sum(row["count"] * row["top3"] for row in rows if row["count"]) / photos
    assert mean == pytest.approx(found.tops[3], abs=1e-3)


def test_places_count_the_labels_before():
    scores = np.array([[0.1, 0.5, 0.3], [0.2, 0.2, 0.2]], np.float32)
    assert scoring.places(scores, np.array([2, 1])).tolist() == [1, 1]


@pytest.mark.parametrize(("hits", "count"), [(0, 10), (10, 10), (50, 100), (9, 1000), (0, 0)])
def test_an_interval_encloses_the_share(hits, count):
    low, high = scoring.interval(hits, count)
    assert 0 <= low <= (hits / count if count else 0) <= high <= 1
    if count == 100:
        assert high - low == pytest.approx(2 * 1.96 * 0.05, rel=0.15)


def clouds(spread: float, labels: int = 5, each: int = 30) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    truth = np.repeat(np.arange(labels), each)
    rows = random.normal(size=(labels, 16))[truth] + random.normal(0, spread, (len(truth), 16))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), truth


def test_a_probe_tells_what_can_be_told():
    found = probe.probe(*clouds(0.3))
    assert found.test > 0.97
    assert found.train_count + found.test_count == 150
    assert found == probe.probe(*clouds(0.3))


def test_a_probe_of_noise_is_near_chance_and_shows_that_it_learnt_by_heart():
    rows, truth = clouds(0.3)
    found = probe.probe(rows, np.random.default_rng(2).permutation(truth))
    assert found.test < 0.45
    assert found.train > found.test


def test_a_probe_needs_two_labels_with_photos():
    rows, truth = clouds(0.3, labels=3, each=3)
    assert probe.probe(rows, truth) is None
    rows, truth = clouds(0.3, labels=3, each=6)
    truth[:3] = 9
    found = probe.probe(rows, truth)
    assert (found.labels, found.left_out) == (2, 2)


def test_the_split_keeps_shares():
    labels = np.repeat(np.arange(4), [4, 10, 40, 100])
    apart = probe.split(labels, 0.3, np.random.default_rng(0))
    assert np.bincount(labels[apart]).tolist() == [1, 3, 12, 30]


def test_the_weights_are_where_the_loss_is_lowest():
    rows, truth = clouds(1.0)
    best = probe.train(rows.astype(float), truth, 5, 1e-3)

    def loss(weights):
        scores = rows @ weights[:-1] + weights[-1]
        scores -= scores.max(axis=1, keepdims=True)
        own = scores[np.arange(len(truth)), truth] - np.log(np.exp(scores).sum(axis=1))
        return -own.mean() + 1e-3 * (weights[:-1] ** 2).sum() / 2

    random = np.random.default_rng(0)
    for size in (1e-3, 1e-2, 0.1):
        assert loss(best) <= loss(best + random.normal(0, size, best.shape))
