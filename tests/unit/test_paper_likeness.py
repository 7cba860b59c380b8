"""Photos are compared with drawn papers, seen from the middle of the library."""

from __future__ import annotations

import numpy as np
import pytest

from search.relevance.background import Background
from search.understanding.sensitive import paper_likeness
from search.understanding.sensitive.paper_likeness import BEHIND, LIKE, Papers, likeness
from search.vectors.embedders.catalog import STARTER_KEY

DIM = 16


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


@pytest.fixture
def background() -> Background:
    random = np.random.default_rng(0)
    rows = unit(random.normal(size=(60, DIM)) + 3 * np.eye(DIM)[0])
    return Background(rows[:40], rows)


def test_a_private_paper_is_suspected_and_a_receipt_is_not(background):
    kinds = unit(np.eye(DIM)[1:4] + 0.5 * np.eye(DIM)[0])
    papers = Papers(kinds[:2], kinds[2:])
    passport, letter, receipt = likeness(kinds, papers, background)
    assert passport >= 1
    assert letter >= 1
    assert receipt == 0
    ordinary = likeness(unit(np.eye(DIM)[5:] + 3 * np.eye(DIM)[0]), papers, background)
    assert (ordinary < 1).all()


def test_what_looks_as_much_like_either_is_suspected(background):
    kinds = unit(np.eye(DIM)[1:3])
    between = unit(kinds.sum(axis=0, keepdims=True))
    scores = likeness(between, Papers(kinds[:1], kinds[1:]), background)
    assert 0 < BEHIND < LIKE
    assert scores[0] > 1


def test_only_the_starter_was_shown_papers():
    assert paper_likeness.papers_of("colours") is None
    papers = paper_likeness.papers_of(STARTER_KEY)
    assert papers is not None
    assert papers.private.shape[1] == papers.other.shape[1] == 512
    assert np.isfinite(papers.private).all()
    assert np.isfinite(papers.other).all()
