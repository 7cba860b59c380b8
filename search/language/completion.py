"""Completes names of filters, and their values, while a query is typed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gallery.colours import NAMES as COLOURS
from search.language.scanner import quote
from search.language.terms import ALIASES, FILTERS

LIMIT = 8
_WORD = re.compile(
    r"(?P<sign>[+-]?)(?:(?P<name>[A-Za-z_-]{2,25}):(?P<value>\"[^\"]*|[^\s\"]*)"
    r"|(?P<start>[A-Za-z]{1,25}))$"
)

_FIXED: dict[str, tuple[str, ...]] = {
    "orientation": ("landscape", "portrait", "square"),
    "colour": COLOURS,
    "type": ("jpeg", "png", "heic", "webp", "gif", "avif", "tiff", "bmp"),
    "is": ("favourite", "stacked", "untagged"),
    "has": ("gps", "caption", "date", "camera", "tag"),
    "in": ("album",),
    "rating": (">=4", "5", ">=3", "0"),
    "aspect": ("3:2", "4:3", "16:9", "1:1", "panorama"),
    "size": (">10MB", "<500KB", ">12mp"),
    "date": ("today", "yesterday", "last-week", "last-month", "this-year", "last-year",
             "last-30-days"),
    "after": ("last-week", "last-month", "last-year"),
    "before": ("last-week", "last-month", "last-year"),
}  # fmt: skip


@dataclass(frozen=True)
class Suggestion:
    """Text that may replace the characters from `start` to `end`; `about` explains it."""

    label: str
    insert: str
    start: int
    end: int
    about: str = ""


def autocomplete(
    text: str, cursor: int, names: Mapping[str, Sequence[str]] | None = None
) -> list[Suggestion]:
    """Return at most `LIMIT` ways to continue a text at the cursor, the likeliest first.

    `names` has the names of the person's albums, tags, cameras and lenses by filter. Values that
    begin with the typed letters come before those that contain them. Never raises, whatever the
    text and the cursor.
    """
    cursor = max(0, min(cursor, len(text)))
    start = _word_start(text, cursor)
    match = _WORD.fullmatch(text[start:cursor])
    if match is None:
        return []
    if match["name"] is None:
        return _suggest_names(match, start, cursor)
    name = ALIASES.get(match["name"].lower(), match["name"].lower())
    if name not in FILTERS:
        return []
    choices = list(dict.fromkeys([*(names or {}).get(name, ()), *_FIXED.get(name, ())]))
    return _suggest_values(name, choices, match, start, cursor)


def _word_start(text: str, cursor: int) -> int:
    """Return where the piece before the cursor begins; spaces in quotes do not end a piece."""
    start, inside = 0, False
    for place, character in enumerate(text[:cursor]):
        if character == '"':
            inside = not inside
        elif character.isspace() and not inside:
            start = place + 1
    return start


def _suggest_names(match: re.Match[str], start: int, cursor: int) -> list[Suggestion]:
    prefix = match["start"].lower()
    names = [name for name in FILTERS if name.startswith(prefix)]
    names += [name for alias, name in ALIASES.items() if alias.startswith(prefix)]
    return [
        Suggestion(f"{name}:", f"{match['sign']}{name}:", start, cursor, str(FILTERS[name]))
        for name in list(dict.fromkeys(names))[:LIMIT]
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
        for value in [*first, *inside][:LIMIT]
    ]


def _quote_if_needed(value: str) -> str:
    return value if re.fullmatch(r'[^\s,"\\]+', value) else quote(value)
