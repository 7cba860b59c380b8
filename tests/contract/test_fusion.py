"""Fusion of ranked lists."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import example, given, strategies as st

from search.vectors.index import Hit, reciprocal_rank_fusion

A, B, C, D = (uuid.UUID(int=n) for n in range(1, 5))


def test_fusion_prefers_what_several_lists_agree_on():
    first = [Hit(A, 0.9), Hit(B, 0.8), Hit(C, 0.7)]
    second = [Hit(B, 0.3), Hit(D, 0.2)]
    fused = reciprocal_rank_fusion([first, second])
    assert [hit.id for hit in fused] == [B, A, D, C]
    assert fused[0].score == pytest.approx(1 / 62 + 1 / 61)


@example(ranked=[[B], [B, A], [A], [A, B]])  # of which a plain sum makes two scores
@given(st.lists(st.lists(st.sampled_from([A, B, C, D]), unique=True), max_size=4))
def test_fusion_keeps_every_hit_once_in_an_order_that_does_not_depend_on_the_lists(ranked):
    lists = [[Hit(id_, 1.0) for id_ in ids] for ids in ranked]
    fused = reciprocal_rank_fusion(lists)
    assert sorted(hit.id for hit in fused) == sorted({id_ for ids in ranked for id_ in ids})
    again = reciprocal_rank_fusion(lists[::-1])
    assert [hit.id for hit in again] == [hit.id for hit in fused]
