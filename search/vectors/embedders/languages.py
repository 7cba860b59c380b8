"""Which languages a model reads, and which one a text seems to be in.

A wrong guess is worse than none: a text is taken for another language than English only where its
letters or several of its small words leave no doubt.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from django.utils.functional import Promise
from django.utils.translation import gettext as _, gettext_lazy

from search.vectors.embedders.catalog import of_key

_SCRIPTS: dict[str, str | Promise] = {
    "CJK": gettext_lazy("Chinese characters"),  # Japanese, too, often has no others.
    "HIRAGANA": gettext_lazy("Japanese"),
    "KATAKANA": gettext_lazy("Japanese"),
    "HANGUL": gettext_lazy("Korean"),
    "GREEK": gettext_lazy("Greek"),
    "HEBREW": gettext_lazy("Hebrew"),
    "THAI": gettext_lazy("Thai"),
    "ARMENIAN": gettext_lazy("Armenian"),
    "GEORGIAN": gettext_lazy("Georgian"),
    "CYRILLIC": gettext_lazy("Cyrillic script"),
    "ARABIC": gettext_lazy("Arabic script"),
    "DEVANAGARI": gettext_lazy("Devanagari script"),
}
"""Scripts by the first word of the Unicode names of their letters, and what to call them."""

_SMALL_WORDS = (
    (
        gettext_lazy("German"),
        "ein eine einen einem einer und auf mit im am vor neben zwei ist das dem nach beim während "
        "sich sind trägt steht spielt",
    ),
    (
        gettext_lazy("French"),
        "un une des dans avec sur et devant qui est deux en au aux pendant sont près du les dehors",
    ),
    (
        gettext_lazy("Spanish"),
        "un una unos unas en con y sobre hacia junto por que se está están dos al los mientras muy",
    ),
    (
        gettext_lazy("Portuguese"),
        "um uma uns umas em com nos nas sobre está estão dois duas ao enquanto perto",
    ),
    (
        gettext_lazy("Italian"),
        "un una uno con su nel nella sulla sul sono che vicino gli della mentre",
    ),
)
"""Small words of languages in Latin script that are no English words."""
_ENGLISH = "a an the of on with and at is are his her its their from to"


def cannot_read(key: str, text: str) -> str:
    """Return the sentence that a model cannot read a text, and what to do.

    Empty where it can, where the languages of the model are unknown, and where the text's are.
    """
    model = of_key(key)
    language = language_of(text) if model and model.is_english_only else None
    if model is None or language is None:
        return ""
    return _(
        "%(model)s reads English only, and this search seems to be in %(language)s. Describe the "
        "photo in English, or choose a multilingual model in the settings."
    ) % {"model": model.title, "language": language}


def is_foreign(text: str) -> bool:
    """Return whether a text shows that it is in another language than English.

    Its small words, its script, or a letter that English lacks may show it. "perro" shows nothing.
    """
    letters = (letter for letter in text if letter.isalpha())
    return any(not letter.isascii() for letter in letters) or language_of(text) is not None


def language_of(text: str) -> str | None:
    """Return the name of the language or script of a text that cannot be English, else None."""
    letters = [letter for letter in unicodedata.normalize("NFKC", text) if letter.isalpha()]
    scripts = Counter(unicodedata.name(letter, "").split(" ")[0] for letter in letters)
    if scripts["LATIN"] * 2 >= len(letters):
        return _by_small_words(text)
    if scripts["HIRAGANA"] + scripts["KATAKANA"]:
        return str(_SCRIPTS["HIRAGANA"])
    script, count = max(scripts.items(), key=lambda found: found[1])
    # A single letter may be a symbol, such as that of an angle; a Chinese one is a word.
    if count < 2 and script != "CJK":
        return None
    return str(_SCRIPTS.get(script, _("another script")))


def _by_small_words(text: str) -> str | None:
    """Return the language that most small words are of: two at least, and none of English."""
    words = set(re.findall(r"[^\W\d_]+", text.casefold()))
    if words.intersection(_ENGLISH.split()):
        return None
    counts = [(len(words.intersection(small.split())), str(name)) for name, small in _SMALL_WORDS]
    (count, language), (second, _other) = sorted(counts, reverse=True)[:2]
    if count < 2:
        return None
    return _("another language") if count == second else language
