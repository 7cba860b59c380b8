"""The filters of a query as a form, and what a form says as a query.

The fields are named as the filters, with a minus before those that are left out, so that
`language.from_params` reads them. Five fields are put together first: `from` and `to`, `place`
and `radius`, and `resolution`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.http import QueryDict
from django.utils import timezone

from gallery.models import User
from search import language
from search.filters.library import library_names, library_traits
from search.language import (
    ErrorCode,
    Filter,
    Query,
    QueryError,
    dates,
    filter_label,
    filter_to_text,
    values,
)
from search.language.terms import FILTERS

SHOWN = 14
"""Names of one kind that are offered at once; the others are found by typing."""
YEARS = 10
RADII = ("1", "5", "25", "100", "500")
COLOURS = {
    "red": "#d33a2f", "orange": "#ee8a2c", "yellow": "#f4d03f", "green": "#3f9b45",
    "teal": "#2aa198", "blue": "#2f6fd6", "purple": "#8547ad", "pink": "#f29ac0",
    "brown": "#8a5a34", "black": "#1c1c1c", "white": "#ffffff", "grey": "#8f8f8f",
}  # fmt: skip
"""How the swatches of `gallery.colours.NAMES` are painted."""

_DATES = {
    "today": "Today", "last-30-days": "Last 30 days", "this-year": "This year",
    "last-year": "Last year", "last-summer": "Last summer", "last-winter": "Last winter",
}  # fmt: skip
_KINDS = {
    ("is", "favourite"): "Favourites", ("in", "album"): "In an album",
    ("has", "gps"): "With a place", ("has", "tag"): "Tagged",
    ("has", "caption"): "With a caption", ("is", "stacked"): "Stacked",
    ("has", "date"): "Date known",
}  # fmt: skip
_SHAPES = {"landscape": "Landscape", "portrait": "Portrait", "square": "Square"}
_WIDE = {">=2:1": "Panorama"}
_SIZES = {
    "<500KB": "Under 500 KB", "500KB..2MB": "500 KB to 2 MB", "2MB..10MB": "2 to 10 MB",
    ">10MB": "Over 10 MB",
}  # fmt: skip
_RESOLUTIONS = {"": "Any", "<2mp": "Under 2", ">=2mp": "2 and more", ">=8mp": "8 and more",
                ">=12mp": "12 and more", ">=24mp": "24 and more"}  # fmt: skip
_RATINGS = {"": "Any", ">=1": "★ and more", ">=2": "★★ and more", ">=3": "★★★ and more",
            ">=4": "★★★★ and more", "5": "★★★★★", "0": "Not rated"}  # fmt: skip
# Maps have a point in their addresses: "@38.72,-9.14,15z", "#map=15/38.72/-9.14", "q=38.72,-9.14".
_ON_A_MAP = re.compile(
    r"https?://\S*?([+-]?\d{1,3}\.\d+)(?:[,/]|%2C)([+-]?\d{1,3}\.\d+)", re.IGNORECASE
)
_TITLES = {"album": "Album", "tag": "Tags", "camera": "Camera", "lens": "Lens"}


@dataclass
class Option:
    """A value that can be chosen, left out, or neither; `name` is that of its filter."""

    name: str
    value: str
    label: str
    wanted: bool = False
    unwanted: bool = False
    paint: str = ""


@dataclass
class Group:
    """Options under one title; `more` has the names that are not among them."""

    key: str
    title: str
    options: list[Option]
    more: Sequence[str] = ()

    @property
    def active(self) -> int:
        """How many options are chosen or left out."""
        return sum(one.wanted or one.unwanted for one in self.options)


@dataclass
class Choice:
    """One of several values of a field that has one at most."""

    value: str
    label: str
    chosen: bool


@dataclass
class FilterForm:
    """What the form shows. `text` are the terms, `kept` the filters that no field can show."""

    text: str
    groups: dict[str, Group]
    kept: list[Choice] = field(default_factory=list)
    first: str = ""
    last: str = ""
    place: str = ""
    radius: str = "5"
    file_name: str = ""
    rating: str = ""
    resolution: str = ""
    problem: str = ""

    @property
    def ratings(self) -> list[Choice]:
        """The choices of `rating`."""
        return _choices(_RATINGS, self.rating)

    @property
    def resolutions(self) -> list[Choice]:
        """The choices of `resolution`, in megapixels."""
        return _choices(_RESOLUTIONS, self.resolution)

    @property
    def radii(self) -> list[Choice]:
        """The choices of `radius`, in kilometres."""
        shown = RADII if self.radius in RADII else (*RADII, self.radius)
        return _choices({one: f"{one} km" for one in shown}, self.radius)


def form_of(user: User, query: Query) -> FilterForm:
    """Return the form of a query, with the names of the person's library to choose from."""
    form = FilterForm(language.to_text(Query(query.terms)), _groups(user))
    for one in query.filters:
        if not (_in_field(form, one) or _in_options(form, one)):
            form.kept.append(Choice(filter_to_text(one), filter_label(one), chosen=True))
    for group in form.groups.values():
        chosen = [one for one in group.options if one.wanted or one.unwanted]
        others = [one for one in group.options if one not in chosen]
        if group.key in _TITLES:
            group.options = [*chosen, *others[: max(0, SHOWN - len(chosen))]]
            group.more = [one.value for one in others[max(0, SHOWN - len(chosen)) :]]
    return form


