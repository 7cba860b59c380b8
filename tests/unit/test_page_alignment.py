"""Laying one page over another, or telling at once that they are two."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from gallery.decoding.fingerprint import grey
from search.duplicates.find import pages
from tests import papers

KINDS = [papers.bill, papers.receipt, papers.chat]


def small(picture: Image.Image) -> np.ndarray:
    picture = picture.convert("RGB")
    picture.thumbnail((512, 512))
    return grey(np.asarray(picture))


def page(kind, seed: int) -> Image.Image:
    return kind(np.random.default_rng(seed), np.random.default_rng(seed + 100))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", KINDS)
def test_a_cropped_copy_is_laid_over_its_page(kind, seed):
    whole = page(kind, seed)
    width, height = whole.size
    cut = whole.crop((round(0.04 * width), round(0.02 * height), width, height))
    aligned = pages.align(small(whole), small(cut))
    assert aligned is not None
    scale, _ = aligned
    assert scale[0] == pytest.approx([1 / 0.96, 1 / 0.98], abs=0.004)


@pytest.mark.slow
def test_pages_of_different_kinds_are_told_from_each_other_at_once(monkeypatch):
    finest = []
    refine = pages.refine
    monkeypatch.setattr(pages, "refine", lambda *given: finest.append(given[4]) or refine(*given))
    for seed in range(4):
        for one, other in pairwise([*KINDS, KINDS[0]]):
            assert pages.align(small(page(one, seed)), small(page(other, seed))) is None
    assert set(finest) == {64}
