"""What every vector index promises, whatever engine is behind it."""

from __future__ import annotations

import uuid

import numpy as np
import pytest

from search.vectors.index import (
    BadVector,
    Eq,
    HasIds,
    IndexUnavailable,
    Not,
    Point,
    VectorIndex,
)
from tests.contract.conftest import DIM, make_points, unit_vectors


def ids_of(hits):
    return [hit.id for hit in hits]


def test_it_is_a_vector_index(index):
    assert isinstance(index, VectorIndex)
    assert index.dim == DIM


def test_a_new_index_says_that_it_is_new_and_empty(index):
    assert index.was_reset
    assert index.count() == 0
    assert index.query(unit_vectors(1)[0], limit=5) == []
    assert list(index.scroll()) == []


def test_a_point_finds_itself_first_with_score_one(index):
    points = make_points(50)
    index.upsert(points)
    index.flush()
    for point in points[::10]:
        best = index.query(point.vector, limit=3)[0]
        assert best.id == point.id
        assert best.score == pytest.approx(1.0, abs=1e-5)


def test_scores_are_cosines_and_fall(index):
    points = make_points(200)
    index.upsert(points)
    question = unit_vectors(1, seed=9)[0]
    hits = index.query(question, limit=200)
    cosines = {point.id: float(point.vector @ question) for point in points}
    assert len(hits) == 200
    assert [hit.score for hit in hits] == pytest.approx([cosines[hit.id] for hit in hits], abs=1e-5)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_more_points_than_one_engine_call_takes(index):
    points = make_points(700)
    index.upsert(points)
    assert index.count() == 700
    assert len(index.fetch(point.id for point in points)) == 700
    index.delete([point.id for point in points[:600]])
    assert index.count() == 100


def test_upsert_replaces_vector_and_payload(index):
    point = make_points(1)[0]
    index.upsert([point])
    other = unit_vectors(1, seed=5)[0]
    index.upsert([Point(point.id, other, {"owner": "somebody"})])
    (stored,) = index.fetch([point.id], with_vectors=True)
    assert stored.payload == {"owner": "somebody"}
    assert stored.vector == pytest.approx(other, abs=1e-6)
    assert index.count() == 1


def test_deleted_points_are_gone_and_unknown_ids_are_ignored(index):
    points = make_points(5)
    index.upsert(points)
    index.delete([points[0].id, uuid.UUID(int=999)])
    index.delete([])
    assert index.count() == index.count(exact=False) == 4
    assert points[0].id not in ids_of(index.query(points[0].vector, limit=5))


def test_ties_are_broken_by_id(index):
    vector = unit_vectors(1)[0]
    index.upsert([Point(uuid.UUID(int=n), vector, {}) for n in (7, 3, 11, 5, 2, 8, 1, 9, 10, 6)])
    assert [id_.int for id_ in ids_of(index.query(vector, limit=4))] == [1, 2, 3, 5]
    assert [id_.int for id_ in ids_of(index.query(vector, limit=4, offset=4))] == [6, 7, 8, 9]


def test_pages_follow_one_another_without_gap_or_overlap(index):
    index.upsert(make_points(60))
    question = unit_vectors(1, seed=3)[0]
    whole = ids_of(index.query(question, limit=60))
    pages = [ids_of(index.query(question, limit=20, offset=at)) for at in (0, 20, 40, 60)]
    assert [id_ for found in pages for id_ in found] == whole
    assert pages[3] == []


def test_a_limit_of_none_finds_none(index):
    index.upsert(make_points(3))
    question = unit_vectors(1)[0]
    assert index.query(question, limit=0) == []
    assert index.query_batch([question], limit=0) == [[]]


def test_a_batch_answers_like_single_queries_in_order(index):
    index.upsert(make_points(120))
    questions = list(unit_vectors(40, seed=4))
    flt = Eq("owner", "owner-1")
    batch = index.query_batch(questions, limit=7, flt=flt)
    single = [index.query(question, limit=7, flt=flt) for question in questions]
    assert [ids_of(hits) for hits in batch] == [ids_of(hits) for hits in single]
    assert index.query_batch([], limit=7) == []


