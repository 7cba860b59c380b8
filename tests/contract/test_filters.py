"""Every filter means the same to every engine as to the oracle."""

from __future__ import annotations

import random
import uuid

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from search.vectors.index import (
    And,
    Eq,
    Has,
    HasIds,
    In,
    Inside,
    Near,
    Not,
    Or,
    Place,
    Point,
    Range,
)
from tests.contract.conftest import DIM, MAKERS, unit_vectors
from tests.contract.exact_index import ExactIndex

IDS = [uuid.UUID(int=n * 7919 + 1) for n in range(60)]
OWNERS = ["1", "2", "3", "zoë", ""]
CAMERAS = ["Canon EOS 5D", "NIKON D750", "Смена 8М"]
COLOURS = ["red", "teal", "grey"]
TAGS = ["sea", "snow", "dog", "naïve"]
# Lisbon and a street nearby, both sides of the date line, a pole, and where both degrees are 0.
PLACES = [
    Place(38.7223, -9.1393),
    Place(38.7263, -9.1393),
    Place(-17.0, 179.99),
    Place(-17.0, -179.99),
    Place(89.9, 10.0),
    Place(89.9, -170.0),
    Place(0.0, 0.0),
]
# No two places are so far apart, so that rounding decides nothing.
RADII = [1.0, 300.0, 1_000.0, 5_000.0, 50_000.0, 1_000_000.0, 30_000_000.0]
# Around Lisbon, with places on its sides; on both sides of the date line; a pole; the whole Earth.
BOXES = [
    (38.0, -10.0, 39.0, -9.0),
    (38.7223, -9.1393, 38.7223, -9.1393),
    (38.7223, -10.0, 38.7263, -9.1393),
    (-18.0, 179.0, -16.0, -179.0),
    (-17.0, 179.99, -17.0, -179.99),
    (89.0, -180.0, 90.0, 180.0),
    (89.9, 10.0, 89.9, -170.0),
    (-90.0, -180.0, 90.0, 180.0),
]


def _payload(chance: random.Random) -> dict:
    full = {
        "owner": chance.choice(OWNERS),
        "gen": chance.randrange(-2, 4),
        "taken": chance.choice([-86_400, 0, 1, 1_700_000_000]),
        "aspect": chance.choice([0.5, 1.0, 1.5, 2.25]),
        "dated": chance.random() < 0.5,
        "hidden": chance.random() < 0.5,
        "camera": chance.choice(CAMERAS),
        "colours": chance.sample(COLOURS, chance.randrange(4)),
        "tags": chance.sample(TAGS, chance.randrange(4)),
        "place": chance.choice(PLACES),
    }
    # Some points lack some keys, as photos without a date do.
    return {key: value for key, value in full.items() if chance.random() < 0.85}


@pytest.fixture(scope="module")
def points():
    chance = random.Random(7)
    return [
        Point(id_, vector, _payload(chance))
        for id_, vector in zip(IDS, unit_vectors(60), strict=True)
    ]


@pytest.fixture(scope="module")
def oracle(points):
    exact = ExactIndex(DIM)
    exact.upsert(points)
    return exact


@pytest.fixture(scope="module", params=MAKERS[1:], ids=lambda maker: maker.__name__)
def filled(request, tmp_path_factory, points):
    with request.param(tmp_path_factory.mktemp("filled")) as made:
        made.upsert(points)
        yield made


def bounds(values):
    return st.tuples(st.none() | values, st.none() | values)


def some(values):
    return st.lists(values, max_size=3).map(tuple)


LEAVES = st.one_of(
    st.builds(Eq, st.just("owner"), st.sampled_from([*OWNERS, "nobody"])),
    st.builds(Eq, st.just("gen"), st.integers(-3, 5)),
    st.builds(Eq, st.just("hidden"), st.booleans()),
    st.builds(Eq, st.just("tags"), st.sampled_from([*TAGS, "cat"])),
    st.builds(Eq, st.just("missing"), st.just("x")),
    st.builds(In, st.just("owner"), some(st.sampled_from([*OWNERS, "nobody"]))),
    st.builds(In, st.just("gen"), some(st.integers(-3, 5))),
    st.builds(In, st.just("tags"), some(st.sampled_from(TAGS))),
    st.builds(In, st.just("owner"), some(st.sampled_from(OWNERS) | st.integers(0, 3))),
    st.builds(Eq, st.just("dated"), st.booleans()),
    st.builds(Eq, st.just("colours"), st.sampled_from(COLOURS)),
    st.builds(In, st.just("colours"), some(st.sampled_from([*COLOURS, "blue"]))),
    st.builds(In, st.just("camera"), some(st.sampled_from([*CAMERAS, "another"]))),
    bounds(st.sampled_from([-1e9, -1.5, 0, 0.5, 1, 1.7e9])).map(lambda b: Range("taken", *b)),
    bounds(st.sampled_from([0, 0.5, 1, 1.2, 3])).map(lambda b: Range("aspect", *b)),
    bounds(st.integers(-3, 5)).map(lambda b: Range("gen", *b)),
    st.builds(
        lambda place, metres: Near("place", place.latitude, place.longitude, metres),
        st.sampled_from([*PLACES, Place(38.72, -9.14), Place(-90.0, 0.0)]),
        st.sampled_from(RADII),
    ),
    st.sampled_from(BOXES).map(lambda sides: Inside("place", *sides)),
    st.builds(Near, st.just("missing"), st.just(0.0), st.just(0.0), st.just(1_000.0)),
    st.sampled_from(["place", "camera", "colours", "tags", "missing"]).map(Has),
    st.frozensets(st.sampled_from([*IDS, uuid.UUID(int=0)]), max_size=20).map(HasIds.of),
)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: (
        inner.map(Not)
        | st.lists(inner, max_size=3).map(tuple).map(And)
        | st.lists(inner, max_size=3).map(tuple).map(Or)
    ),
    max_leaves=6,
)
QUESTION = unit_vectors(1, seed=11)[0]


@pytest.mark.slow
@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(flt=FILTERS)
def test_a_filter_finds_what_the_oracle_finds(filled, oracle, flt):
    expected = oracle.query(QUESTION, limit=60, flt=flt)
    found = filled.query(QUESTION, limit=60, flt=flt)
    assert [hit.id for hit in found] == [hit.id for hit in expected]
    assert filled.count(flt) == len(expected)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(flt=FILTERS, limit=st.integers(1, 25), offset=st.integers(0, 40))
def test_a_page_under_a_filter_is_the_oracles_page(filled, oracle, flt, limit, offset):
    expected = oracle.query(QUESTION, limit=limit, offset=offset, flt=flt)
    found = filled.query(QUESTION, limit=limit, offset=offset, flt=flt)
    assert [hit.id for hit in found] == [hit.id for hit in expected]
