"""Words as full-text search compares them."""

from __future__ import annotations

import random
import re
import sys

import pytest

from search import fulltext
from search.fulltext import normalization


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("IMG_2231.JPG", ["img", "2231", "jpg"]),
        ("DSC00042-2b", ["dsc", "00042", "2", "b"]),
        ("Été Straße Łódź", ["ete", "strasse", "lodz"]),
        ("E\u0301te\u0301", ["ete"]),
        ("ﬁlm Ⅳ", ["film", "iv"]),
        ("北京", ["x5317", "x4eac"]),
        ("１２３ ٣٤", ["123", "34"]),
        ("“quoted” — a/b…", ["quoted", "a", "b"]),
        ("مرحبا\u200fx", ["x06450631062d06280627", "x"]),
        ("", []),
        ("\x00\u202e\ud800 _ | * \" '", []),
    ],
)
def test_words(text, expected):
    assert normalization.words(text) == expected


def test_any_text_becomes_words_that_databases_agree_on():
    chance = random.Random(7)
    for _ in range(300):
        codes = [chance.randrange(sys.maxunicode + 1) for _ in range(40)]
        codes += [chance.choice(range(32, 0x2FFF)) for _ in range(40)]
        text = "".join(map(chr, codes))
        assert all(re.fullmatch(r"[a-z0-9]+", word) for word in normalization.words(text)), ascii(
            text
        )
        found = normalization.phrases(text), normalization.phrases(text, quoted=True)
        assert all(sum(map(len, some)) <= normalization.MAX_WORDS for some in found)
        for piece in normalization.pieces(text):
            assert 0 <= piece.start < piece.end <= len(text)
        for some in found:
            fulltext.caption_excerpt(text, some or (("a",),))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a dog on the beach", (("dog",), ("beach",))),
        ("the", (("the",),)),
        ("ein Foto von l'été", (("ete",),)),
        ("IMG_2231 dog", (("img", "2231"), ("dog",))),
        ("dog dog", (("dog",),)),
        ("word " * 40, (("word",),)),
        (" ".join(f"{n}" for n in range(40)), ()),
    ],
)
def test_phrases(text, expected):
    assert normalization.phrases(text) == expected


def test_a_quoted_text_is_one_phrase_with_every_word_of_it():
    assert normalization.phrases("the dog", quoted=True) == (("the", "dog"),)
