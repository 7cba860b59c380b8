"""Clusters, neighbours, the layout and the names of themes, on planted groups."""

from __future__ import annotations

import numpy as np
import pytest

from search.understanding.themes import clusters, layout, names, neighbours, points
from search.understanding.themes.components import components
from search.understanding.themes.steps import finish, part
from tests.planted import library, vectors

GROUPS, EACH = 6, 50
ROWS = vectors(GROUPS, EACH)
PLANTED = np.repeat(np.arange(GROUPS), EACH)


def exact(rows: np.ndarray, many: int) -> np.ndarray:
    scores = rows @ rows.T
    np.fill_diagonal(scores, -np.inf)
    return np.argsort(-scores, axis=1)[:, :many]


def map_of(rows: np.ndarray) -> np.ndarray:
    held = library(rows)
    base = finish(components(held))
    groups, centres = finish(clusters.clusters(base.rows, 4))
    near = finish(neighbours.neighbours(held, groups, centres))
    return finish(layout.layout(*near, layout.spread(base.rows)))


def test_planted_groups_are_found_and_are_the_same_next_time():
    base = finish(components(library(ROWS)))
    found, centres = finish(clusters.clusters(base.rows, GROUPS))
    again, _ = finish(clusters.clusters(base.rows, GROUPS))
    assert np.array_equal(found, again)
    assert centres.shape == (GROUPS, base.rows.shape[1])
    for group in range(GROUPS):
        assert len(set(found[group == PLANTED].tolist())) == 1
    assert len(set(found.tolist())) == GROUPS


def test_groups_stay_whole_when_photos_come():
    """More groups are asked for than were planted, so where they are cut is a matter of chance."""
    rows = vectors(4, 60)
    first, more = np.arange(len(rows)) % 6 > 0, finish(components(library(rows))).rows
    had, _ = finish(clusters.clusters(more[first], 8, seed=1))
    former = np.full(len(rows), -1, np.intp)
    former[first] = had
    found, centres = finish(clusters.clusters(more, 8, former, seed=2))
    kept = [np.bincount(found[former == group]).max() for group in range(8)]
    assert sum(kept) > 0.9 * first.sum()
    anew, _ = finish(clusters.clusters(more, 8, seed=2))
    assert sum(kept) > sum(np.bincount(anew[former == group]).max() for group in range(8))
    assert np.isfinite(centres).all()


def test_fewer_groups_start_at_the_largest_former_ones():
    rows = finish(components(library(ROWS))).rows
    found, centres = finish(clusters.clusters(rows, 2, PLANTED.astype(np.intp)))
    assert set(found.tolist()) == {0, 1}
    assert np.isfinite(centres).all()


def test_equal_photos_are_grouped_too():
    rows = np.ones((40, 8), np.float32)
    found, centres = finish(clusters.clusters(rows, 5))
    assert len(found) == 40
    assert np.isfinite(centres).all()


@pytest.mark.parametrize(
    ("photos", "levels"),
    [(1, [2]), (30, [5]), (100, [8, 16]), (600, [8, 40, 100]), (100_000, [8, 40, 200])],
)
def test_small_libraries_have_fewer_themes(photos, levels):
    assert clusters.levels_of(photos) == levels


def test_components_are_those_of_the_covariance():
    base = finish(components(library(ROWS)))
    assert np.allclose(base.covariance, np.cov(ROWS.T, bias=True), atol=1e-3)
    assert np.allclose(base.rows.mean(axis=0), 0, atol=1e-3)
    spread = base.rows.var(axis=0)
    assert (np.diff(spread) < 1e-6).all()


def test_neighbours_are_exact_in_a_small_library():
    base = finish(components(library(ROWS)))
    groups, centres = finish(clusters.clusters(base.rows, 4))
    places, scores = finish(neighbours.neighbours(library(ROWS), groups, centres))
    rounded = ROWS.astype(np.float16).astype(np.float32)
    assert (places == exact(rounded, 15)).mean() > 0.99
    assert (np.diff(scores, axis=1) <= 0).all()


