"""What the photos of a result have in common, with counts, each a step to fewer or more of them.

Values of one kind are alternatives, so they are counted as if no filter of their kind was set:
the count tells how many photos come in when one more value is chosen.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gallery.facts import MAX_STARS
from gallery.models import User
from search import language
from search.engine.answer import matching_photos
from search.facets.counting import Counting
from search.filters.conditions import colour_name
from search.filters.library import Library, folded
from search.language import Filter, Query, values
from search.language.terms import MAX_CHARACTERS, MAX_FILTERS, MAX_VALUES

SHOWN = 12
"""Values of one kind that are listed; those that are set always are."""


@dataclass(frozen=True)
class Value:
    """A value of a facet, how many photos have it, and whether a filter asks for it (`on`).

    `value` is as the filter has it. `query` is the text of the query with the value switched on
    or off, empty when nothing is left of it; None when a query cannot hold more.
    """

    value: str
    label: str
    count: int
    on: bool
    query: str | None


@dataclass(frozen=True)
class Facet:
    """Values of one kind; `filter` is the name of their filter, `others` how many are not listed.

    Years and stars come highest first, all others by how many photos have them.
    """

    name: str
    label: str
    filter: str
    values: tuple[Value, ...]
    others: int = 0

    @property
    def is_set(self) -> bool:
        """Whether a filter asks for any of the values."""
        return any(one.on for one in self.values)


@dataclass(frozen=True)
class _Kind:
    """A kind of values; `flag` is the one value of kinds that are there or not."""

    name: str
    label: str
    filter: str
    flag: str = ""
    by_value: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)


_KINDS = (
    _Kind("year", "Year", "date", by_value=True),
    _Kind("colour", "Colour", "colour"),
    _Kind("orientation", "Shape", "orientation"),
    _Kind("album", "Album", "album"),
    _Kind("tag", "Tag", "tag"),
    _Kind("camera", "Camera", "camera"),
    _Kind("lens", "Lens", "lens"),
    _Kind("rating", "Rating", "rating", by_value=True),
    _Kind("type", "File type", "type"),
    _Kind("favourite", "Favourites", "is", flag="favourite", labels={"favourite": "Favourites"}),
    _Kind("place", "Place", "has", flag="gps", labels={"gps": "With a place"}),
)
_TYPES = {"heif": "HEIC"}


def facets(
    user: User, query: Query, *, least: float | None = None, shown: int = SHOWN
) -> list[Facet]:
    """Return the facets of what matches a query; kinds without any value are left out.

    `least` is the trust that matches need, as for `matching_photos`, whose errors are raised.
    """
    library = Library(user)
    counting = Counting(user, library)
    chosen = {kind.name: _chosen(kind, query, library) for kind in _KINDS}
    widened = [kind for kind in _KINDS if not kind.flag and _own(kind, query)]
    rest = [kind.name for kind in _KINDS if kind not in widened]
    found = counting.counts(
        matching_photos(user, query, least=least), rest, all_of_them=query == Query()
    )
    for kind in widened:
        wider = Query(query.terms, _without(query.filters, _own(kind, query)))
        photos = matching_photos(user, wider, least=least)
        found |= counting.counts(photos, [kind.name], all_of_them=wider == Query())
    listed = [_facet(kind, found[kind.name], chosen[kind.name], query, shown) for kind in _KINDS]
    return [facet for facet in listed if facet.values]


def _facet(
    kind: _Kind, counts: Counter[str], chosen: tuple[str, ...], query: Query, shown: int
) -> Facet:
    if kind.filter in {"album", "tag"}:
        chosen = _as_named(chosen, counts)
    order = sorted(counts, key=lambda value: (-counts[value], folded(value)))
    if kind.by_value:
        order.sort(key=int, reverse=True)
    listed = order[:shown] + [value for value in chosen if value not in order[:shown]]
    return Facet(
        kind.name,
        kind.label,
        kind.filter,
        tuple(
            Value(
                value,
                _label(kind, value),
                counts[value],
                value in chosen,
                _switched(kind, value, chosen, query),
            )
            for value in listed
        ),
        max(0, len(order) - shown),
    )


def _label(kind: _Kind, value: str) -> str:
    if kind.name == "rating":
        return f"{value} star{'' if value == '1' else 's'}"
    if kind.name == "type":
        return _TYPES.get(value, value.upper())
    if kind.name in {"orientation", "colour"}:
        return value.capitalize()
    return kind.labels.get(value, value)


# --- what is set ----------------------------------------------------------------------------------


def _own(kind: _Kind, query: Query) -> list[Filter]:
    """Return the filters that ask for values of a kind; those that exclude some stay in force."""
    own = [one for one in query.filters if one.name == kind.filter and not one.excluded]
    if kind.name == "year":
        # A bound such as `2020..` is met as well as a year, not instead of it.
        return [one for one in own if not values.bounded("date", one.values[0])]
    return [one for one in own if one.values == (kind.flag,)] if kind.flag else own


def _chosen(kind: _Kind, query: Query, library: Library) -> tuple[str, ...]:
    """Return the values of a kind that its filters ask for, in order."""
    found: list[str] = []
    for place, one in enumerate(_own(kind, query)):
        meant = [value for given in one.values for value in _meant(kind, given, library)]
        found = [value for value in found if value in meant] if place else meant
    return tuple(dict.fromkeys(found))


def _meant(kind: _Kind, given: str, library: Library) -> Iterable[str]:
    """Return the values of a facet that a value of its filter stands for."""
    match kind.name:
        case "year":
            return [given] if re.fullmatch(r"\d{4}", given) else []
        case "camera":
            return library.named("camera", library.cameras, [given])
        case "lens":
            return library.named("lens", library.lenses, [given])
        case "colour":
            return [colour_name(given)]
        case "rating":
            bounds = values.rating(given)
            return [str(stars) for stars in range(MAX_STARS + 1) if bounds.hold(stars)]
    return [given]


def _as_named(chosen: Iterable[str], counts: Iterable[str]) -> tuple[str, ...]:
    """Return names as they are spelt, whatever capitals the filter has."""
    spelt = {folded(name): name for name in counts}
    return tuple(spelt.get(folded(name), name) for name in chosen)


# --- switching ------------------------------------------------------------------------------------


def _switched(kind: _Kind, value: str, chosen: tuple[str, ...], query: Query) -> str | None:
    """Return the text of the query with a value on or off; None if a query cannot hold it."""
    own = _own(kind, query)
    kept = [one for one in chosen if one != value]
    if value not in chosen:
        kept.append(value)
    if kind.name == "year" and own:
        # Dates that are no years, such as a season, are alternatives as well.
        kept = [one for one in own[0].values if one not in {*chosen, value}] + kept
    filters = list(_without(query.filters, own))
    if kept:
        place = query.filters.index(own[0]) if own else len(filters)
        filters.insert(place, Filter(kind.filter, tuple(kept)))
    text = language.to_text(Query(query.terms, tuple(filters)))
    fits = len(kept) <= MAX_VALUES and len(filters) <= MAX_FILTERS and len(text) <= MAX_CHARACTERS
    return text if fits else None


def _without(filters: Iterable[Filter], left_out: Iterable[Filter]) -> tuple[Filter, ...]:
    out = list(left_out)
    return tuple(one for one in filters if one not in out)
