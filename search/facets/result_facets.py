"""Facets: what the photos of a result have in common, with counts. Each value is a link to a query.

Values of one kind are alternatives, so they are counted as if no filter of their kind were set.
The count then tells how many photos another value adds.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Case, CharField, Count, F, IntegerField, Q, Value, When
from django.db.models.functions import Cast
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _, ngettext

from gallery import colours
from gallery.facts import MAX_STARS
from gallery.models import Album, InAlbum, Photo, PhotoQuerySet, Tag, Tagged, User
from search.engine.answer import matching_photos
from search.filters.conditions import colour_name, start_of
from search.filters.library import Library, fold_name
from search.filters.selection import ids_as_text
from search.language import values
from search.language.terms import MAX_CHARACTERS, MAX_FILTERS, MAX_VALUES, Filter, Query
from search.language.writer import to_text

LIMIT = 12
"""Values of one kind that are listed. Values that are set are always listed."""
MAX_LOOKUPS = 50_000
"""So many photos are looked up one by one by the database; beyond that, all links are fetched."""
_LINKS: dict[str, Any] = {"album": InAlbum, "tag": Tagged}
_MODELS: dict[str, Any] = {"album": Album, "tag": Tag}
_STARS = MAX_STARS + 1
_SHAPES = ("portrait", "square", "landscape")
_COLUMNS = {
    "camera": "camera", "lens": "lens", "type": "format", "colour": "colours", "year": "packed",
    "rating": "packed", "orientation": "packed", "favourite": "packed", "place": "packed",
    "town": "place",
}  # fmt: skip


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
    _Kind("town", _("Town"), "place"),
    _Kind("camera", _("Camera"), "camera"),
    _Kind("lens", _("Lens"), "lens"),
    _Kind("rating", _("Rating"), "rating", by_value=True),
    _Kind("type", _("File type"), "type"),
    _Kind("favourite", _("Favourites"), "is", flag="favourite"),
    _Kind("place", _("Place"), "has", flag="gps"),
)
_LABELS = {
    "favourite": _("Favourites"), "gps": _("With a place"), "heif": "HEIC",
    "landscape": _("Landscape"), "portrait": _("Portrait"), "square": _("Square"),
    "red": _("Red"), "orange": _("Orange"), "yellow": _("Yellow"), "green": _("Green"),
    "teal": _("Teal"), "blue": _("Blue"), "purple": _("Purple"), "pink": _("Pink"),
    "brown": _("Brown"), "black": _("Black"), "white": _("White"), "grey": _("Grey"),
}  # fmt: skip
_NAMES = frozenset({"album", "tag", "camera", "lens", "town", "year"})
"""Kinds whose values are their own labels."""


def facets(
    user: User, query: Query, *, least: float | None = None, limit: int = LIMIT
) -> list[Facet]:
    """Return the facets of what matches a query; kinds without any value are left out.

    `least` is the minimum confidence of matches. Raises what `matching_photos` raises.
    """
    library = Library(user)
    counter = PhotoCounter(user, library)
    selection = {kind.name: _selection(kind, query, library) for kind in _KINDS}
    widened = [kind for kind in _KINDS if not kind.flag and _own_filters(kind, query)]
    others = [kind.name for kind in _KINDS if kind not in widened]
    photos = matching_photos(user, query, least=least)
    counts = counter.counts(photos, others, all_of_them=query == Query())
    for kind in widened:
        own = _own_filters(kind, query)
        wider = Query(query.terms, tuple(flt for flt in query.filters if flt not in own))
        photos = matching_photos(user, wider, least=least)
        counts |= counter.counts(photos, [kind.name], all_of_them=wider == Query())
    listed = (
        _facet(kind, counts[kind.name], selection[kind.name], query, limit) for kind in _KINDS
    )
    return [facet for facet in listed if facet.values]


def _facet(
    kind: _Kind, counts: Counter[str], selection: tuple[str, ...], query: Query, limit: int
) -> Facet:
    if kind.filter in {"album", "tag"}:
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
    return str(_LABELS.get(value, value.upper()))


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
            return [str(stars) for stars in range(_STARS) if bounds.contains(stars)]
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


# --- counting -------------------------------------------------------------------------------------


class PhotoCounter:
    """Counts photos of one person by kind.

    Kinds are year, camera, lens, orientation, colour, type, album, tag, town, rating, favourite and
    place. Values are those that filters accept. Photos without a value are not counted.
    """

    def __init__(self, user: User, library: Library) -> None:
        self._library = library
        self._years = _years(user, library)
        self._packed = _pack(self._years)

    def counts(
        self, photos: PhotoQuerySet, kinds: Iterable[str], *, all_of_them: bool = False
    ) -> dict[str, Counter[str]]:
        """Return for each kind how many of the photos have each value.

        `all_of_them` says that these are all photos that the person may see, which is faster.
        """
        kinds = list(kinds)
        photos = photos.order_by()
        counts = self._count_columns(photos, [kind for kind in kinds if kind in _COLUMNS])
        links = [kind for kind in ("album", "tag") if kind in kinds]
        ids = ids_as_text(photos, "pk") if links and not all_of_them else None
        for kind in links:
            rows = _LINKS[kind].objects.filter(**{f"{kind}__owner": self._library.owner})
            counts[kind] = _count_links(rows, kind, photos, ids)
        return counts

    def _count_columns(
        self, photos: PhotoQuerySet, kinds: Sequence[str]
    ) -> dict[str, Counter[str]]:
        if not kinds:
            return {}
        columns = sorted({_COLUMNS[kind] for kind in kinds})
        if "packed" in columns:
            photos = photos.annotate(packed=self._packed)
        rows = photos.values_list(*columns)
        if len(columns) == 1:
            # The database counts one column faster; several are faster to fetch at once.
            cells = {columns[0]: _count_groups(rows, columns[0])}
        else:
            cells = dict(zip(columns, map(Counter, zip(*rows, strict=True)), strict=False))
        return {
            kind: self._count_values(kind, cells.get(_COLUMNS[kind], Counter())) for kind in kinds
        }

    def _count_values(self, kind: str, cells: Counter[Any]) -> Counter[str]:
        """Return the counts of values of a kind, from the counts of cells of its column."""
        counts: Counter[str] = Counter()
        for cell, count in cells.items():
            for value in self._values(kind, cell):
                counts[value] += count
        return counts

    def _values(self, kind: str, cell: Any) -> list[str]:
        match kind:
            case "camera" | "lens" | "town":
                return [cell] if cell else []
            case "type":
                return [cell.lower()]
            case "colour":
                return colours.from_column(cell)
        year, rating, shape, favourite, located = _unpack(cell)
        return {
            "year": [str(self._years[year])],
            "rating": [str(rating)] if rating else [],
            "orientation": [_SHAPES[shape]],
            "favourite": ["favourite"] if favourite else [],
            "place": ["gps"] if located else [],
        }[kind]


def _years(user: User, library: Library) -> list[int]:
    """Return the years from the newest photo to the oldest, by the clocks on the wall."""
    times = Photo.objects.visible_to(user).values_list("wall_at", flat=True)
    ends = (times.order_by("-wall_at").first(), times.order_by("wall_at").first())
    last, first = (end.year if end else library.today.year for end in ends)
    return list(range(last, first - 1, -1))


def _pack(years: Sequence[int]) -> Any:
    """Return an expression that packs all columns with few values into one number.

    That leaves far fewer cells to fetch. Dates are compared with the starts of the years, newest
    first, because extracting a year costs SQLite a call of Python for each date.
    """
    starts = [start_of(date(year, 1, 1)) for year in years]
    year = _case([Q(wall_at__gte=start) for start in starts[:-1]], len(starts) - 1)
    shape = Case(
        When(width__gt=F("height"), then=Value(2)),
        When(width=F("height"), then=Value(1)),
        default=Value(0),
        output_field=IntegerField(),
    )
    favourite = _case([Q(favourite=False)], 1)
    located = _case([Q(latitude__isnull=True)], 1)
    return (((year * _STARS + F("rating")) * len(_SHAPES) + shape) * 2 + favourite) * 2 + located


def _case(conditions: Sequence[Q], default: int) -> Case:
    """Return the position of the first condition that holds, or the default."""
    whens = [When(condition, then=Value(place)) for place, condition in enumerate(conditions)]
    return Case(*whens, default=Value(default), output_field=IntegerField())


def _unpack(packed: int) -> tuple[int, int, int, int, int]:
    packed, located = divmod(packed, 2)
    packed, favourite = divmod(packed, 2)
    packed, shape = divmod(packed, len(_SHAPES))
    year, rating = divmod(packed, _STARS)
    return year, rating, shape, favourite, located


def _count_links(
    rows: Any, kind: str, photos: PhotoQuerySet, ids: frozenset[str] | None
) -> Counter[str]:
    """Return how many of the photos each album or tag has; without `ids`, of all photos."""
    column = f"{kind}__name"
    if ids is None:
        # Few photos are in the trash, so subtracting them is less work than checking all.
        gone = Photo.objects.exclude(deleted_at=None, trashed_at=None).order_by().values("pk")
        counts = _count_groups(rows, column)
        counts.subtract(_count_groups(rows.filter(photo__in=gone), column))
        return +counts
    if len(ids) <= MAX_LOOKUPS:
        return _count_groups(rows.filter(photo__in=photos.values("pk")), column)
    pairs = rows.annotate(text=Cast("photo_id", CharField())).values_list(f"{kind}_id", "text")
    counts = Counter(key for key, photo_id in pairs.iterator(chunk_size=10_000) if photo_id in ids)
    names = dict(_MODELS[kind].objects.filter(pk__in=counts).values_list("pk", "name"))
    return Counter({names[key]: count for key, count in counts.items() if key in names})


def _count_groups(rows: Any, column: str) -> Counter[str]:
    return Counter(dict(rows.values_list(column).annotate(count=Count("*"))))
