"""The embedders of the process: loaded once, shared, forgotten in order; queries remembered."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from search.vectors import embedders
from search.vectors.embedders.base import Embedder, ModelUnavailable
from tests.embedders import PALETTE, ColourEmbedder

loads: list[tuple[str, frozenset[str]]] = []


def counting_load(key, *, towers, **_):
    loads.append((key, towers))
    time.sleep(0.05)
    if key == "missing":
        raise ModelUnavailable("There is no such model; choose another one.")
    return ColourEmbedder()


@pytest.fixture(autouse=True)
def _fresh(settings):
    settings.EMBEDDER_FACTORY = f"{__name__}.counting_load"
    loads.clear()
    embedders.unload_all()
    yield
    embedders.unload_all()


def square(colour: str) -> np.ndarray:
    return np.full((40, 60, 3), PALETTE[colour], np.uint8)


def test_importing_the_package_loads_no_model_library():
    code = (
        "import django, sys; from django.conf import settings; settings.configure();"
        "import search.vectors.embedders;"
        "import search.vectors.embedders.catalog, search.vectors.embedders.device;"
        "heavy = {'torch', 'open_clip', 'transformers', 'timm', 'huggingface_hub', 'PIL'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_each_tower_is_loaded_once_however_many_threads_ask():
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(embedders.text_embedder("colours")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads == [("colours", frozenset({"text"}))]
    assert len({id(embedder) for embedder in found}) == 1
    assert embedders.is_loaded("colours", "text")
    assert not embedders.is_loaded("colours", "image")


def test_the_least_recently_used_model_is_forgotten():
    for key in ("one", "two"):
        embedders.image_embedder(key)
    embedders.image_embedder("one")
    embedders.image_embedder("three")
    assert embedders.is_loaded("one", "image")
    assert embedders.is_loaded("three", "image")
    assert not embedders.is_loaded("two", "image")


def test_a_model_that_cannot_be_loaded_is_not_tried_again_at_once(monkeypatch):
    for _ in range(3):
        with pytest.raises(ModelUnavailable, match="no such model"):
            embedders.text_embedder("missing")
    assert len(loads) == 1
    monkeypatch.setattr(embedders, "RETRY_AFTER_S", 0.0)
    with pytest.raises(ModelUnavailable):
        embedders.text_embedder("missing")
    assert len(loads) == 2


def test_queries_that_read_the_same_are_embedded_once(monkeypatch):
    asked = []
    honest = ColourEmbedder.embed_texts
    monkeypatch.setattr(
        ColourEmbedder,
        "embed_texts",
        lambda self, texts: asked.extend(texts) or honest(self, texts),
    )
    first = embedders.embed_query_text("colours", "red  cafe\u0301 ")
    again = embedders.embed_query_text("colours", "red caf\u00e9")
    assert asked == ["red caf\u00e9"]
    assert first is again
    assert not first.flags.writeable
    embedders.embed_query_text("colours", "Red caf\u00e9")
    assert len(asked) == 2, "case may mean something to a model"


def test_only_so_many_queries_are_kept(monkeypatch):
    monkeypatch.setattr(embedders, "KEPT_QUERIES", 3)
    for word in ("one", "two", "three", "four"):
        embedders.embed_query_text("colours", word)
    assert [text for _, text in embedders._queries] == ["two", "three", "four"]


class TestColourEmbedder:
    def test_is_an_embedder(self):
        assert isinstance(ColourEmbedder(), Embedder)

    @pytest.mark.parametrize("colour", PALETTE)
    def test_a_colour_word_finds_the_square_of_that_colour(self, colour):
        fake = ColourEmbedder()
        pictures = fake.embed_images([square(name) for name in PALETTE])
        scores = pictures @ fake.embed_texts([f"a {colour} square"])[0]
        assert list(PALETTE)[int(scores.argmax())] == colour
        assert np.allclose(np.linalg.norm(pictures, axis=1), 1.0, atol=1e-5)

    def test_noise_as_from_re_encoding_moves_a_picture_little(self):
        fake = ColourEmbedder()
        rng = np.random.default_rng(7)
        picture = rng.integers(0, 255, (50, 70, 3)).astype(np.uint8)
        noisy = np.clip(picture + rng.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)
        one, two = fake.embed_images([picture, noisy])
        assert one @ two > 0.995

    def test_no_pictures_give_no_rows(self):
        assert ColourEmbedder().embed_images([]).shape == (0, ColourEmbedder.dim)
