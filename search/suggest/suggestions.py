"""Suggestions for the search bar: recent and saved searches, and completions of what is typed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q

from gallery.colours import NAMES as COLOURS
from gallery.models import User
from search.filters.library import library_names
from search.language.scanner import quote
from search.language.terms import ALIASES, FILTERS, MAX_CHARACTERS, Filter
from search.language.writer import filter_to_text
from search.models import RecentSearch, SavedSearch

MAX_RECENT, MAX_SAVED, MAX_NAMES, MAX_COMPLETIONS = 5, 4, 4, 8
"""How many suggestions of each kind there are at most; names are among the completions."""
MAX_RECENT_TYPING = 3
"""Recent searches at most once something is typed; they must match it."""

# The word at the cursor, with its sign. One letter is too little to suggest names for.
_WORD = re.compile(r"(?<!\S)([+-]?)([^\W_][^\s:\",]+)$")
_FILTER_AT_CURSOR = re.compile(r"[A-Za-z]:(\"[^\"]*|\S*)$")
_PIECE = re.compile(
    r"(?P<sign>[+-]?)(?:(?P<name>[A-Za-z_-]{2,25}):(?P<value>\"[^\"]*|[^\s\"]*)"
    r"|(?P<start>[A-Za-z]{1,25}))$"
)
_NAME_FILTERS = ("album", "tag", "label", "place", "camera", "lens")


_FIXED = {
    "orientation": "landscape portrait square",
    "colour": " ".join(COLOURS),
    "type": "jpeg png heic webp gif avif tiff bmp raw",
    "is": "favourite stacked untagged",
    "has": "gps caption date camera tag",
    "in": "album",
    "rating": ">=4 5 >=3 0",
    "aspect": "3:2 4:3 16:9 1:1 panorama",
    "size": ">10MB <500KB >12mp",
    "date": "today yesterday last-week last-month this-year last-year last-30-days",
    "after": "last-week last-month last-year",
    "before": "last-week last-month last-year",
}


@dataclass(frozen=True)
class Suggestion:
    """Text that may replace the characters from `start` to `end`; `about` explains it."""

    label: str
    insert: str
    start: int
    end: int
    about: str = ""


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
    return [*by_name, *autocomplete(text, cursor, names)][:MAX_COMPLETIONS]


def _name_completions(
    names: Mapping[str, Sequence[str]], word: re.Match[str], cursor: int
) -> Iterator[Suggestion]:
    """Yield filters for names with a word that begins like the typed one."""
    sign, prefix = word[1], word[2].casefold()
    left = MAX_NAMES
    for kind in _NAME_FILTERS:
        for name in names.get(kind, ()):
            if left and any(part.startswith(prefix) for part in name.casefold().split()):
                text = filter_to_text(Filter(kind, (name,), excluded=sign == "-"))
                yield Suggestion(name, f"{text} ", word.start(), cursor, kind)
                left -= 1


# --- completion of filters ------------------------------------------------------------------------


def autocomplete(
    text: str, cursor: int, names: Mapping[str, Sequence[str]] | None = None
) -> list[Suggestion]:
    """Return at most `MAX_COMPLETIONS` ways to continue a text at the cursor, the likeliest first.

    `names` has the names of the person's albums, tags, places, cameras and lenses by filter. Values
    that begin with the typed letters come before those that contain them. Never raises, whatever
    the text and the cursor.
    """
    cursor = max(0, min(cursor, len(text)))
    start = _word_start(text, cursor)
    match = _PIECE.fullmatch(text[start:cursor])
    if match is None:
        return []
    if match["name"] is None:
        return _suggest_names(match, start, cursor)
    name = ALIASES.get(match["name"].lower(), match["name"].lower())
    if name not in FILTERS:
        return []
    choices = list(dict.fromkeys([*(names or {}).get(name, ()), *_FIXED.get(name, "").split()]))
    return _suggest_values(name, choices, match, start, cursor)


def _word_start(text: str, cursor: int) -> int:
    """Return where the piece before the cursor begins; spaces in quotes do not end a piece."""
    start = 0
    for gap in re.finditer(r'\s|"[^"]*("|$)', text[:cursor]):
        start = gap.end() if gap[0].isspace() else start
    return start


def _suggest_names(match: re.Match[str], start: int, cursor: int) -> list[Suggestion]:
    prefix = match["start"].lower()
    names = [name for name in FILTERS if name.startswith(prefix)]
    names += [name for alias, name in ALIASES.items() if alias.startswith(prefix)]
    return [
        Suggestion(f"{name}:", f"{match['sign']}{name}:", start, cursor, str(FILTERS[name]))
        for name in list(dict.fromkeys(names))[:MAX_COMPLETIONS]
    ]


def _suggest_values(
    name: str, choices: Sequence[str], match: re.Match[str], start: int, cursor: int
) -> list[Suggestion]:
    earlier, comma, last = match["value"].rpartition(",")
    if match["value"].startswith('"'):
        earlier, comma, last = "", "", match["value"][1:]
    prefix = last.lower()
    first = [value for value in choices if value.lower().startswith(prefix)]
    inside = [value for value in choices if prefix in value.lower() and value not in first]
    before = f"{match['sign']}{name}:{earlier}{comma}"
    return [
        Suggestion(value, f"{before}{_quote_if_needed(value)} ", start, cursor)
        for value in [*first, *inside][:MAX_COMPLETIONS]
    ]


def _quote_if_needed(value: str) -> str:
    return value if re.fullmatch(r'[^\s,"\\]+', value) else quote(value)
