"""Weights that were replaced under the same name, and galleries from before weights were hashed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from gallery.models import Embedding, EmbeddingModel
from search.vectors import embedders
from search.vectors.embedders import folders
from tests import embedders as fake
from tests.weight_files import CLIP, model_folder
from tests.workers.conftest import add_photo, assert_settled, drain, points
from tests.workers.test_models import settle
from workers import heartbeat, model_choice

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def replace_weights(folder: Path, text: bytes = b"fine-tuned") -> None:
    with (folder / "open_clip_model.safetensors").open("r+b") as file:
        file.seek(-len(text), os.SEEK_END)
        file.write(text)


@pytest.fixture
def clip(ada, settings, tmp_path) -> Path:
    """A gallery of two photos that searches with weights from a folder; return the folder."""
    folder = model_folder(tmp_path / "clip", CLIP)
    settings.EMBEDDING_WEIGHTS = str(folder)
    assert settle(settings, CLIP.key)
    for _ in range(2):
        add_photo(ada)
    drain()
    return folder


def test_weights_of_the_same_name_are_another_model(ada, clip, settings):
    before = EmbeddingModel.objects.active()
    version = folders.version()
    replace_weights(clip)
    assert folders.version() != version  # a running worker looks at this
    assert model_choice.settle()
    after = EmbeddingModel.objects.active()
    assert before.name == after.name == CLIP.key
    assert before.key != after.key
    assert (before.collection, points(after)) != (after.collection, points(before))
    assert Embedding.objects.filter(model=after, state="pending").count() == 2
    drain()
    assert_settled(after)


def test_weights_that_are_put_back_are_the_former_model(clip, settings):
    first = EmbeddingModel.objects.active()
    whole = (clip / "open_clip_model.safetensors").read_bytes()
    replace_weights(clip)
    model_choice.settle()
    (clip / "open_clip_model.safetensors").write_bytes(whole)
    assert model_choice.settle()
    drain()
    model_choice.promote()
    assert EmbeddingModel.objects.active() == first


def test_a_gallery_from_before_hashes_keeps_its_vectors(ada, settings, tmp_path):
    settings.EMBEDDING_WEIGHTS = str(model_folder(tmp_path / "clip", CLIP))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folders, "present_key", lambda name: name)
        assert settle(settings, CLIP.key)
    photos = {add_photo(ada).pk for _ in range(2)}
    drain()
    model = EmbeddingModel.objects.get(key=CLIP.key)
    assert points(model) == photos

    assert model_choice.settle()
    model.refresh_from_db()
    assert (model.key, model.index_name, model.state) == (
        folders.present_key(CLIP.key), CLIP.key, "active",
    )  # fmt: skip
    assert points(model) == photos
    assert not Embedding.objects.exclude(state="indexed").exists()
    assert EmbeddingModel.objects.count() == 1


def test_a_model_without_its_weights_keeps_its_key(clip, settings):
    model = EmbeddingModel.objects.active()
    EmbeddingModel.objects.filter(pk=model.pk).update(key=CLIP.key)
    (clip / "open_clip_model.safetensors").unlink()
    model_choice.carry_over()
    model.refresh_from_db()
    assert model.key == CLIP.key


class Senseless(fake.ColourEmbedder):
    """A model of the right shape that knows nothing."""

    def embed_texts(self, texts):
        rows = np.random.default_rng(7).standard_normal((len(texts), self.dim))
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_a_model_that_knows_nothing_is_refused_and_never_recorded(admin, clip, monkeypatch):
    active = EmbeddingModel.objects.active()
    replace_weights(clip)
    monkeypatch.setattr(fake, "ColourEmbedder", Senseless)
    embedders.unload_all()
    for _ in range(2):
        assert not model_choice.settle()
    assert EmbeddingModel.objects.get() == active
    assert "failed its self-test" in heartbeat.detail()
    assert folders.refusal()[0] == "no_match"
    page = admin.get("/settings").content.decode()
    assert "failed its self-test" in page
    assert "no_match" in page
