"""One picture under two captions is two pictures, and a copy of either is the same picture."""

from __future__ import annotations

import itertools

import pytest

from search.duplicates.models import Kind
from tests.captions import INKS, PLACES, TEXTS, captions
from tests.papers import COPIES
from tests.unit.test_judging import judge, kind_of

ALL = list(itertools.product(INKS, PLACES, TEXTS))
LONGER = [case for case in ALL if case[2] != "other words"]
BEGUN = [case for case in ALL if case[2] == "begun"]
QUICK = ("red", "corner", "begun")


def _cases() -> list[object]:
    return [
        pytest.param(*case, marks=[] if case == QUICK else [pytest.mark.slow]) for case in LONGER
    ]


@pytest.mark.parametrize(("ink", "place", "texts"), _cases())
def test_another_caption_makes_another_picture(ink, place, texts):
    short, long = captions(ALL.index((ink, place, texts)), ink, place, texts)
    assert kind_of(judge(short, long, cosine=0.97)) != Kind.SAME_PICTURE


@pytest.mark.slow
@pytest.mark.parametrize(("ink", "place", "texts"), BEGUN)
@pytest.mark.parametrize("copy", ["jpeg 40", "half"])
def test_a_poor_copy_of_another_caption_is_another_picture(ink, place, texts, copy):
    one, other = captions(100 + ALL.index((ink, place, texts)), ink, place, texts)
    assert kind_of(judge(one, COPIES[copy](other), cosine=0.97)) != Kind.SAME_PICTURE


@pytest.mark.slow
@pytest.mark.parametrize("ink", INKS)
@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_with_its_caption_is_the_same_picture(ink, copy):
    """A poor copy blurs red letters, which does not make them others."""
    captioned = captions(200 + INKS.index(ink), ink, "corner", "other words")[1]
    assert kind_of(judge(captioned, COPIES[copy](captioned), cosine=0.97)) == Kind.SAME_PICTURE
