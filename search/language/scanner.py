"""Splits a query into words, signed and weighted terms, and filters, in one pass."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from search.language.patterns import later
from search.language.query_errors import ErrorCode, Misread, QueryError, query_empty, query_too_long
from search.language.terms import MAX_CHARACTERS, NAMES, URL_SCHEMES

# Phones and word processors replace plain quotes with these.
_QUOTES = dict.fromkeys(map(ord, "“”„‟«»「」『』＂"), '"')
_PLUS, _MINUS = "+＋", "-−–—－﹣"
# Emoji and several scripts need the joiners. Other format characters are invisible marks.
_JOINERS = "\u200c\u200d"
_WEIGHT = re.compile(r"([0-9]+(?:[.,][0-9]+)?):(?=[^\W\d_]|\")")
_NAME = re.compile(r"([A-Za-z][A-Za-z_-]{1,24})[:：]")
# A number, perhaps behind a dot or the like, or a unit that stands alone.
_UNITS = "mm|cm|dm|m|km|ft|mg|g|kg|lbs?|oz|ms|s|h|kb|mb|gb|tb|hz|khz|mhz|ghz|w|kw|kwh|v|mv|mah"
_UNITS += "|ev|db|px|mp|dpi|ppi|fps|iso|mph|km/?h|m/s|c|f|k"
_QUANTITY = later(rf"[.,~≈#]?[\d¼½¾⅓⅔]|[°º%‰]|(?:{_UNITS})(?![\w:\"'’-])", re.IGNORECASE)
_BARE = re.compile(r"\S+")
_BARE_VALUE = re.compile(r"[^\s,]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.|\\\Z)*)(?:"|\Z)', re.DOTALL)
# Scripts without spaces between words: Thai to Myanmar, Khmer, and the CJK blocks. A long run of
# such characters is a sentence, not a word.
_SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff\uff00-\uffef"
_SPACELESS += "\U00020000-\U0003ffff"


@dataclass(frozen=True)
class Value:
    """One value of a filter, or the words of a term. `quoted` says whether it was in quotes."""

    text: str
    quoted: bool


@dataclass(frozen=True)
class Token:
    """A piece of a query. `sign` is "+", "-" or empty; `name` is what precedes a colon.

    `whole` is the piece as typed, from position `start` to `end`.
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


def normalize_text(text: str) -> str:
    """Return the words of one term in NFC with single spaces.

    Raises `QueryError` for an empty text, control characters, more than
    `MAX_QUERY_CHARACTERS`, or a word of more than `MAX_WORD_CHARACTERS` (byte-pair tokenisers
    take time quadratic in the length of a word).
    """
    limit = settings.MAX_QUERY_CHARACTERS
    if len(text) > 8 * limit:
        raise query_too_long(limit)
    text = " ".join(unicodedata.normalize("NFC", text).split())
    if not text:
        raise query_empty()
    if len(text) > limit:
        raise query_too_long(limit)
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        message = _("The query contains characters that are not text.")
        raise QueryError(ErrorCode.BAD_CHARACTERS, message)
    longest = settings.MAX_WORD_CHARACTERS
    if re.search(rf"[^\s{_SPACELESS}]{{{longest + 1},}}", text):
        message = _("One word has more than %(limit)s characters.") % {"limit": longest}
        raise QueryError(ErrorCode.WORD_TOO_LONG, message)
    return text


def clean_text(text: str) -> str:
    """Return a whole query in NFC, with straight quotes and without invisible marks.

    Raises `QueryError` when it is longer than `MAX_CHARACTERS`, and `Misread` for control
    characters and lone surrogates.
    """
    if len(text) > MAX_CHARACTERS:
        raise query_too_long(MAX_CHARACTERS)
    visible = [c for c in text if c in _JOINERS or unicodedata.category(c) != "Cf"]
    for place, character in enumerate(visible):
        if unicodedata.category(character) in {"Cc", "Cs"} and not character.isspace():
            details = {"place": place + 1, "code": f"U+{ord(character):04X}"}
            message = _("Character %(place)s of the query is not text: %(code)s.") % details
            raise Misread(ErrorCode.BAD_CHARACTERS, message, start=place, end=place + 1)
    return unicodedata.normalize("NFC", "".join(visible)).translate(_QUOTES)


def tokens(text: str) -> Iterator[Token]:
    """Yield the pieces of a cleaned text in order."""
    place = 0
    while word := _BARE.search(text, place):
        token = _token(text, word.start())
        yield token
        place = token.end


def quote(text: str) -> str:
    """Return the text in quotes, escaped so that it reads back unchanged."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def has_content(text: str) -> bool:
    """Tell whether a text has a letter, a digit or a symbol such as an emoji."""
    return any(unicodedata.category(c)[0] in "LN" or unicodedata.category(c) == "So" for c in text)


def _token(text: str, start: int) -> Token:
    place, sign = start, ""
    while place < len(text) and text[place] in _PLUS + _MINUS:
        sign = sign or ("+" if text[place] in _PLUS else "-")
        place += 1
    if place == len(text) or text[place].isspace() or (sign and _is_quantity(text, place)):
        place, sign = start, ""  # a sign alone is a word, and so is "-5" or "-°C"
    weight = name = ""
    if match := _WEIGHT.match(text, place):
        weight, place = match[1].replace(",", "."), match.end()
    if (match := _NAME.match(text, place)) and _is_name(match[1], text[match.end() :][:2]):
        name = match[1].lower()
        values, end = _values(text, match.end())
    elif text[place] == '"':
        value, end = _quoted_value(text, place)
        values = [value]
    else:
        match = next(_BARE.finditer(text, place))
        values, end = [Value(match[0], quoted=False)], match.end()
    return Token(start, end, text[start:end], sign, weight, name, tuple(values))


def _is_quantity(text: str, place: int) -> bool:
    """Tell whether a number or unit begins here. A number before a colon is a weight instead."""
    if _WEIGHT.match(text, place):
        return False
    begin = place + (unicodedata.category(text[place]) == "Sc")  # a currency: -€5
    return bool(_QUANTITY.match(text, begin))


def _is_name(name: str, following: str) -> bool:
    """Tell whether a word before a colon is the name of a filter.

    An unknown word is not when it looks like a title ("Re:Zero") or a web address, or when its
    colon ends the piece. A known name with nothing behind the colon counts as a filter without a
    value, unless it has a capital letter.
    """
    empty = not following or following[0].isspace()
    if name.lower() in NAMES:
        return not (empty and name != name.lower())
    return name == name.lower() and not empty and following[0] != "/" and name not in URL_SCHEMES


def _values(text: str, place: int) -> tuple[list[Value], int]:
    """Read comma-separated values, each quoted or without spaces; return them and their end."""
    values = []
    while True:
        if text.startswith('"', place):
            value, place = _quoted_value(text, place)
            values.append(value)
        elif match := _BARE_VALUE.match(text, place):
            values.append(Value(match[0], quoted=False))
            place = match.end()
        if not text.startswith(",", place):
            # Text right behind a closing quote belongs to no value and starts the next piece.
            return values, place
        place += 1


def _quoted_value(text: str, place: int) -> tuple[Value, int]:
    """Read a quoted value; a missing closing quote is assumed at the end of the text."""
    match = next(_QUOTED.finditer(text, place))  # It accepts anything after a quote.
    inside = re.sub(r"\\([\"\\])", r"\1", match[1])
    return Value(" ".join(inside.split()), quoted=True), match.end()
