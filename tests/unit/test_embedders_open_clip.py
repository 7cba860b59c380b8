"""The adapter on real, tiny open_clip models with random weights, written to real files."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gallery import files
from search.vectors.embedders import device, manifests, weights
from search.vectors.embedders.base import DeviceOutOfMemory, Embedder, ModelUnavailable
from search.vectors.embedders.open_clip import load

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def _libraries():
    """Import what takes 10 s when these tests run, and not whenever tests are collected."""
    global open_clip, save_file, tokenizers, torch
    torch = pytest.importorskip("torch")
    open_clip = pytest.importorskip("open_clip")
    import tokenizers
    from safetensors.torch import save_file


BOTH = frozenset({"image", "text"})
TEXTS = ["a dog", "a red car in the snow, seen from above", ""]

TEXT = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}
VIT = {"image_size": 32, "layers": 2, "width": 32, "patch_size": 16, "head_width": 16}
CONVOLUTIONS = {"timm_model_name": "test_efficientnet", "timm_pool": "", "image_size": 64}
ARCHITECTURES = {
    "scry-tiny": {"embed_dim": 16, "vision_cfg": VIT, "text_cfg": TEXT},
    "scry-tiny-other": {"embed_dim": 24, "vision_cfg": VIT, "text_cfg": TEXT},
    "scry-tiny-conv": {
        "embed_dim": 16,
        "vision_cfg": CONVOLUTIONS | {"timm_model_pretrained": False, "timm_proj": "linear"},
        "text_cfg": TEXT | {"no_causal_mask": True, "pool_type": "last"},
        "custom_text": True,
    },
}


@pytest.fixture(scope="module")
def architectures(tmp_path_factory):
    """Let open_clip know the tiny architectures, for the time of these tests."""
    folder = tmp_path_factory.mktemp("configs")
    for name, config in ARCHITECTURES.items():
        (folder / f"{name}.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder)
    yield
    open_clip.factory._MODEL_CONFIG_PATHS.remove(folder)
    for name in ARCHITECTURES:
        del open_clip.factory._MODEL_CONFIGS[name]


@pytest.fixture(scope="module")
def written(architectures, tmp_path_factory):
    """Return a function that writes an architecture's weights once and gives model and file."""
    made = {}

    def write(name: str):
        if name not in made:
            torch.manual_seed(3)
            model = open_clip.create_model(name, pretrained_text=False).eval()
            file = tmp_path_factory.mktemp(name) / "open_clip_model.safetensors"
            save_file(model.state_dict(), file)
            made[name] = model, file
        return made[name]

    return write


@pytest.fixture
def tiny(written) -> Path:
    return written("scry-tiny")[1]


@pytest.fixture(autouse=True)
def _no_bf16(monkeypatch):
    """Measure nothing, whatever this machine's CPU has."""
    monkeypatch.setattr(device, "this_cpu", lambda: device.Cpu("plain", frozenset()))


def pictures(count: int = 3, height: int = 40, width: int = 60) -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return [rng.integers(0, 255, (height, width, 3)).astype(np.uint8) for _ in range(count)]


def expected_images(model, images):
    preprocess = open_clip.transform.image_transform_v2(
        open_clip.transform.PreprocessCfg(**model.visual.preprocess_cfg), is_train=False
    )
    batch = torch.stack([preprocess(Image.fromarray(image)) for image in images])
    with torch.inference_mode():
        return model.encode_image(batch, normalize=True).numpy()


def expected_texts(model, name, texts):
    with torch.inference_mode():
        return model.encode_text(open_clip.get_tokenizer(name)(texts), normalize=True).numpy()