def test_a_filter_never_lets_another_owner_in(index):
    points = make_points(90)
    index.upsert(points)
    mine = {point.id for point in points if point.payload["owner"] == "owner-2"}
    hits = index.query(points[0].vector, limit=90, flt=Eq("owner", "owner-2"))
    assert set(ids_of(hits)) == mine
    assert index.count(Eq("owner", "owner-2")) == len(mine)
    assert index.count(Eq("owner", "owner-2"), exact=False) == len(mine)


def test_named_points_can_be_left_out(index):
    points = make_points(10)
    index.upsert(points)
    flt = Not(HasIds.of({points[0].id}))
    assert points[0].id not in ids_of(index.query(points[0].vector, limit=10, flt=flt))


def test_fetch_returns_each_known_point_once(index):
    points = make_points(4)
    index.upsert(points)
    asked = [points[2].id, points[0].id, points[2].id, uuid.UUID(int=999)]
    stored = {point.id: point for point in index.fetch(asked)}
    assert set(stored) == {points[0].id, points[2].id}
    assert len(index.fetch(asked)) == 2
    assert stored[points[2].id].vector is None
    assert index.fetch([]) == []


def test_payloads_come_back_as_they_went_in(index):
    payload = {"owner": "7", "gen": 3, "at": 2.5, "hidden": True, "seen": False, "tags": ["a", "é"]}
    index.upsert([Point(uuid.UUID(int=1), unit_vectors(1)[0], payload)])
    (stored,) = index.fetch([uuid.UUID(int=1)])
    assert stored.payload == payload
    assert stored.payload["hidden"] is True


def test_scroll_walks_over_all_points_in_id_order(index):
    points = make_points(57)
    index.upsert(points[::-1])
    walked = list(index.scroll(batch=10, with_vectors=True))
    assert [point.id for point in walked] == [point.id for point in points]
    assert np.allclose([point.vector for point in walked], [p.vector for p in points], atol=1e-6)
    assert all(point.vector is None for point in index.scroll(batch=100))


def test_dropping_leaves_an_empty_index_that_works(index):
    index.upsert(make_points(5))
    index.drop()
    index.ensure()
    assert index.count() == 0
    index.upsert(make_points(2))
    assert index.count() == 2


def _spoiled(value: float) -> np.ndarray:
    vector = unit_vectors(1)[0]
    vector[3] = value
    return vector


BAD = {
    "nan": _spoiled(np.nan),
    "infinite": _spoiled(np.inf),
    "zero": np.zeros(DIM, np.float32),
    "long": unit_vectors(1)[0] * 2,
    "short": unit_vectors(1)[0] * 0.5,
    "wide": unit_vectors(1, dim=DIM + 1)[0],
    "narrow": unit_vectors(1, dim=DIM - 1)[0],
    "flat": np.float32(1.0),
}


@pytest.mark.parametrize("vector", BAD.values(), ids=BAD.keys())
def test_a_bad_vector_is_refused_and_nothing_of_its_batch_is_stored(index, vector):
    good = make_points(3)
    with pytest.raises(BadVector):
        index.upsert([*good, Point(uuid.UUID(int=99), vector, {})])
    with pytest.raises(BadVector):
        index.query(vector, limit=1)
    with pytest.raises(BadVector):
        index.query_batch([vector], limit=1)
    assert index.count() == 0


def test_nothing_is_a_batch_too(index):
    index.upsert([])
    index.flush()
    assert index.count() == 0


def test_stats_name_the_engine_and_count_the_points(index):
    index.upsert(make_points(12))
    stats = index.stats()
    assert stats.points == 12
    assert stats.engine
    assert stats.bytes_on_disk is None or stats.bytes_on_disk > 0


def test_a_closed_index_says_so(index, request):
    if "exact" in request.node.name:
        pytest.skip("the numpy oracle holds nothing that could be closed")
    index.upsert(make_points(1))
    if "real_server" in request.node.name:
        pytest.skip("the real server's collection is removed after the test")
    index.close()
    index.close()
    with pytest.raises(IndexUnavailable, match="closed"):
        index.count()
