"""Words as full-text search compares them: of photos and of queries alike.

Case and accents are folded, letters and digits stand apart, so that "IMG_2231", "img2231" and
"2231" find each other. Scripts that put no spaces between words (Chinese, Japanese, Korean, Thai,
...) are taken character by character; neighbours in a query must be neighbours in the text, so
that any part of such a text is found. What is not ASCII is written as "x" and the hexadecimal
digits of UTF-16: the databases then have nothing to decide about it, and do not differ.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LONGEST = 64
"""Characters of a word that count."""
MAX_WORDS = 32
"""Words of one text; a longer one is a description that no photo says word by word."""

Phrase = tuple[str, ...]
"""Words that stand next to each other, in this order."""

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
_SPELT = str.maketrans(
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
"""Words that say little in English, German, French and Spanish, folded."""
_OF = "x7684"  # 的, which joins the words of a Chinese description


class _Kinds(dict[int, str]):
    """What a character is, one letter: l(etter), d(igit), s(tanding alone), or between words."""

    def __missing__(self, code: int) -> str:
        self[code] = found = _kind(code)
        return found


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


_KINDS = _Kinds()


@dataclass(frozen=True)
class Piece:
    """A word of a text, folded, and where it stands there."""

    word: str
    start: int
    end: int


def pieces(text: str) -> Iterator[Piece]:
    """Yield the words of a text in their order; no text is too strange."""
    kinds = text.translate(_KINDS)
    for found in _WORD.finditer(kinds):
        if word := _folded(text[found.start() : found.end()][:LONGEST]):
            yield Piece(word, found.start(), found.end())


def words(text: str) -> list[str]:
    """Return the words of a text."""
    return [piece.word for piece in pieces(unicodedata.normalize("NFC", text))]


def _folded(word: str) -> str:
    if word.isascii():
        return word.lower()
    spelt = unicodedata.normalize("NFKD", word.casefold()).casefold()
    plain = unicodedata.normalize("NFC", _ACCENTS.sub("", spelt).translate(_SPELT))
    digits = "".join(str(unicodedata.digit(c)) if c.isdecimal() else c for c in plain)
    if digits.isascii() and digits.isalnum():
        return digits
    return "x" + digits.encode("utf-16-be", "replace").hex() if digits else ""


def phrases(text: str, *, quoted: bool = False) -> tuple[Phrase, ...]:
    """Return what a photo must say for a text; empty when that is nothing, or too much.

    Each is a word between spaces: several in a row for one such as "IMG_2231". Words that say
    little are left out where others are there. A quoted text is one phrase.
    """
    if quoted:
        whole = tuple(words(text))
        return (whole,) if 0 < len(whole) <= MAX_WORDS else ()
    found = [one for chunk in re.split(r"[\s'’`´]+", text) for one in _parts(words(chunk))]
    telling = [one for one in found if len(one) > 1 or one[0] not in STOP_WORDS] or found
    each = tuple(dict.fromkeys(telling))
    return each if sum(map(len, each)) <= MAX_WORDS else ()


def _parts(some: list[str]) -> list[Phrase]:
    """Return the words between spaces as one phrase, or as several that 的 joins."""
    parts: list[list[str]] = [[]]
    for word in some:
        if word == _OF and len(some) > 1:
            parts.append([])
        else:
            parts[-1].append(word)
    return [tuple(part) for part in parts if part]


def line(texts: Iterable[str]) -> str:
    """Return texts of one kind as a line of words; a bar keeps their ends apart."""
    return " | ".join(" ".join(words(text)) for text in texts)


def owner(pk: object) -> str:
    """Return the word that stands for an owner; none of a text is like it."""
    return f"o{pk}"