@pytest.mark.parametrize("name", ["scry-tiny", "scry-tiny-conv"])
def test_it_gives_what_open_clip_gives(written, name):
    model, file = written(name)
    embedder = load(f"{name}/mine", towers=BOTH, weights=file)
    assert isinstance(embedder, Embedder)
    assert (embedder.key, embedder.dim) == (f"{name}/mine", 16)
    images, texts = embedder.embed_images(pictures()), embedder.embed_texts(TEXTS)
    assert images.dtype == texts.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(images, axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(images, expected_images(model, pictures()), atol=1e-4)
    np.testing.assert_allclose(texts, expected_texts(model, name, TEXTS), atol=1e-4)
    np.testing.assert_allclose(embedder.embed_texts(TEXTS[:1]), texts[:1], atol=1e-4)
    assert embedder.embed_images([]).shape == embedder.embed_texts([]).shape == (0, 16)


@pytest.mark.parametrize("name", ["scry-tiny", "scry-tiny-conv"])
@pytest.mark.parametrize("count", [1, 4, 5, 19])
def test_pictures_that_are_embedded_in_parts_keep_their_order(written, monkeypatch, name, count):
    model, file = written(name)
    embedder = load(f"{name}/mine", towers=frozenset({"image"}), weights=file)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    images = embedder.embed_images(pictures(count))
    np.testing.assert_allclose(images, expected_images(model, pictures(count)), atol=1e-4)


def test_only_the_tower_that_is_needed_is_kept(tiny):
    words = load("scry-tiny/mine", towers=frozenset({"text"}), weights=tiny.parent)
    eyes = load("scry-tiny/mine", towers=frozenset({"image"}), weights=tiny.parent)
    assert words._model.visual is None
    assert eyes._model.text is None
    assert set(words.formats) == {"text"}
    with pytest.raises(ModelUnavailable, match="image tower"):
        words.embed_images(pictures(1))
    with pytest.raises(ModelUnavailable, match="text tower"):
        eyes.embed_texts(["a dog"])


def test_the_weights_own_preprocessing_is_used(tiny, tmp_path: Path):
    shutil.copy(tiny, tmp_path / tiny.name)
    own = {"preprocess_cfg": {"mean": [0.5] * 3, "std": [0.25] * 3, "resize_mode": "squash"}}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(own))
    embedder = load("scry-tiny/mine", towers=BOTH, weights=tmp_path)
    half_black = np.zeros((20, 80, 3), np.uint8)
    half_black[:, 40:] = 255
    numbers = embedder._preparation.numbers(embedder._preparation.resized([half_black]))
    assert (numbers[..., 0] == -2).all()  # Squashed: what is left and right was not cut off.
    assert (numbers[..., -1] == 2).all()


def test_a_picture_of_any_shape_costs_no_other_picture(tiny):
    embedder = load("scry-tiny/mine", towers=frozenset({"image"}), weights=tiny)
    good = pictures(1)[0]
    odd = [np.zeros((1, 512, 3), np.uint8), np.zeros((512, 1, 3), np.uint8), good[::-1]]
    bad = [np.zeros((0, 9, 3), np.uint8), np.zeros((9, 9), np.uint8)]
    rows = embedder.embed_images([good, *odd, *bad])
    assert np.isfinite(rows[:4]).all()
    assert np.isnan(rows[4:]).all()
    np.testing.assert_allclose(rows[0], embedder.embed_images([good])[0], atol=1e-4)


def test_a_row_that_is_not_finite_is_nan_for_that_picture_alone(tiny):
    embedder = load("scry-tiny/mine", towers=frozenset({"image"}), weights=tiny)
    honest, flaw = embedder._preparation.numbers, torch.ones(3, 1, 1, 1)
    flaw[1] = float("inf")
    embedder._preparation.numbers = lambda batch: honest(batch) * flaw
    images = pictures(3)
    rows = embedder.embed_images(images)
    assert np.isfinite(rows[[0, 2]]).all()
    assert np.isnan(rows[1]).all()


@pytest.mark.parametrize(
    "error",
    [lambda: torch.OutOfMemoryError("CUDA"), MemoryError, lambda: RuntimeError("can't allocate")],
    ids=["gpu", "python", "cpu"],
)
def test_a_batch_that_does_not_fit_says_so_and_the_next_one_works(tiny, error):
    embedder = load("scry-tiny/mine", towers=frozenset({"image"}), weights=tiny)

    def fail(*_):
        raise error()

    hook = embedder._model.visual.register_forward_pre_hook(fail)
    with pytest.raises(DeviceOutOfMemory, match="3 at once"):
        embedder.embed_images(pictures(3))
    hook.remove()
    assert np.isfinite(embedder.embed_images(pictures(3))).all()


def test_other_errors_are_not_taken_for_a_lack_of_memory(tiny):
    embedder = load("scry-tiny/mine", towers=frozenset({"image"}), weights=tiny)
    embedder._model.visual.register_forward_pre_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        embedder.embed_images(pictures(1))


def test_threads_may_share_it(tiny):
    embedder = load("scry-tiny/mine", towers=BOTH, weights=tiny)
    texts = [" ".join(["dog"] * length) for length in (1, 30, 5, 60, 2, 12)]
    alone = [embedder.embed_texts([text])[0] for text in texts]
    found = {}

    def ask(i):
        for _ in range(5):
            found[i] = embedder.embed_texts([texts[i]])[0]

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_allclose([found[i] for i in range(len(texts))], alone, atol=1e-5)


