"""Writes a query as text, as the parameters of an address, and as chips."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import reduce
from typing import Protocol

from django.utils.translation import gettext as _, gettext_lazy

from search.language import parser
from search.language.description import reads_back
from search.language.query_errors import QueryError
from search.language.scanner import quote
from search.language.terms import ALIASES, FILTERS, Filter, Query, Reading, Term

_BARE = re.compile(r'[^\s,"\\][^\s,]*')
TEXT = "q"
"""The parameter of an address that holds the whole query."""

_LABELS = {
    "is:favourite": gettext_lazy("favourites"), "is:stacked": gettext_lazy("stacked"),
    "is:untagged": gettext_lazy("untagged"), "has:gps": gettext_lazy("with a place"),
    "has:caption": gettext_lazy("with a caption"), "has:date": gettext_lazy("with a date"),
    "has:camera": gettext_lazy("camera known"), "has:tag": gettext_lazy("tagged"),
    "in:album": gettext_lazy("in an album"),
}  # fmt: skip


class Params(Protocol):
    """The part of Django's QueryDict that is used here."""

    def getlist(self, key: str) -> list[str]: ...

    def keys(self) -> Iterable[str]: ...


@dataclass(frozen=True)
class Chip:
    """One part of a query, which can be removed or turned into its opposite.

    `kind` is the kind of the term or the name of the filter. `sign` is "+" or "-", and empty for
    the description and for filters that do not exclude. `text` is the part as it is typed.
    `without` is the whole query without the part, `flipped` the whole query with its sign changed.
    """

    label: str
    kind: str
    sign: str
    weight: float
    text: str
    without: str
    flipped: str


def to_text(query: Query) -> str:
    """Return the text of a query, which `parse` reads as the same query."""
    texts = [parser.term_to_text(parser.quote_if_needed(term)) for term in query.terms]
    if query.terms and _is_plain(query.terms[0]):
        texts[0] = query.terms[0].value
    return " ".join([*texts, *(filter_to_text(flt) for flt in query.filters)])


def to_words(query: Query) -> str:
    """Return the text of a query as people typed it, where words of it were read as other parts.

    `parse` reads it as the same query, from the same words. `to_text` would leave the words out.
    """
    return query.typed if _reads_as(query.typed, query) else to_text(query)


def turned_back(query: Query, reading: Reading) -> str:
    """Return the text of the query in which the words of a reading are words.

    `parse` reads it as `reading.plain`, and the other readings keep their words where they can.
    """
    text = query.typed.replace(reading.words, quote(reading.words), 1)
    return text if _reads_as(text, reading.plain) else to_text(reading.plain)


def _reads_as(text: str, query: Query) -> bool:
    with suppress(QueryError):
        return bool(text) and parser.parse(text) == query
    return False


def written(name: str, value: str) -> str:
    """Return a value of a filter as people write it: files of the format HEIF are called HEIC."""
    return "heic" if (name, value) == ("type", "heif") else value


def filter_to_text(flt: Filter) -> str:
    """Return a filter as it is typed."""
    place = flt.name in {"near", "area"} and len(flt.values) == 1
    shown = [written(flt.name, value) for value in flt.values]
    values = [value if place or _BARE.fullmatch(value) else quote(value) for value in shown]
    return f"{'-' if flt.excluded else ''}{flt.name}:{','.join(values)}"


def to_params(query: Query) -> dict[str, str]:
    """Return the parameters of an address that asks for the query: its text as `q`."""
    return {TEXT: text} if (text := to_text(query)) else {}


def from_params(params: Params, read: Callable[[str], Query] = parser.parse) -> Query:
    """Return the query of an address: its text, and filters that are parameters of their own.

    A form without scripts sends `q=dog&orientation=landscape&-album=Lisbon`. Empty values and
    parameters that are no filters are ignored. `read` reads the text. Raises what `parse` raises.
    """
    texts = [text for text in params.getlist(TEXT) if text.strip()]
    filters = []
    for key in params.keys():  # noqa: SIM118 (a QueryDict is not the only thing read here)
        name = key.removeprefix("-").lower()
        name = ALIASES.get(name, name)
        values = [value for value in params.getlist(key) if value.strip()]
        if name in FILTERS and values:
            filters.append(parser.make_filter(name, values, excluded=key.startswith("-")))
    query = Query() if filters and not texts else read(texts[-1] if texts else "")
    if not filters:
        return query
    typed = " ".join([query.typed, *map(filter_to_text, filters)]) if query.typed else ""
    query = parser.with_filters(query, filters)
    # Reading the text again applies the limits to the text and the parameters together.
    again = parser.parse(to_text(query))
    return replace(again, readings=query.readings, plain=query.plain, typed=typed)


def chips(query: Query) -> list[Chip]:
    """Return a chip for each part of a query, terms first."""
    return [
        *(_term_chip(query, term, first=not place) for place, term in enumerate(query.terms)),
        *(_filter_chip(query, flt) for flt in query.filters),
    ]


def _term_chip(query: Query, term: Term, *, first: bool) -> Chip:
    plain = first and _is_plain(term)
    opposite = parser.quote_if_needed(replace(term, weight=-term.weight))
    return Chip(
        label=_term_label(term),
        kind=term.kind,
        sign="-" if term.excluded else "" if plain else "+",
        weight=abs(term.weight),
        text=term.value if plain else parser.term_to_text(term),
        without=to_text(query.replacing(term)),
        flipped=to_text(query.replacing(term, opposite)),
    )


def _filter_chip(query: Query, flt: Filter) -> Chip:
    opposite = replace(flt, excluded=not flt.excluded)
    return Chip(
        label=filter_label(flt),
        kind=flt.name,
        sign="-" if flt.excluded else "",
        weight=1.0,
        text=filter_to_text(flt),
        without=to_text(query.replacing(flt)),
        flipped=to_text(query.replacing(flt, opposite)),
    )


def filter_label(flt: Filter) -> str:
    """Return a filter in words: "camera: Nikon or Canon", "not in an album"."""
    labels = [_LABELS.get(f"{flt.name}:{value}") for value in flt.values]
    if all(labels):
        text = _alternatives([str(label) for label in labels])
    elif flt.name in {"after", "before", "date"}:
        template = {"after": _("from %(date)s"), "before": _("before %(date)s")}
        text = _alternatives([_date_label(value) for value in flt.values])
        text = template.get(flt.name, "%(date)s") % {"date": text}
    else:
        text = f"{flt.name}: {_alternatives([written(flt.name, one) for one in flt.values])}"
    return _("not %(condition)s") % {"condition": text} if flt.excluded else text


def _alternatives(labels: Sequence[str]) -> str:
    either = _("%(some)s or %(other)s")
    return reduce(lambda some, other: either % {"some": some, "other": other}, labels)


def _date_label(value: str) -> str:
    first, dots, last = value.partition("..")
    if not dots:
        return value if re.match(r"\d", value) else value.replace("-", " ")
    if not last:
        return _("from %(date)s") % {"date": _date_label(first)}
    if not first:
        return _("until %(date)s") % {"date": _date_label(last)}
    ends = {"first": _date_label(first), "last": _date_label(last)}
    return _("%(first)s to %(last)s") % ends


def _term_label(term: Term) -> str:
    if term.kind == "text":
        return term.value
    pictures = {"photo": _("this photo"), "part": _("part of this photo")}
    return pictures.get(term.kind) or _("your picture")


def _is_plain(term: Term) -> bool:
    """Tell whether a term is a description: words that need neither sign nor quotes."""
    words = term.kind == "text" and term.weight == 1 and not term.quoted
    return words and reads_back(term.value)
