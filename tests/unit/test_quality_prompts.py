"""Does a model know good pictures from plainly worse copies of them?"""

from __future__ import annotations

import numpy as np
import pytest

from search.understanding.quality.prompts import PAIRS, blurred, darkened, share_right


class _Model:
    """A model that sees two things: how much neighbouring pixels differ, and how light it is."""

    key, dim, device, device_reason = "two", 2, "cpu", ""

    def __init__(self, sign: int) -> None:
        self._sign = sign

    def embed_images(self, images):
        rows = [
            (np.abs(np.diff(each.astype(float), axis=0)).mean(), each.mean()) for each in images
        ]
        return np.array(rows, np.float32)

    def embed_texts(self, texts):
        good = {pair[0] for pair in PAIRS}
        return np.array([[self._sign * (1 if text in good else -1)] * 2 for text in texts])


@pytest.fixture
def pictures():
    return list(np.random.default_rng(0).integers(0, 255, (4, 32, 32, 3), np.uint8))


def test_a_model_that_sees_what_is_wrong_is_always_right(pictures):
    assert share_right(_Model(1), _Model(1), pictures) == 1.0
    assert share_right(_Model(-1), _Model(-1), pictures) == 0.0


def test_copies_are_worse_and_of_the_same_shape(pictures):
    for worse in (blurred(pictures[0]), darkened(pictures[0])):
        assert worse.shape == pictures[0].shape
        assert worse.dtype == np.uint8
    assert np.abs(np.diff(blurred(pictures[0]).astype(int), axis=0)).mean() < 20
    assert darkened(pictures[0]).mean() < 0.35 * pictures[0].mean()
