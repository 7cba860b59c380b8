"""Weights that mean nothing: a real, tiny open_clip model that was trained, and what ruins it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from search.vectors.embedders import device
from search.vectors.embedders.base import ModelUnavailable
from search.vectors.embedders.open_clip import load
from search.vectors.embedders.self_test import probes, require_sense

pytestmark = pytest.mark.slow

NAME = "scry-trained"
STEPS = 30
BOTH = frozenset({"image", "text"})
TEXT = {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2}
VIT = {"image_size": 64, "layers": 2, "width": 64, "patch_size": 16, "head_width": 32}


@pytest.fixture(scope="module", autouse=True)
def _architecture(tmp_path_factory) -> Iterator[None]:
    """Let open_clip know the tiny architecture, for the time of these tests.

    One thread is faster for so small a model where other programs use the CPU too.
    """
    global open_clip, load_file, save_file, torch
    torch = pytest.importorskip("torch")
    open_clip = pytest.importorskip("open_clip")
    from safetensors.torch import load_file, save_file

    folder = tmp_path_factory.mktemp("configs")
    config = {"embed_dim": 32, "vision_cfg": VIT, "text_cfg": TEXT}
    (folder / f"{NAME}.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    open_clip.factory._MODEL_CONFIG_PATHS.remove(folder)
    del open_clip.factory._MODEL_CONFIGS[NAME]


def trained(seed: int) -> dict:
    """Return the weights of a model that learned what the pictures of the self-test show."""
    torch.manual_seed(seed)
    model = open_clip.create_model(NAME, force_custom_text=True)
    see = open_clip.transform.image_transform_v2(
        open_clip.transform.PreprocessCfg(**model.visual.preprocess_cfg), is_train=False
    )
    from PIL import Image

    shown = probes()
    pictures = torch.stack([see(Image.fromarray(picture)) for picture in shown.pictures])
    texts = open_clip.get_tokenizer(NAME)(list(shown.texts))
    model.text.token_embedding.requires_grad_(False)  # Most of the weights; random will do.
    learned = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=2e-3)
    for _ in range(STEPS):
        optimizer.zero_grad()
        logits = (
            10
            * model.encode_image(pictures, normalize=True)
            @ model.encode_text(texts, normalize=True).T
        )
        target = torch.arange(len(logits))
        loss = torch.nn.functional.cross_entropy(logits, target)
        (loss + torch.nn.functional.cross_entropy(logits.T, target)).backward()
        optimizer.step()
    return {name: weight.detach().clone() for name, weight in model.state_dict().items()}


@pytest.fixture(scope="module")
def weights() -> dict:
    return trained(1)


@pytest.fixture(autouse=True)
def _no_bf16(monkeypatch):
    monkeypatch.setattr(device, "this_cpu", lambda: device.Cpu("plain", frozenset()))


def require_accepted(folder: Path) -> None:
    embedder = load(f"{NAME}/own", towers=BOTH, weights=folder, device="cpu")
    require_sense(embedder, embedder, probes())


def written(folder: Path, weights: dict) -> Path:
    save_file(weights, folder / "open_clip_model.safetensors")
    return folder


def refusal(folder: Path) -> str:
    """Return the code with which the weights are refused."""
    with pytest.raises(ModelUnavailable) as told:
        require_accepted(folder)
    assert str(told.value).endswith((".", "again"))
    return told.value.code


def test_a_model_that_was_trained_passes(weights, tmp_path):
    require_accepted(written(tmp_path, weights))


def random_tensors(weights: dict) -> dict:
    torch.manual_seed(0)
    return {
        name: torch.randn_like(one) * 0.05 if one.is_floating_point() else one
        for name, one in weights.items()
    }


def fresh(weights: dict) -> dict:
    torch.manual_seed(99)
    return open_clip.create_model(NAME, force_custom_text=True).state_dict()


def zeros(weights: dict) -> dict:
    return {name: torch.zeros_like(one) for name, one in weights.items()}


def one_number_for_all(weights: dict) -> dict:
    return {name: torch.full_like(one, 0.02) for name, one in weights.items()}


def text_tower_of_another_model(weights: dict) -> dict:
    other = trained(2)
    return {name: (other if name.startswith("text.") else weights)[name] for name in weights}


def mixed_up_layers(weights: dict) -> dict:
    generator = torch.Generator().manual_seed(5)
    return {
        name: one.flatten()[torch.randperm(one.numel(), generator=generator)].reshape(one.shape)
        for name, one in weights.items()
    }


@pytest.mark.parametrize(
    "ruin",
    [
        random_tensors, fresh, zeros, one_number_for_all, text_tower_of_another_model,
        mixed_up_layers,
    ],
)  # fmt: skip
def test_weights_that_mean_nothing_are_refused(weights, tmp_path, ruin: Callable[[dict], dict]):
    assert refusal(written(tmp_path, ruin(weights))) in {"not_finite", "all_alike", "no_match"}


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("seed", range(4))
def test_a_thousand_bytes_of_noise_in_the_weights_are_refused(weights, tmp_path, seed, dtype):
    short = {
        name: one.to(getattr(torch, dtype)) if one.is_floating_point() else one
        for name, one in weights.items()
    }
    folder = written(tmp_path, short)
    file = folder / "open_clip_model.safetensors"
    chance = np.random.default_rng(seed)
    header = 8 + int.from_bytes(file.read_bytes()[:8], "little")
    with file.open("r+b") as stream:
        stream.seek(int(chance.integers(header, file.stat().st_size - 1000)))
        stream.write(chance.bytes(1000))
    assert refusal(folder) in {"damaged_weights", "not_finite", "all_alike", "no_match"}


def test_a_file_of_noise_or_cut_short_is_refused(weights, tmp_path):
    file = written(tmp_path, weights) / "open_clip_model.safetensors"
    whole = file.read_bytes()
    for content in (np.random.default_rng(0).bytes(1000), whole[:-1], whole[:5000], b""):
        file.write_bytes(content)
        assert refusal(tmp_path) == "damaged_weights"
