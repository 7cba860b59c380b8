"""What the search bar offers for a text and a place in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q

from gallery.models import User
from search import language
from search.language import Filter, Suggestion
from search.language.terms import MAX_CHARACTERS
from search.language.writer import filter_to_text
from search.models import RecentSearch, SavedSearch
from search.suggest import library_names

RECENT, SAVED, NAMED, COMPLETED = 5, 4, 4, 8
"""How many of each are offered: queries asked lately, saved searches, names, all completions."""
SHOWN_WHILE_TYPING = 3
"""Queries asked lately, once something is typed that they contain."""

# A word that is being typed, with its sign; one letter says too little to go by.
_WORD = re.compile(r"(?<!\S)([+-]?)([^\W_][^\s:\",]+)$")
_NAMED_BY = ("album", "tag", "camera", "lens")


@dataclass(frozen=True)
class Offers:
    """Queries asked lately, saved searches, and ways to go on typing, the likeliest first.

    `eager` tells that a filter is being typed, so that completions are what is wanted.
    """

    recent: list[RecentSearch]
    saved: list[SavedSearch]
    completions: list[Suggestion]
    eager: bool = False

    @property
    def any(self) -> bool:
        """Whether there is something to offer."""
        return bool(self.recent or self.saved or self.completions)


def offers(user: User, text: str, at: int) -> Offers:
    """Return what can be offered for a text with the cursor before character `at`.

    Understands any text; too long ones get no offers.
    """
    text = text.replace("\x00", " ")
    if len(text) > MAX_CHARACTERS:
        return Offers([], [], [])
    at = max(0, min(at, len(text)))
    typed = text.strip()
    completions = _completions(user, text, at)
    recent = RecentSearch.objects.visible_to(user).order_by("-used_at")
    saved = SavedSearch.objects.visible_to(user).order_by("-created_at")
    if typed:
        recent = recent.filter(_with_word("query", typed)).exclude(query=typed)
        saved = saved.filter(_with_word("name", typed))
    return Offers(
        list(recent[: SHOWN_WHILE_TYPING if typed else RECENT]),
        list(saved[:SAVED]),
        completions,
        eager=bool(completions) and ":" in text[completions[0].start : at],
    )


def _with_word(column: str, typed: str) -> Q:
    """Return the condition that a text begins with what is typed, or has a word that does."""
    return Q(**{f"{column}__istartswith": typed}) | Q(**{f"{column}__icontains": f" {typed}"})


def _completions(user: User, text: str, at: int) -> list[Suggestion]:
    """Return completions of a filter, or of a word that begins one or names something."""
    before = text[:at]
    # Within quotes, words are taken as they are; only the value of a filter is completed there.
    word = _WORD.search(before) if before.count('"') % 2 == 0 else None
    if word is None and not re.search(r"[A-Za-z]:(\"[^\"]*|\S*)$", before):
        return []
    names = library_names.names(user)
    named = list(_named(names, word, at)) if word else []
    return [*named, *language.autocomplete(text, at, names)][:COMPLETED]


def _named(
    names: Mapping[str, Sequence[str]], word: re.Match[str], at: int
) -> Iterator[Suggestion]:
    """Yield filters for names that have a word which begins as the typed one does."""
    sign, begun = word[1], word[2].casefold()
    left = NAMED
    for kind in _NAMED_BY:
        for name in names.get(kind, ()):
            if left and any(part.startswith(begun) for part in name.casefold().split()):
                text = filter_to_text(Filter(kind, (name,), excluded=sign == "-"))
                yield Suggestion(name, f"{text} ", word.start(), at, kind)
                left -= 1