def query_of(params: QueryDict) -> Query:
    """Return the query that a form says, without terms and filters if it is empty.

    Raises `QueryError` with what `language.from_params` raises.
    """
    asked = params.copy()
    kept = [text for text in params.getlist("keep") if text.strip()]
    extra = [*kept, *_dates(params), *_near(params), *_resolution(params)]
    text = " ".join([params.get("q", ""), *extra]).strip()
    asked.setlist("q", [text] if text else [])
    chosen = [value for key in params if is_filter(key) for value in params.getlist(key)]
    return language.from_params(asked) if text or any(map(str.strip, chosen)) else Query()


def is_filter(key: str) -> bool:
    """Tell whether a field is a filter, wanted or left out."""
    return key.removeprefix("-") in FILTERS


# --- from a query to the form --------------------------------------------------------------------


def _groups(user: User) -> dict[str, Group]:
    names, traits = library_names(user), library_traits(user)
    dates = _DATES | {str(year): str(year) for year in traits.years[:YEARS]}
    colours = [Option("colour", one, one.title(), paint=paint) for one, paint in COLOURS.items()]
    types = [Option("type", one, one.upper()) for one in traits.types]
    groups = [
        Group("date", "Date", _options("date", dates)),
        Group(
            "kind", "Only", [Option(name, value, label) for (name, value), label in _KINDS.items()]
        ),
        *(
            Group(key, title, _options(key, {one: one for one in names.get(key, ())}))
            for key, title in _TITLES.items()
        ),
        Group("shape", "Shape", [*_options("orientation", _SHAPES), *_options("aspect", _WIDE)]),
        Group("colour", "Colour", colours),
        Group("type", "File type", types if len(types) > 1 else []),
        Group("size", "File size", _options("size", _SIZES)),
    ]
    return {group.key: group for group in groups}


def _options(name: str, labels: dict[str, str]) -> list[Option]:
    return [Option(name, value, label) for value, label in labels.items()]


def _in_options(form: FilterForm, one: Filter) -> bool:
    """Mark the options that a filter has chosen, and tell whether all its values are options.

    Names and dates become options even if they are not offered otherwise.
    """
    group = next((g for g in form.groups.values() if _takes(g, one.name)), None)
    if group is None:
        return False
    by_value = {o.value.casefold(): o for o in group.options if o.name == one.name}
    open_ended = one.name in _TITLES or one.name == "date"
    missing = [value for value in one.values if _key(one, value) not in by_value]
    if missing and not open_ended:
        return False
    for value in missing:
        label = filter_label(Filter(one.name, (value,))) if one.name == "date" else value
        by_value[_key(one, value)] = Option(one.name, value, label)
        group.options.append(by_value[_key(one, value)])
    for value in one.values:
        option = by_value[_key(one, value)]
        option.wanted |= not one.excluded
        option.unwanted |= one.excluded
    return True


def _takes(group: Group, name: str) -> bool:
    return group.key == name or any(one.name == name for one in group.options)


def _key(one: Filter, value: str) -> str:
    if one.name == "type" and value == "heif":
        return "heic"
    return value.casefold()


def _in_field(form: FilterForm, one: Filter) -> bool:
    """Put a filter of one value into the field that it has, and tell whether it has one."""
    if one.excluded or len(one.values) != 1:
        return False
    value = one.values[0]
    if one.name in {"date", "after", "before"}:
        return in_dates(form, one.name, value)
    if one.name == "near" and not form.place:
        found = values.place(value)
        form.place, form.radius = value.rpartition(",")[0], f"{found.km:g}"
        return True
    if one.name == "name" and not form.file_name:
        form.file_name = value
        return True
    if one.name == "rating" and value in _RATINGS and not form.rating:
        form.rating = value
        return True
    if one.name == "size" and value in _RESOLUTIONS and not form.resolution:
        form.resolution = value
        return True
    return False


def in_dates(form: FilterForm, name: str, value: str) -> bool:
    """Put days that do not move with the calendar into the fields for the first and last day."""
    if name == "date" and ".." not in value:
        return False
    range_ = {"after": f"{value}..", "before": f"..{value}"}.get(name, value)
    if re.search(r"[a-z]", range_):
        return False
    (span,) = dates.spans(range_, today=timezone.localdate())
    if name == "before":
        (span,) = (dates.Span(None, dates.spans(value, today=timezone.localdate())[0].start),)
    if (span.start and form.first) or (span.end and form.last):
        return False
    form.first = span.start.isoformat() if span.start else form.first
    form.last = (span.end - timedelta(1)).isoformat() if span.end else form.last
    return True


def _choices(labels: dict[str, str], chosen: str) -> list[Choice]:
    return [Choice(value, label, value == chosen) for value, label in labels.items()]


# --- from the form to a query --------------------------------------------------------------------


def _dates(params: QueryDict) -> list[str]:
    first, last = (_day(params.get(name, "")) for name in ("from", "to"))
    if first and last and first > last:
        raise QueryError(ErrorCode.BAD_FILTER, "The first day is after the last one.")
    return [f"date:{first}..{last}"] if first or last else []


def _day(text: str) -> str:
    text = text.strip()
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        raise QueryError(ErrorCode.BAD_FILTER, "Write days as in 2020-06-12.") from None


def _near(params: QueryDict) -> list[str]:
    place, radius = params.get("place", "").strip(), params.get("radius", "").strip()
    if not place:
        return []
    if found := _ON_A_MAP.search(place):
        place = f"{found[1]},{found[2]}"
    checked = values.check("near", f"{place},{radius or '5'}km")
    if checked is None:
        raise QueryError(
            ErrorCode.BAD_FILTER,
            "Write a place as latitude and longitude, such as 38.72, -9.14, or paste the address "
            "of a map.",
        )
    return [f"near:{checked}"]


def _resolution(params: QueryDict) -> list[str]:
    chosen = params.get("resolution", "")
    return [f"size:{chosen}"] if chosen and chosen in _RESOLUTIONS else []
