"""Facets: what the photos of a result have in common, with counts. Each value is a link to a query.

Values of one kind are alternatives, so they are counted as if no filter of their kind were set.
The count then tells how many photos another value adds.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _, ngettext

from gallery.facts import MAX_STARS
from gallery.models import (
    Audience,
    User,
)
from gallery.recent import recent
from search.engine.answer import SearchRequest, listed_photos
from search.facets.photo_counter import PhotoCounter
from search.filters.conditions import colour_name
from search.filters.library import Library, fold_name
from search.language import values
from search.language.terms import MAX_CHARACTERS, MAX_FILTERS, MAX_VALUES, Filter, Query
from search.language.writer import to_text

LIMIT = 12
"""Values of one kind that are listed. Values that are set are always listed."""


@dataclass(frozen=True)
class FacetValue:
    """A value of a facet, how many photos have it, and whether a filter asks for it (`on`).

    `value` is as in the filter. `query` is the text of the query with the value turned on or off;
    empty when nothing is left of it, None when the query would exceed its limits.
    """

    value: str
    label: str
    count: int
    on: bool
    query: str | None


@dataclass(frozen=True)
class Facet:
    """Values of one kind. `filter` is the name of their filter, `others` counts unlisted values.

    Years and stars are listed from the highest, others by how many photos have them.
    """

    name: str
    label: str
    filter: str
    values: tuple[FacetValue, ...]
    others: int = 0

    @property
    def is_set(self) -> bool:
        """Whether a filter asks for any of the values."""
        return any(value.on for value in self.values)


@dataclass(frozen=True)
class _Kind:
    """A kind of values. A kind that is either there or not has one value, `flag`."""

    name: str
    label: str | Promise
    filter: str
    flag: str = ""
    by_value: bool = False


_KINDS = (
    _Kind("year", _("Year"), "date", by_value=True),
    _Kind("colour", _("Colour"), "colour"),
    _Kind("orientation", _("Shape"), "orientation"),
    _Kind("album", _("Album"), "album"),
    _Kind("tag", _("Tag"), "tag"),
    _Kind("label", _("Label"), "label"),
    _Kind("town", _("Town"), "place"),
    _Kind("camera", _("Camera"), "camera"),
    _Kind("lens", _("Lens"), "lens"),
    _Kind("rating", _("Rating"), "rating", by_value=True),
    _Kind("type", _("File type"), "type"),
    _Kind("favourite", _("Favourites"), "is", flag="favourite"),
    _Kind("place", _("Place"), "has", flag="gps"),
)
LABELS = {
    "favourite": _("Favourites"), "gps": _("With a place"), "heif": "HEIC",
    "landscape": _("Landscape"), "portrait": _("Portrait"), "square": _("Square"),
    "red": _("Red"), "orange": _("Orange"), "yellow": _("Yellow"), "green": _("Green"),
    "teal": _("Teal"), "blue": _("Blue"), "purple": _("Purple"), "pink": _("Pink"),
    "brown": _("Brown"), "black": _("Black"), "white": _("White"), "grey": _("Grey"),
}  # fmt: skip
_NAMES = frozenset({"album", "tag", "label", "camera", "lens", "town", "year"})
"""Kinds whose values are their own labels."""


def facets(user: User, request: SearchRequest, *, limit: int = LIMIT) -> list[Facet]:
    """Return the facets of the photos that the answer to a request lists.

    Kinds without any value are left out. An audience gets facets of what is shared with it, of the
    kinds that it may filter by. Raises what `listed_photos` raises.
    """
    query = request.query
    kinds = _kinds_for(user)
    library = Library(user)
    counter = PhotoCounter(user, library)
    selection = {kind.name: _selection(kind, query, library) for kind in kinds}
    widened = [kind for kind in kinds if not kind.flag and _own_filters(kind, query)]
    others = [kind.name for kind in kinds if kind not in widened]
    whole, photos = query == Query(), listed_photos(user, request)
    count = partial(counter.counts, photos, others, all_of_them=whole)
    counts = recent(user, "facets", count) if whole else count()
    for kind in widened:
        own = _own_filters(kind, query)
        wider = Query(query.terms, tuple(flt for flt in query.filters if flt not in own))
        photos = listed_photos(user, replace(request, query=wider))
        counts |= counter.counts(photos, [kind.name], all_of_them=wider == Query())
    listed = (_facet(kind, counts[kind.name], selection[kind.name], query, limit) for kind in kinds)
    return [facet for facet in listed if facet.values]


def _kinds_for(user: User) -> tuple[_Kind, ...]:
    if not isinstance(user, Audience):
        return _KINDS
    return tuple(kind for kind in _KINDS if user.may_filter_by(kind.filter))


def _facet(
    kind: _Kind, counts: Counter[str], selection: tuple[str, ...], query: Query, limit: int
) -> Facet:
    if kind.filter in {"album", "tag", "label"}:
        selection = _with_spelling_of(selection, counts)
    order = sorted(counts, key=lambda value: (-counts[value], fold_name(value)))
    if kind.by_value:
        order.sort(key=int, reverse=True)
    listed = order[:limit] + [value for value in selection if value not in order[:limit]]
    toggled = {value: _toggle(kind, value, selection, query) for value in listed}
    choices = tuple(
        FacetValue(value, _label(kind, value), counts[value], value in selection, text)
        for value, text in toggled.items()
    )
    return Facet(kind.name, str(kind.label), kind.filter, choices, max(0, len(order) - limit))


def _label(kind: _Kind, value: str) -> str:
    if kind.name in _NAMES:
        return value
    if kind.name == "rating":
        return ngettext("%(count)s star", "%(count)s stars", int(value)) % {"count": value}
    return str(LABELS.get(value, value.upper()))


# --- values that are set --------------------------------------------------------------------------


def _own_filters(kind: _Kind, query: Query) -> list[Filter]:
    """Return the filters that ask for values of a kind, not those that exclude some."""
    own = [flt for flt in query.filters if flt.name == kind.filter and not flt.excluded]
    if kind.name == "year":
        # Photos must meet a bound such as `2020..` besides the year; it is no alternative.
        return [flt for flt in own if not values.bound_of("date", flt.values[0])]
    return [flt for flt in own if flt.values == (kind.flag,)] if kind.flag else own


def _selection(kind: _Kind, query: Query, library: Library) -> tuple[str, ...]:
    """Return the values of a kind that its filters ask for, in order."""
    selection: list[str] = []
    for place, flt in enumerate(_own_filters(kind, query)):
        meant = [value for text in flt.values for value in _values_of(kind, text, library)]
        selection = [value for value in selection if value in meant] if place else meant
    return tuple(dict.fromkeys(selection))


def _values_of(kind: _Kind, text: str, library: Library) -> Iterable[str]:
    """Return the values of a facet that one value of its filter means."""
    match kind.name:
        case "year":
            return [text] if re.fullmatch(r"\d{4}", text) else []
        case "camera" | "lens":
            return library.match_equipment(kind.name, [text])
        case "town":
            towns = library.places.called(text)
            # A country has too many; choosing one of its towns then narrows the filter.
            few = towns if len(towns) <= LIMIT else ()
            return sorted({library.places.towns[key].label for key in few})
        case "colour":
            return [colour_name(text)]
        case "rating":
            bounds = values.rating(text)
            return [str(stars) for stars in range(MAX_STARS + 1) if bounds.contains(stars)]
    return [text]


def _with_spelling_of(selection: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """Return the selected names in the spelling of `names`, whatever their case in the filter."""
    spelling = {fold_name(name): name for name in names}
    return tuple(spelling.get(fold_name(name), name) for name in selection)


# --- turning values on and off --------------------------------------------------------------------


def _toggle(kind: _Kind, value: str, selection: tuple[str, ...], query: Query) -> str | None:
    """Return the query with a value turned on or off; None if it would exceed the limits."""
    own = _own_filters(kind, query)
    alternatives = [other for other in selection if other != value]
    if value not in selection:
        alternatives.append(value)
    if kind.name == "year" and own:
        # Other dates, such as a season, are alternatives as well.
        dates = [date for date in own[0].values if date not in {*selection, value}]
        alternatives = dates + alternatives
    filters = [flt for flt in query.filters if flt not in own]
    if alternatives:
        place = query.filters.index(own[0]) if own else len(filters)
        filters.insert(place, Filter(kind.filter, tuple(alternatives)))
    text = to_text(Query(query.terms, tuple(filters)))
    fits = len(alternatives) <= MAX_VALUES and len(filters) <= MAX_FILTERS
    return text if fits and len(text) <= MAX_CHARACTERS else None