def test_bf16_is_measured_once_and_keeps_the_meaning(tiny, tmp_path: Path, monkeypatch):
    plain = load("scry-tiny/mine", towers=BOTH, weights=tiny)
    monkeypatch.setattr(device, "this_cpu", lambda: device.Cpu("fast", frozenset({"amx_bf16"})))
    monkeypatch.setattr(device, "WORTHWHILE", 0.0)
    monkeypatch.setattr(device, "LEAST_AGREEMENT", 0.9)
    notes = tmp_path / "calibration.json"
    short = load("scry-tiny/mine", towers=BOTH, weights=tiny, calibration_file=notes)
    assert short.formats == {"image": "bf16", "text": "bf16"}
    assert "measured faster here" in short.device_reason
    assert len(json.loads(notes.read_text())) == 2

    def not_again(*_):
        raise AssertionError("measured twice")

    monkeypatch.setattr(device, "trial", not_again)
    load("scry-tiny/mine", towers=BOTH, weights=tiny, calibration_file=notes)
    one, two = plain.embed_images(pictures()), short.embed_images(pictures())
    assert (np.sum(one * two, axis=1) > 0.99).all()
    one, two = plain.embed_texts(TEXTS), short.embed_texts(TEXTS)
    assert (np.sum(one * two, axis=1) > 0.99).all()


def word_tokenizer(folder: Path) -> None:
    """Write a small tokenizer as Hugging Face keeps them, and a text tower's configuration."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "dog", "red", "car", "snow", "in", "the"]
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(names))
    bert = {"model_type": "bert", "hidden_size": 32, "num_hidden_layers": 2, "vocab_size": 64}
    bert |= {"num_attention_heads": 2, "intermediate_size": 64, "pad_token_id": 0}
    (folder / "config.json").write_text(json.dumps(bert))


@pytest.mark.parametrize("pooler", ["mean_pooler", "cls_pooler"])
def test_a_hugging_face_text_tower_runs_from_its_folder_alone(tmp_path: Path, pooler, monkeypatch):
    no_request = "nothing is to be asked for"
    monkeypatch.setattr(weights, "reach_hub", lambda repo: pytest.fail(no_request))
    word_tokenizer(tmp_path)
    name = f"scry-tiny-bert-{pooler}"
    text = {"hf_model_name": str(tmp_path), "hf_tokenizer_name": "nobody/nowhere"}
    text |= {"hf_pooler_type": pooler, "hf_proj_type": "linear", "context_length": 24}
    config = {"embed_dim": 16, "vision_cfg": VIT, "text_cfg": text}
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, name, config)
    model = open_clip.create_model(name, pretrained_text=False).eval()
    save_file(model.state_dict(), tmp_path / "open_clip_model.safetensors")
    embedder = load(f"{name}/mine", towers=frozenset({"text"}), weights=tmp_path)
    tokenizer = open_clip.tokenizer.HFTokenizer(str(tmp_path), context_length=24)
    with torch.inference_mode():
        whole = model.encode_text(tokenizer(TEXTS[:2]), normalize=True).numpy()
    np.testing.assert_allclose(embedder.embed_texts(TEXTS[:2]), whole, atol=1e-4)
    assert np.isfinite(embedder.embed_texts([TEXTS[0], "!" * 512])).all()
    # Whoever embeds only pictures says so too, before the model takes over.
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelUnavailable, match=r"tokenizer beside .* is damaged"):
        load(f"{name}/mine", towers=frozenset({"image"}), weights=tmp_path)


def refusal(key: str, weights: Path | None, device: str | None = None) -> str:
    with pytest.raises(ModelUnavailable) as refused:
        load(key, towers=BOTH, weights=weights, device=device)
    sentence = str(refused.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


class TestRefusals:
    def test_a_weight_file_that_is_cut_short(self, tiny, tmp_path: Path):
        cut = tmp_path / tiny.name
        cut.write_bytes(tiny.read_bytes()[:-1000])
        sentence = refusal("scry-tiny/mine", cut)
        assert "cut short" in sentence
        assert "fetch it again" in sentence

    def test_a_weight_file_other_than_its_checksum(self, tiny, tmp_path: Path):
        shutil.copy(tiny, tmp_path / tiny.name)
        manifests.write(tmp_path, {tiny.name: files.sha256(tiny)})
        load("scry-tiny/mine", towers=frozenset({"text"}), weights=tmp_path)
        content = bytearray(tiny.read_bytes())
        content[-1] ^= 1
        (tmp_path / tiny.name).write_bytes(content)
        assert "is damaged: it is not the file" in refusal("scry-tiny/mine", tmp_path)

    def test_no_sentence_shows_where_things_are_on_the_server(self, architectures, tmp_path: Path):
        (tmp_path / "w").mkdir()
        (tmp_path / "w" / "model.safetensors").write_bytes(b"nothing")
        (tmp_path / "w" / "model.txt").write_text("nothing")
        for place in ("w", "w/model.safetensors", "w/model.txt", "none"):
            assert str(tmp_path) not in refusal("scry-tiny/mine", tmp_path / place)

    @pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\0" * 100])
    @pytest.mark.parametrize("name", ["open_clip_model.safetensors", "open_clip_model.bin"])
    def test_a_weight_file_that_is_none(self, architectures, tmp_path: Path, name, content):
        (tmp_path / name).write_bytes(content)
        assert "damaged" in refusal("scry-tiny/mine", tmp_path)

    def test_a_weight_file_of_another_model(self, written):
        other = written("scry-tiny-other")[1]
        assert "is not for scry-tiny/mine" in refusal("scry-tiny/mine", other)

    def test_a_folder_without_weights(self, architectures, tmp_path: Path):
        assert "no weight file for scry-tiny/mine" in refusal("scry-tiny/mine", tmp_path)

    def test_a_path_that_is_not_there(self, architectures, tmp_path: Path):
        assert "does not exist" in refusal("scry-tiny/mine", tmp_path / "none")

    @pytest.mark.parametrize("key", ["no-such-model/mine", "ViT-B-32", "", "../../etc/passwd"])
    def test_a_key_that_open_clip_does_not_know(self, tiny, key):
        assert "open_clip does not know the model" in refusal(key, tiny)

    def test_weights_that_open_clip_does_not_know(self):
        assert "laion2b_s34b_b79k" in refusal("ViT-B-32/nonsense", None)

    def test_a_device_that_is_not_there(self, tiny):
        assert "EMBEDDING_DEVICE" in refusal("scry-tiny/mine", tiny, "cuda:63")

    def test_a_hub_that_is_out_of_reach_is_found_out_first(self, monkeypatch, tmp_path: Path):
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
        monkeypatch.setattr(
            weights, "reach_hub", lambda repo: weights.Reach(ok=False, why="no network")
        )
        sentence = refusal("ViT-B-32-256/datacomp_s34b_b86k", None)
        assert "no network" in sentence
        assert "EMBEDDING_MODEL=starter" in sentence


class Payload:
    """What an attacker puts into a pickle: a command that runs while the file is read."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def test_code_in_a_weight_file_is_never_run(written, tmp_path: Path):
    model, _ = written("scry-tiny")
    marker = tmp_path / "marker"
    file = tmp_path / "open_clip_pytorch_model.bin"
    torch.save({"state_dict": model.state_dict(), "extra": Payload(marker)}, file)
    assert "code in weight files is never run" in refusal("scry-tiny/mine", file)
    assert not marker.exists()
    # The file is an attack: read without care, it acts.
    torch.load(file, weights_only=False)
    assert marker.exists()


