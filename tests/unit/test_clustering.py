"""Groups of alike photos: stars around a medoid, whatever the edges."""

from __future__ import annotations

import random
from uuid import UUID

import pytest
from hypothesis import given, settings, strategies as st

from search.duplicates.groups.clustering import Cluster, Edge, cluster


def pid(number: int) -> UUID:
    return UUID(int=number)


def edge(first: int, second: int, closeness: float = 0.9) -> Edge:
    return Edge(pid(min(first, second)), pid(max(first, second)), closeness)


def members(found: list[Cluster]) -> list[set[int]]:
    return [{member.int for member in group.members} for group in found]


pairs = st.tuples(st.integers(0, 14), st.integers(0, 14)).filter(lambda pair: pair[0] < pair[1])
graphs = st.dictionaries(pairs, st.floats(0, 1, allow_nan=False), max_size=60).map(
    lambda graph: [edge(first, second, close) for (first, second), close in graph.items()]
)
wishes = st.sets(pairs, max_size=8)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(graphs, wishes, st.integers(1, 5), st.randoms(use_true_random=False))
def test_every_group_is_a_star_and_the_order_of_the_edges_is_nothing(graph, wish, cap, shuffle):
    apart = [(pid(first), pid(second)) for first, second in wish]
    graph = [edge for edge in graph if (edge.first, edge.second) not in apart]
    found = cluster(graph, cap=cap, apart=apart)
    close = {(edge.first, edge.second): edge.closeness for edge in graph}

    seen: set[UUID] = set()
    for group in found:
        assert group.members[group.medoid] == (1.0, "")
        assert 2 <= len(group.members) <= cap + 1
        assert seen.isdisjoint(group.members)
        seen |= set(group.members)
        for member, (closeness, _) in group.members.items():
            if member != group.medoid:
                assert close[min(member, group.medoid), max(member, group.medoid)] == closeness
        for one, other in apart:
            assert not {one, other} <= set(group.members)
    # Nothing that could still be grouped was left over.
    assert all(edge.first in seen or edge.second in seen for edge in graph)

    shuffle.shuffle(graph)
    turned = [Edge(edge.second, edge.first, edge.closeness, edge.how) for edge in graph]
    assert cluster(turned, cap=cap, apart=apart) == found


def test_a_chain_is_not_one_group():
    assert members(cluster([edge(1, 2), edge(2, 3), edge(3, 4), edge(4, 5)])) == [{1, 2, 3}, {4, 5}]


def test_the_photo_closest_to_the_others_is_the_medoid():
    found = cluster([edge(1, 2, 0.9), edge(1, 3, 0.9), edge(2, 3, 0.99)])
    assert [group.medoid for group in found] == [pid(2)]
    assert found[0].members[pid(3)] == (0.99, "")


def test_a_group_takes_the_closest_up_to_its_cap():
    star = [edge(1, other, other / 200) for other in range(2, 100)]
    found = cluster(star)
    assert members(found) == [{1, *range(50, 100)}]


def test_photos_that_are_not_the_same_stay_apart_though_a_third_is_close_to_both():
    found = cluster([edge(1, 3, 0.9), edge(2, 3, 0.95)], apart=[(pid(1), pid(2))])
    assert members(found) == [{2, 3}]


def test_a_large_graph_is_grouped():
    numbers = random.Random(1)
    graph = [
        edge(first, second, numbers.random())
        for first, second in (
            (numbers.randrange(20_000), numbers.randrange(20_000)) for _ in range(50_000)
        )
        if first != second
    ]
    assert sum(len(group.members) for group in cluster(graph)) > 10_000
