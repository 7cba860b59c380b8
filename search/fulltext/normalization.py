"""Normalizes words for full-text search, those of photos and of queries alike.

Case and accents are folded, and letters and digits are separated, so that "IMG_2231", "img2231"
and "2231" find each other. Scripts without spaces between words (Chinese, Japanese, Korean, Thai,
...) are split into characters. Characters next to each other in a query must be so in the text, so
any part of such a text can be found. A word that is not ASCII is written as "x" and the
hexadecimal digits of its UTF-16, so that databases cannot treat it differently.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_WORD_LENGTH = 64
"""Characters of a word that count."""
MAX_WORDS = 32
"""Words of one text. A longer text is a description that no photo has word for word."""

Phrase = tuple[str, ...]
"""Words next to each other, in this order."""
Text = tuple[Phrase, ...]
"""The phrases of one text, in any order."""

# Scripts without spaces between words, by code point.
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x3007),
    (0x3031, 0x30FF),  # kana
    (0x3100, 0x312F),  # bopomofo
    (0x3400, 0x9FFF),  # Han
    (0xAC00, 0xD7AF),  # Hangul
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),  # kana of half width
    (0x20000, 0x3FFFF),  # Han
)
_BETWEEN = {0x30FB}  # the dot between Japanese words
_JOINERS = "\u200c\u200d"
SPELLINGS = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i", "ħ": "h"}
)
_ACCENTS = re.compile("[\u0300-\u036f\u200c\u200d]")
_WORD = re.compile("l+|d+|s")

_ENGLISH = """a an the of in on at to by and or with for from is are some this that my your me show
    s t photo photos picture pictures image images"""
_GERMAN = """der die das den dem des ein eine einen einem einer eines und oder mit im am an auf
    von vom zu zum zur bei fur aus foto fotos bild bilder"""
_FRENCH = "le la les l d un une des du de et ou avec dans sur au aux en pour par"
_SPANISH = "el la los las un una unos unas de del y o con en al por para foto fotos imagen imagenes"
STOP_WORDS = frozenset(f"{_ENGLISH} {_GERMAN} {_FRENCH} {_SPANISH}".split())
"""Words with little meaning in English, German, French and Spanish, normalized."""
_OF = "x7684"  # 的, which joins the words of a Chinese description


class _CharacterKinds(dict[int, str]):
    """The kind of a character: "l" letter, "d" digit, "s" single, or a space between words."""

    def __missing__(self, code: int) -> str:
        self[code] = kind = _kind(code)
        return kind


def _kind(code: int) -> str:
    character = chr(code)
    category = unicodedata.category(character)
    if character in _JOINERS:
        return "l"
    if 0xFE00 <= code <= 0xFE0F or code in _BETWEEN or category[0] not in "LMNS":
        return " "
    if any(first <= code <= last for first, last in _UNSPACED) or category == "So":
        return "s"
    if category == "Nd":
        return "d"
    return " " if category[0] == "S" else "l"


_KINDS = _CharacterKinds()


@dataclass(frozen=True)
class Piece:
    """A normalized word and its position in the text."""

    word: str
    start: int
    end: int


def pieces(text: str) -> Iterator[Piece]:
    """Yield the words of a text in order. Any text is accepted."""
    kinds = text.translate(_KINDS)
    for match in _WORD.finditer(kinds):
        if word := _normalize_word(text[match.start() : match.end()][:MAX_WORD_LENGTH]):
            yield Piece(word, match.start(), match.end())


def words(text: str) -> list[str]:
    """Return the normalized words of a text."""
    return [piece.word for piece in pieces(unicodedata.normalize("NFC", text))]


def _normalize_word(word: str) -> str:
    if word.isascii():
        return word.lower()
    decomposed = unicodedata.normalize("NFKD", word.casefold()).casefold()
    plain = unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed).translate(SPELLINGS))
    digits = "".join(str(unicodedata.digit(c)) if c.isdecimal() else c for c in plain)
    if digits.isascii() and digits.isalnum():
        return digits
    return "x" + digits.encode("utf-16-be", "replace").hex() if digits else ""


def phrases(text: str, *, quoted: bool = False) -> Text:
    """Return the phrases that a photo must have; empty if there are none, or too many.

    Each is a word between spaces, which may consist of several: "IMG_2231". Words with little
    meaning are dropped where others remain. A quoted text is one phrase.
    """
    if quoted:
        whole = tuple(words(text))
        return (whole,) if 0 < len(whole) <= MAX_WORDS else ()
    chunks = re.split(r"[\s'’`´]+", text)
    found = [phrase for chunk in chunks for phrase in _split_phrases(words(chunk))]
    meaningful = [phrase for phrase in found if len(phrase) > 1 or phrase[0] not in STOP_WORDS]
    unique = tuple(dict.fromkeys(meaningful or found))
    return unique if sum(map(len, unique)) <= MAX_WORDS else ()


def _split_phrases(chunk: list[str]) -> list[Phrase]:
    """Return the words between spaces as one phrase, or as several that 的 joins."""
    parts: list[list[str]] = [[]]
    for word in chunk:
        if word == _OF and len(chunk) > 1:
            parts.append([])
        else:
            parts[-1].append(word)
    return [tuple(part) for part in parts if part]


def line(texts: Iterable[str]) -> str:
    """Return texts of one kind as a line of words; a bar separates them."""
    return " | ".join(" ".join(words(text)) for text in texts)


def owner_word(pk: object) -> str:
    """Return the word that stands for an owner; no normalized text contains it."""
    return f"o{pk}"


def place_word(number: int) -> str:
    """Return the word that stands for a town of GeoNames; no normalized text contains it."""
    return f"p{number}"


def country_word(code: str) -> str:
    """Return the word that stands for a country by ISO code; no normalized text contains it."""
    return f"p0{code.lower()}"
