"""Completing what is being typed: names of filters, and their values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gallery.colours import NAMES as COLOURS
from search.language.names import ALIASES, FILTERS
from search.language.scanner import quoted

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
    """Text that may take the place of what stands from `start` to `end`; `about` explains it."""

    label: str
    insert: str
    start: int
    end: int
    about: str = ""


def autocomplete(
    text: str, cursor: int, known: Mapping[str, Sequence[str]] | None = None
) -> list[Suggestion]:
    """Return at most `LIMIT` ways to go on at a place in a text, the likeliest first.

    `known` has the names of the person's albums, tags, cameras and lenses by filter. Words that
    begin as asked come before those that have it inside. Never raises for any text or place.
    """
    cursor = max(0, min(cursor, len(text)))
    start = _word_start(text, cursor)
    found = _WORD.fullmatch(text[start:cursor])
    if found is None:
        return []
    if found["name"] is None:
        return _names(found, start, cursor)
    name = ALIASES.get(found["name"].lower(), found["name"].lower())
    return _values(name, found, start, cursor, known or {}) if name in FILTERS else []


def _word_start(text: str, cursor: int) -> int:
    """Return where the piece before the cursor begins; blanks in quotes do not end one."""
    start, inside = 0, False
    for place, character in enumerate(text[:cursor]):
        if character == '"':
            inside = not inside
        elif character.isspace() and not inside:
            start = place + 1
    return start


def _names(found: re.Match[str], start: int, cursor: int) -> list[Suggestion]:
    begun = found["start"].lower()
    names = [name for name in FILTERS if name.startswith(begun)]
    names += [name for alias, name in ALIASES.items() if alias.startswith(begun)]
    return [
        Suggestion(f"{name}:", f"{found['sign']}{name}:", start, cursor, FILTERS[name])
        for name in list(dict.fromkeys(names))[:LIMIT]
    ]


def _values(
    name: str, found: re.Match[str], start: int, cursor: int, known: Mapping[str, Sequence[str]]
) -> list[Suggestion]:
    listed, comma, last = found["value"].rpartition(",")
    if found["value"].startswith('"'):
        listed, comma, last = "", "", found["value"][1:]
    begun = last.lower()
    choices = list(dict.fromkeys([*known.get(name, ()), *_FIXED.get(name, ())]))
    first = [value for value in choices if value.lower().startswith(begun)]
    inside = [value for value in choices if begun in value.lower() and value not in first]
    before = f"{found['sign']}{name}:{listed}{comma}"
    return [
        Suggestion(value, f"{before}{_value(value)} ", start, cursor)
        for value in [*first, *inside][:LIMIT]
    ]


def _value(value: str) -> str:
    return value if re.fullmatch(r'[^\s,"\\]+', value) else quoted(value)
