"""Cutting a query into words, signed and weighted terms, and filters. One pass, no backtracking."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from search.language.errors import QueryError
from search.language.names import KNOWN, SCHEMES
from search.language.terms import MAX_CHARACTERS, Misread

# Phones and word processors put these where people type plain ones.
_QUOTES = dict.fromkeys(map(ord, "“”„‟«»「」『』＂"), '"')
_PLUS, _MINUS = "+＋", "-−–—－﹣"
# Emoji and several scripts need the joiners; the other format characters are invisible marks.
_JOINERS = "\u200c\u200d"
_WEIGHT = re.compile(r"([0-9]+(?:[.,][0-9]+)?):(?=[^\W\d_]|\")")
_NAME = re.compile(r"([A-Za-z][A-Za-z_-]{1,24})[:：]")
_BARE = re.compile(r"\S+")
_BARE_VALUE = re.compile(r"[^\s,]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.|\\\Z)*)(?:"|\Z)', re.DOTALL)
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Value:
    """One value of a filter or the words of a term, and whether they stood in quotes."""

    text: str
    quoted: bool


@dataclass(frozen=True)
class Token:
    """A piece of a query: `sign` is "+", "-" or empty, `name` what stood before a colon.

    `whole` is the piece as it was typed, from `start` to `end`.
    """

    start: int
    end: int
    whole: str
    sign: str
    weight: str
    name: str
    values: tuple[Value, ...]

    @property
    def plain(self) -> bool:
        """Whether this is a word of the description."""
        return not (self.sign or self.weight or self.name or self.values[0].quoted)


def cleaned(text: str) -> str:
    """Return the text in NFC, with straight quotes and without invisible marks.

    Raises `QueryError` when it is longer than `MAX_CHARACTERS`, and `Misread` for control
    characters and halves of surrogate pairs.
    """
    if len(text) > MAX_CHARACTERS:
        raise QueryError(
            "query_too_long", f"The query has more than {MAX_CHARACTERS:,} characters."
        )
    kept = [c for c in text if c in _JOINERS or unicodedata.category(c) != "Cf"]
    for place, character in enumerate(kept):
        if unicodedata.category(character) in {"Cc", "Cs"} and not character.isspace():
            raise Misread(
                "bad_characters",
                f"Character {place + 1} of the query is not text: U+{ord(character):04X}.",
                start=place,
                end=place + 1,
            )
    return unicodedata.normalize("NFC", "".join(kept)).translate(_QUOTES)


def tokens(text: str) -> Iterator[Token]:
    """Yield the pieces of a cleaned text in order."""
    place = _after_space(text, 0)
    while place < len(text):
        token = _token(text, place)
        yield token
        place = _after_space(text, token.end)


def quoted(text: str) -> str:
    """Return the text in quotes, such that it reads back as it is."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def says_something(text: str) -> bool:
    """Tell whether a text has a letter, a figure or a symbol such as an emoji."""
    return any(unicodedata.category(c)[0] in "LN" or unicodedata.category(c) == "So" for c in text)


def single_spaced(text: str) -> str:
    """Return the text with single spaces between words and none around them."""
    return _SPACE.sub(" ", text).strip()


def _token(text: str, start: int) -> Token:
    place, sign = start, ""
    while place < len(text) and text[place] in _PLUS + _MINUS:
        sign = sign or ("+" if text[place] in _PLUS else "-")
        place += 1
    if place == len(text) or text[place].isspace():
        return _word(text, start, start)
    weight = ""
    if found := _WEIGHT.match(text, place):
        weight, place = found[1].replace(",", "."), found.end()
    if (found := _NAME.match(text, place)) and _is_name(found[1], text[found.end() :][:2]):
        values, end = _values(text, found.end())
        return Token(start, end, text[start:end], sign, weight, found[1].lower(), tuple(values))
    if text[place] == '"':
        value, end = _quoted(text, place)
        return Token(start, end, text[start:end], sign, weight, "", (value,))
    return _word(text, start, place, sign=sign, weight=weight)


def _is_name(name: str, following: str) -> bool:
    """Tell whether a word before a colon is meant as the name of a filter.

    Titles ("Re:Zero"), addresses and a colon at the end of a word are not, if no filter is
    called so. Of a known one the value is missing rather, unless the word has a capital letter.
    """
    empty = not following or following[0].isspace()
    if name.lower() in KNOWN:
        return not (empty and name != name.lower())
    return name == name.lower() and not empty and following[0] != "/" and name not in SCHEMES


def _word(text: str, start: int, place: int, *, sign: str = "", weight: str = "") -> Token:
    found = _BARE.match(text, place)
    end = found.end() if found else place
    value = Value(text[place:end], quoted=False)
    return Token(start, end, text[start:end], sign, weight, "", (value,))


def _values(text: str, place: int) -> tuple[list[Value], int]:
    """Read values divided by commas, each in quotes or without a blank."""
    values = []
    while True:
        if text.startswith('"', place):
            value, place = _quoted(text, place)
            values.append(value)
        elif found := _BARE_VALUE.match(text, place):
            values.append(Value(found[0], quoted=False))
            place = found.end()
        if not text.startswith(",", place):
            # What is stuck to a closing quote belongs to nothing; it is read as the next piece.
            return values, place
        place += 1


def _quoted(text: str, place: int) -> tuple[Value, int]:
    """Read what stands in quotes; a missing closing one is thought to be at the end."""
    found = _QUOTED.match(text, place)
    if found is None:  # cannot happen: the pattern takes anything after a quote
        return Value("", quoted=True), place + 1
    inside = re.sub(r"\\([\"\\])", r"\1", found[1])
    return Value(single_spaced(inside), quoted=True), found.end()


def _after_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place
