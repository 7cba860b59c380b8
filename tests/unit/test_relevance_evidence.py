"""Evidence: what is known of a hit, on a scale of its own for each text."""

from __future__ import annotations

import numpy as np
import pytest

from search.relevance import evidence


def test_more_is_needed_among_more_photos():
    known = evidence.features(np.array([3.0, 2.0], np.float32), 2.0)
    found = [evidence.of_features(known, total)[0] for total in (1, 20, 500, 20_000, 100_000)]
    assert found == sorted(found, reverse=True)
    assert found[0] == found[1] > found[2] > found[3] == found[4]


def test_later_hits_of_a_general_word_count_for_more():
    margins = np.full(50, 2.0, np.float32)
    animal, kind = (
        evidence.of_features(evidence.features(margins, general), 500) for general in (5.0, 1.0)
    )
    assert animal[-1] > kind[-1]
    assert animal[0] - animal[-1] < kind[0] - kind[-1]


def test_the_generality_of_a_text_is_that_of_the_nouns_like_it():
    similar = np.array([0.9, 0.2, 0.1], np.float32)
    kinds = np.array([5.0, 1.0, 0.0], np.float32)
    assert evidence.generality(similar, kinds) == pytest.approx(5.0, abs=0.01)


def test_usual_margins_are_those_of_photos_that_do_not_show_a_text():
    rng = np.random.default_rng(5)
    others = rng.normal(-2.3, 0.8, (400, 1)).astype(np.float32)
    shown = np.full((100, 1), 4.0, np.float32)
    alone = evidence.Usual.of(others)
    both = evidence.Usual.of(np.concatenate([others, shown]))
    assert both.median == pytest.approx(alone.median, abs=0.01)
    assert alone.median[0] == pytest.approx(-2.3, abs=0.15)
    assert alone.sigma[0] == pytest.approx(0.8, abs=0.1)


def test_what_is_usual_is_bounded_and_needs_photos():
    close = np.full((500, 1), -0.1, np.float32)
    near, unknown, few = (
        evidence.Usual.of(margins) for margins in (close, close + 1, close[:1] - 9)
    )
    assert unknown.median[0] == pytest.approx(evidence.USUAL[0])
    assert unknown.sigma[0] == pytest.approx(evidence.USUAL[1])
    assert evidence.USUAL[0] < near.median[0] <= evidence.USUAL[0] + 0.5
    assert evidence.USUAL[0] - 0.5 <= few.median[0] < evidence.USUAL[0]


def test_each_text_has_what_is_usual_for_it():
    rng = np.random.default_rng(6)
    spread = np.array([0.7, 1.1])
    found = evidence.Usual.of(rng.normal(-2.4, 1, (600, 2)) * spread - 2.4 * (1 - spread))
    assert found.sigma == pytest.approx(spread, abs=0.1)
    calm, wild = found.distances(np.array([[1.0, 1.0]]))[0]
    assert calm > wild


def test_a_text_leads_by_its_distance_or_else_by_its_margin():
    others = np.tile(np.linspace(-3, 3, 300, dtype=np.float32), (3, 1))
    margins = np.array([0.0, 0.0, 3.0], np.float32)
    distances = np.array([5.0, 2.0, 2.0], np.float32)
    near, behind, shown = evidence.leads(margins, distances, evidence.leading(others))
    assert near == pytest.approx(2.0, abs=0.1)
    assert behind == pytest.approx(-evidence.MARGIN_ALONE)
    assert shown == pytest.approx(3.0 - evidence.MARGIN_ALONE)


def test_smoothed_evidence_never_rises_and_keeps_the_mean_share():
    rough = np.array([1.0, 2.0, -1.0, 0.0, -3.0])
    smooth = evidence.smoothed(rough)
    assert (np.diff(smooth) <= 1e-12).all()
    assert (1 / (1 + np.exp(-smooth))).sum() == pytest.approx((1 / (1 + np.exp(-rough))).sum())
