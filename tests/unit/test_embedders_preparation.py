"""Pictures are prepared for a model with the numbers that open_clip would give it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from search.vectors.embedders.open_clip import load
from search.vectors.embedders.preparation import Preparation

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def _libraries():
    """Import what takes seconds when these tests run, and not whenever tests are collected."""
    global torch
    torch = pytest.importorskip("torch")


def test_a_very_long_picture_is_cut_before_it_is_enlarged():
    """Also where open_clip prepares it, which it does for sizes that are no square."""
    cfg = {
        "size": (64, 96),
        "mode": "RGB",
        "mean": (0.5,) * 3,
        "std": (0.5,) * 3,
        "interpolation": "bicubic",
        "resize_mode": "shortest",
        "fill_color": 0,
    }
    preparation, shapes = Preparation(cfg), []

    def prepare(picture):
        shapes.append(picture.size)
        return torch.zeros(3, 64, 96)

    preparation._by_open_clip = prepare
    preparation.resized([np.zeros((2, 9000, 3), np.uint8)])
    assert shapes == [(32, 2)]


@pytest.mark.parametrize("mode", ["squash", "shortest", "longest"])
@pytest.mark.parametrize("size", [(300, 200), (64, 64), (40, 230), (31, 17), (64, 99)])
def test_pixels_are_prepared_as_open_clip_does(mode, size):
    from open_clip.transform import PreprocessCfg, image_transform_v2

    cfg = {
        "size": (64, 64),
        "mode": "RGB",
        "mean": (0.48, 0.46, 0.41),
        "std": (0.27, 0.26, 0.28),
        "interpolation": "bicubic",
        "resize_mode": mode,
        "fill_color": 0,
    }
    noise = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    theirs = image_transform_v2(PreprocessCfg(**cfg), is_train=False)(Image.fromarray(noise))
    preparation = Preparation(cfg)
    assert torch.equal(preparation.numbers(preparation.resized([noise]))[0], theirs)


def test_an_accelerator_gets_the_pictures_in_order_and_in_parts(monkeypatch):
    """On tensors of the CPU: no accelerator is needed, and nothing is said about its speed."""
    embedder = load("starter", towers=frozenset({"image"}), device="cpu")
    dice = np.random.default_rng(7)
    images = [dice.integers(0, 256, (60, 80, 3), np.uint8) for _number in range(7)]
    expected = embedder.embed_images(images)
    sizes = []
    features = embedder._features

    def counted(module, batch):
        assert batch.dtype == torch.uint8
        sizes.append(len(batch))
        return features(module, batch)

    monkeypatch.setattr(embedder, "_features", counted)
    monkeypatch.setattr(embedder, "_in_lanes", embedder._in_a_stream)
    embedder.batch = 24
    assert (np.sum(embedder.embed_images(images) * expected, axis=1) > 0.999).all()
    assert sizes == [3, 3, 1]
