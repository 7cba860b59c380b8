"""From a query to text, to an address and to chips."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from search.language import parser
from search.language.names import ALIASES, FILTERS
from search.language.scanner import quoted
from search.language.terms import Filter, Query, Term

_BARE = re.compile(r'[^\s,"\\][^\s,]*')
TEXT = "q"
"""The parameter of an address that holds the whole query."""

_LABELS = {
    "is:favourite": "favourites",
    "is:stacked": "stacked",
    "is:untagged": "untagged",
    "has:gps": "with a place",
    "has:caption": "with a caption",
    "has:date": "with a date",
    "has:camera": "camera known",
    "has:tag": "tagged",
    "in:album": "in an album",
}


class Params(Protocol):
    """What is read of Django's QueryDict."""

    def getlist(self, key: str) -> list[str]:
        """Return all values of a parameter."""

    def keys(self) -> Iterable[str]:
        """Return the names of all parameters."""


@dataclass(frozen=True)
class Chip:
    """One part of a query as it is shown, removed and turned.

    `kind` is that of the term, or the name of the filter. `sign` is "+", "-", or empty for the
    description and for filters that are not excluded. `text` is the part itself as it is typed;
    `without` and `flipped` are the whole query without it and with its sign turned.
    """

    label: str
    kind: str
    sign: str
    weight: float
    text: str
    without: str
    flipped: str


def to_text(query: Query) -> str:
    """Return the text of a query, which `parse` reads as the same query again."""
    texts = [parser.as_written(parser.settled(term)) for term in query.terms]
    if query.terms and _is_plain(query.terms[0]):
        texts[0] = query.terms[0].value
    return " ".join([*texts, *(filter_to_text(one) for one in query.filters)])


def filter_to_text(one: Filter) -> str:
    """Return a filter as it is typed."""
    alone = one.name == "near" and len(one.values) == 1
    values = [value if alone or _BARE.fullmatch(value) else quoted(value) for value in one.values]
    return f"{'-' if one.excluded else ''}{one.name}:{','.join(values)}"


def to_params(query: Query) -> dict[str, str]:
    """Return the parameters of an address that asks for the query: its text as `q`."""
    text = to_text(query)
    return {TEXT: text} if text else {}


def from_params(params: Params) -> Query:
    """Return what an address asks for: its text, and filters as parameters of their own.

    A form without scripts sends `q=dog&orientation=landscape&-album=Lisbon`. Empty values and
    parameters that are no filter are left to others. Raises what `parse` raises.
    """
    texts = [text for text in params.getlist(TEXT) if text.strip()]
    filters = []
    for key in params.keys():  # noqa: SIM118 (QueryDict is not all that is read)
        name = key.removeprefix("-").lower()
        name = ALIASES.get(name, name)
        given = [value for value in params.getlist(key) if value.strip()]
        if name in FILTERS and given:
            filters.append(parser.filter_of(name, given, excluded=key.startswith("-")))
    query = Query() if filters and not texts else parser.parse(texts[-1] if texts else "")
    together = Query(query.terms, parser.merged([*query.filters, *filters]))
    # Reading the text again applies the limits to what came from both.
    return parser.parse(to_text(together)) if filters else together


def chips(query: Query) -> list[Chip]:
    """Return a chip for each part of a query, terms first."""
    return [
        *(_term_chip(query, term, first=not place) for place, term in enumerate(query.terms)),
        *(_filter_chip(query, one) for one in query.filters),
    ]


def _term_chip(query: Query, term: Term, *, first: bool) -> Chip:
    plain = first and _is_plain(term)
    turned = parser.settled(replace(term, weight=-term.weight))
    return Chip(
        label=_term_label(term),
        kind=term.kind,
        sign="-" if term.excluded else "" if plain else "+",
        weight=abs(term.weight),
        text=term.value if plain else parser.as_written(term),
        without=to_text(query.without(term)),
        flipped=to_text(query.replacing(term, turned)),
    )


def _filter_chip(query: Query, one: Filter) -> Chip:
    turned = replace(one, excluded=not one.excluded)
    return Chip(
        label=filter_label(one),
        kind=one.name,
        sign="-" if one.excluded else "",
        weight=1.0,
        text=filter_to_text(one),
        without=to_text(query.without(one)),
        flipped=to_text(query.replacing(one, turned)),
    )


def filter_label(one: Filter) -> str:
    """Return a filter in words: "camera: Nikon or Canon", "not in an album"."""
    labels = [_LABELS.get(f"{one.name}:{value}") for value in one.values]
    if all(labels):
        text = " or ".join(label for label in labels if label)
    elif one.name in {"after", "before"}:
        word = "from" if one.name == "after" else "before"
        text = f"{word} {' or '.join(map(_date_label, one.values))}"
    elif one.name == "date":
        text = " or ".join(map(_date_label, one.values))
    else:
        text = f"{one.name}: {' or '.join(one.values)}"
    return f"not {text}" if one.excluded else text


def _date_label(value: str) -> str:
    first, dots, last = value.partition("..")
    if dots:
        if first and last:
            return f"{_date_label(first)} to {_date_label(last)}"
        return f"from {_date_label(first)}" if first else f"until {_date_label(last)}"
    return value if re.match(r"\d", value) else value.replace("-", " ")


def _term_label(term: Term) -> str:
    if term.kind == "text":
        return term.value
    return {"photo": "this photo", "part": "part of this photo"}.get(term.kind, "your picture")


def _is_plain(term: Term) -> bool:
    """Tell whether a term is a description: words that need neither sign nor quotes."""
    words = term.kind == "text" and term.weight == 1 and not term.quoted
    return words and parser.reads_back(term.value)