def test_a_pickle_that_holds_only_tensors_is_read(written, tmp_path: Path):
    model, file = written("scry-tiny")
    pickled = tmp_path / "open_clip_pytorch_model.bin"
    torch.save(model.state_dict(), pickled)
    one = load("scry-tiny/mine", towers=BOTH, weights=pickled)
    two = load("scry-tiny/mine", towers=BOTH, weights=file)
    np.testing.assert_allclose(one.embed_texts(TEXTS), two.embed_texts(TEXTS), atol=1e-5)


@pytest.mark.model
def test_the_starter_model_runs_through_the_same_adapter(tmp_path: Path, monkeypatch):
    plain = load("starter", towers=BOTH, device="cpu")
    images, texts = plain.embed_images(pictures(6)), plain.embed_texts(TEXTS[:2])
    assert images.shape == (6, plain.dim)
    np.testing.assert_allclose(np.linalg.norm(texts, axis=1), 1.0, atol=1e-6)
    alone = plain.embed_images(pictures(6)[5:])
    np.testing.assert_allclose(alone[0], images[5], atol=1e-4)

    monkeypatch.setattr(device, "this_cpu", lambda: device.Cpu("fast", frozenset({"amx_bf16"})))
    monkeypatch.setattr(device, "WORTHWHILE", 0.0)
    short = load("starter", towers=BOTH, device="cpu", calibration_file=tmp_path / "notes.json")
    assert short.formats == {"image": "bf16", "text": "bf16"}
    assert (np.sum(short.embed_images(pictures(6)) * images, axis=1) > 0.99).all()
    assert (np.sum(short.embed_texts(TEXTS[:2]) * texts, axis=1) > 0.99).all()