def test_cells_find_most_neighbours_and_never_the_photo_itself():
    rows = vectors(40, 50, dim=64, noise=0.1)
    base = finish(components(library(rows)))
    groups, centres = finish(clusters.clusters(base.rows, 60))
    places, scores = finish(neighbours.neighbours(library(rows), groups, centres, exact=0))
    kept = [len(np.intersect1d(*pair)) for pair in zip(places, exact(rows, 15), strict=True)]
    assert np.mean(kept) / 15 > 0.9
    assert not (places == np.arange(len(rows))[:, None]).any()
    assert np.isfinite(scores).all()


def test_tiny_cells_reach_until_there_are_enough_photos():
    rows = vectors(3, 12)
    cells, centres = np.arange(36), rows[:, :8].copy()
    places, _ = finish(neighbours.neighbours(library(rows), cells, centres, exact=0))
    assert all(len(set(row.tolist())) == 15 for row in places)


def test_the_layout_keeps_groups_together_and_is_the_same_next_time():
    at = map_of(ROWS)
    assert np.array_equal(at, map_of(ROWS))
    assert np.isfinite(at).all()
    middles = np.stack([at[group == PLANTED].mean(axis=0) for group in range(GROUPS)])
    own = ((at[:, None] - middles) ** 2).sum(axis=2).argmin(axis=1)
    assert (own == PLANTED).all()


def test_edges_sum_up_to_the_same_for_each_photo():
    scores = np.sort(np.random.default_rng(0).uniform(0.2, 0.9, (20, 15)), axis=1)[:, ::-1]
    weights = layout.edge_weights(scores.astype(np.float32))
    assert np.allclose(weights[:, 0], 1)
    assert np.allclose(weights.sum(axis=1), np.log2(15), atol=0.01)
    assert np.isfinite(layout.edge_weights(np.ones((4, 15), np.float32))).all()


def test_a_turned_and_mirrored_map_is_put_back():
    random = np.random.default_rng(0)
    former = random.normal(size=(80, 2)).astype(np.float32)
    turn = np.array([[0.6, 0.8], [0.8, -0.6]], np.float32)
    turned = 3 * former @ turn + 7
    assert np.allclose(layout.aligned(turned, turned[:50], former[:50]), former, atol=1e-3)
    # Two photos do not say how a map lies.
    assert layout.aligned(turned, turned[:2], former[:2]) is turned


def test_the_frame_keeps_proportions():
    framed = layout.framed(np.array([[0, 0], [10, 5]], np.float32))
    assert (framed > 0).all()
    assert (framed < 1).all()
    width, height = framed[1] - framed[0]
    assert np.isclose(width, 2 * height)


def test_points_survive_their_bytes():
    ids = [f"{number << 60:032x}" for number in range(5)]
    at = np.random.default_rng(0).random((5, 2), np.float32)
    themes = np.arange(10, dtype=np.uint16).reshape(5, 2)
    kept = points.unpacked(points.packed(points.Points(ids, at, themes)), 2)
    assert kept.ids == ids
    assert np.array_equal(kept.at, at)
    assert np.array_equal(kept.themes, themes)


def test_parts_run_within_the_whole_and_hand_back_their_results():
    def work():
        yield 0.5
        return "done"

    steps = part(work(), 0.2, 0.6)
    assert next(steps) == 0.4
    assert finish(part(work(), 0.2, 0.6)) == "done"


def test_a_tag_names_the_theme_that_it_fits_best():
    groups = np.repeat([0, 1], 10)
    given = [("garden", place) for place in range(8)] + [("summer", place) for place in range(20)]
    given += [("shed", place) for place in range(3)]
    assert names.from_own(groups, given, 2) == {0: "garden"}


def test_common_words_win_and_shared_titles_get_a_second_word():
    known = names.words()
    dim = len(known.words)
    assert dim > 1000
    out = np.zeros((3, dim), np.float32)
    out[0, known.words.index("snow")] = 9
    out[1, known.words.index("beach")] = 9
    out[1, known.words.index("sled dog")] = 20
    told = names.told_apart(["dog", "dog", "tree"], out, np.array([5, 5, 5]))
    assert told == ["dog · snow", "dog · beach", "tree"]
    assert names.told_apart(["", "", "tree"], out, np.array([5, 5, 5])) == ["", "", "tree"]
