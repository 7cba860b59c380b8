"""Which languages a text seems to be in, and what is said of a model that cannot read them."""

from __future__ import annotations

import pytest

from search.relevance.background import background_texts
from search.vectors.embedders.catalog import MODELS
from search.vectors.embedders.languages import cannot_read, is_foreign, language_of

ENGLISH_ONLY = "ViT-B-32-256/datacomp_s34b_b86k"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("狗", "Chinese characters"),
        ("一只狗在海滩上", "Chinese characters"),
        ("海辺の犬", "Japanese"),
        ("강아지", "Korean"),
        ("собака на пляже", "Cyrillic script"),
        ("σκύλος", "Greek"),
        ("كلب على الشاطئ", "Arabic script"),
        ("कुत्ता", "Devanagari script"),
        ("ཁྱི་ལགས", "another script"),
        ("ein Hund am Strand", "German"),
        ("un chien sur la plage", "French"),
        ("un perro con una pelota y dos niños", "Spanish"),
        ("um cachorro com uma bola", "Portuguese"),
        ("un cane sulla spiaggia", "Italian"),
        ("un perro en la playa", "another language"),  # Spanish and French have both
    ],
)
def test_the_language_of_a_text(text, language):
    assert language_of(text) == language


NOT_SURELY = [
    *("123", "🐶", "∠α", "IMG_2231", "café", "Zürich", "perro", "Hund", "Boulogne-sur-Mer"),
    *("", "Nikon 写真", "Rio de la Plata", "Playa del Carmen", "La La Land", "chili con carne"),
    *("pas de deux", "Frankfurt am Main", "Côte d'Azur", "die cast car", "per capita"),
]


@pytest.mark.parametrize("text", NOT_SURELY)
def test_names_and_what_may_be_english_are_left_alone(text):
    assert language_of(text) is None


def test_everyday_english_is_taken_for_nothing_else():
    assert [text for text in background_texts() if language_of(text)] == []


def test_a_model_that_reads_english_only_says_so_and_what_to_do():
    said = cannot_read(ENGLISH_ONLY, "一只狗")
    assert said.startswith("CLIP B/32 DataComp reads English only")
    assert "Chinese characters" in said
    assert "multilingual model" in said
    assert cannot_read(ENGLISH_ONLY, "a dog on the beach") == ""


def test_of_other_models_nothing_is_said():
    several = [model.key for model in MODELS if not model.is_english_only]
    assert several
    assert {cannot_read(key, "一只狗") for key in [*several, "RN50/openai", ""]} == {""}


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        ("собака", True),
        ("un perro con una pelota", True),
        ("niño", True),
        ("a dog", False),
        ("perro", False),
        ("IMG_2034", False),
        ("2019 🎄", False),
    ],
)
def test_a_text_shows_by_its_letters_or_small_words_that_it_is_foreign(text, foreign):
    assert is_foreign(text) is foreign
