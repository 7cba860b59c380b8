"""Suggestions for the search bar: recent and saved searches, and completions of what is typed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q

from gallery.models import User
from search import language
from search.filters.library import library_names
from search.language import Filter, Suggestion
from search.language.terms import MAX_CHARACTERS
from search.models import RecentSearch, SavedSearch

MAX_RECENT, MAX_SAVED, MAX_NAMES, MAX_COMPLETIONS = 5, 4, 4, 8
"""How many suggestions of each kind there are at most; names are among the completions."""
MAX_RECENT_TYPING = 3
"""Recent searches at most once something is typed; they must match it."""

# The word at the cursor, with its sign. One letter is too little to suggest names for.
_WORD = re.compile(r"(?<!\S)([+-]?)([^\W_][^\s:\",]+)$")
_FILTER_AT_CURSOR = re.compile(r"[A-Za-z]:(\"[^\"]*|\S*)$")
_NAME_FILTERS = ("album", "tag", "camera", "lens")


@dataclass(frozen=True)
class Suggestions:
    """Recent searches, saved searches and completions, the likeliest first.

    `eager` says that a filter is being typed, so completions should come first.
    """

    recent: list[RecentSearch]
    saved: list[SavedSearch]
    completions: list[Suggestion]
    eager: bool = False

    @property
    def any(self) -> bool:
        """Whether there is anything to suggest."""
        return bool(self.recent or self.saved or self.completions)


def find_suggestions(user: User, text: str, cursor: int) -> Suggestions:
    """Return suggestions for a text with the cursor before character `cursor`.

    Accepts any text; there are no suggestions for too long ones.
    """
    text = text.replace("\x00", " ")
    if len(text) > MAX_CHARACTERS:
        return Suggestions([], [], [])
    cursor = max(0, min(cursor, len(text)))
    prefix = text.strip()
    completions = _completions(user, text, cursor)
    recent = RecentSearch.objects.visible_to(user).order_by("-used_at")
    saved = SavedSearch.objects.visible_to(user).order_by("-created_at")
    if prefix:
        recent = recent.filter(_has_word("query", prefix)).exclude(query=prefix)
        saved = saved.filter(_has_word("name", prefix))
    return Suggestions(
        list(recent[: MAX_RECENT_TYPING if prefix else MAX_RECENT]),
        list(saved[:MAX_SAVED]),
        completions,
        eager=bool(completions) and ":" in text[completions[0].start : cursor],
    )


def _has_word(column: str, prefix: str) -> Q:
    """Return the condition that a column, or one of its words, begins with `prefix`."""
    return Q(**{f"{column}__istartswith": prefix}) | Q(**{f"{column}__icontains": f" {prefix}"})


def _completions(user: User, text: str, cursor: int) -> list[Suggestion]:
    """Return completions of a filter, or of a word that begins the name of something."""
    before = text[:cursor]
    # Words in quotes are literal; in there, only the value of a filter is completed.
    word = _WORD.search(before) if before.count('"') % 2 == 0 else None
    if word is None and not _FILTER_AT_CURSOR.search(before):
        return []
    names = library_names(user)
    by_name = list(_name_completions(names, word, cursor)) if word else []
    return [*by_name, *language.autocomplete(text, cursor, names)][:MAX_COMPLETIONS]


def _name_completions(
    names: Mapping[str, Sequence[str]], word: re.Match[str], cursor: int
) -> Iterator[Suggestion]:
    """Yield filters for names with a word that begins like the typed one."""
    sign, prefix = word[1], word[2].casefold()
    left = MAX_NAMES
    for kind in _NAME_FILTERS:
        for name in names.get(kind, ()):
            if left and any(part.startswith(prefix) for part in name.casefold().split()):
                text = language.filter_to_text(Filter(kind, (name,), excluded=sign == "-"))
                yield Suggestion(name, f"{text} ", word.start(), cursor, kind)
                left -= 1
