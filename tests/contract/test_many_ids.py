"""Filters that name very many points find the same, whether ids are passed on or hits checked."""

from __future__ import annotations

import random

import pytest

from search.vectors.index import And, Eq, HasIds, Not, many_ids
from tests.contract.conftest import DIM, edge, fake_server, local_engine, unit_vectors
from tests.contract.exact_index import ExactIndex
from tests.contract.test_filters import IDS, points  # noqa: F401 - a fixture


@pytest.fixture(params=[edge, local_engine, fake_server])
def index(request, tmp_path, points, monkeypatch):  # noqa: F811
    monkeypatch.setattr(many_ids, "MANY", 3)
    with request.param(tmp_path) as index:
        index.ensure()
        index.upsert(points)
        yield index


@pytest.mark.slow
def test_the_same_hits_as_of_the_oracle(index, points):  # noqa: F811
    oracle = ExactIndex(DIM)
    oracle.upsert(points)
    chance = random.Random(3)
    for vector in unit_vectors(30, seed=5):
        some, others = (HasIds.of(chance.sample(IDS, chance.randrange(4, 60))) for _ in "ab")
        limit = chance.choice([1, 5, 60])
        for flt in (
            some,
            Not(some),
            And((Eq("owner", "1"), some)),
            And((And((some, Not(others))), Not(Eq("owner", "2")))),
        ):
            found = index.query(vector, limit=limit, flt=flt)
            assert [hit.id for hit in found] == [
                hit.id for hit in oracle.query(vector, limit=limit, flt=flt)
            ]


def test_hits_are_checked_where_many_pass_and_ids_passed_on_where_few_do(index, monkeypatch):
    asked = []
    search = type(index)._search
    monkeypatch.setattr(
        type(index), "_search", lambda self, r: asked.append(r[0].filter) or search(self, r)
    )
    (vector,) = unit_vectors(1, seed=5)
    index.query(vector, limit=5, flt=HasIds.of(IDS[:50]))
    assert asked == [None]
    monkeypatch.setattr(many_ids, "DEEPEST", 20)
    index.query(vector, limit=5, flt=HasIds.of(IDS[:5]))
    assert len(asked) == 2
    assert asked[1] is not None


def test_an_estimate_counts_the_ids(index):
    assert index.count(HasIds.of(IDS[:40]), exact=False) == 40
    assert index.count(Not(HasIds.of(IDS[:40])), exact=False) == 20
    assert index.count(HasIds.of(IDS[:40])) == 40


def test_the_share_is_that_of_the_owner_among_several(index, points, monkeypatch):  # noqa: F811
    """Few of all points may be most of one owner's."""
    monkeypatch.setattr(many_ids, "DEEPEST", 20)
    own = [each.id for each in points if each.payload.get("owner") == "1"]
    assert 4 < len(own) < 10
    named = And((Eq("owner", "1"), HasIds.of(own[:-1])))
    passed_on = []
    monkeypatch.setattr(type(index), "_has_ids", lambda self, ids: passed_on.append(ids))
    (vector,) = unit_vectors(1, seed=5)
    assert len(index.query(vector, limit=3, flt=named)) == 3
    assert index.count(named, exact=False) == len(own) - 1
    assert not passed_on
