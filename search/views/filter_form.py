"""The filters of a query as a form, and a submitted form as a query.

Fields have the names of their filters, with a minus before those that exclude, so that
`language.from_params` reads them. Five fields are joined first: `from` and `to`, `point` and
`radius`, and `resolution`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gallery.models import User
from search import language
from search.engine.names import read
from search.facets.result_facets import LABELS
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
from search.views import address

Label = str | Promise

LISTED = 14
"""Names of one kind that are listed; the others are found by typing."""
YEARS = 10
RADII = ("1", "5", "25", "100", "500")
COLOURS = {
    "red": "#d33a2f", "orange": "#ee8a2c", "yellow": "#f4d03f", "green": "#3f9b45",
    "teal": "#2aa198", "blue": "#2f6fd6", "purple": "#8547ad", "pink": "#f29ac0",
    "brown": "#8a5a34", "black": "#1c1c1c", "white": "#ffffff", "grey": "#8f8f8f",
}  # fmt: skip
"""The colours of the swatches for `gallery.colours.NAMES`."""

_DATES = {
    "today": _("Today"), "last-30-days": _("Last 30 days"), "this-year": _("This year"),
    "last-year": _("Last year"), "last-summer": _("Last summer"),
    "last-winter": _("Last winter"),
}  # fmt: skip
_KINDS = {
    ("is", "favourite"): _("Favourites"), ("in", "album"): _("In an album"),
    ("has", "gps"): _("With a place"), ("has", "tag"): _("Tagged"),
    ("has", "caption"): _("With a caption"), ("is", "stacked"): _("Stacked"),
    ("has", "date"): _("Date known"),
}  # fmt: skip
_SHAPES = {"landscape": _("Landscape"), "portrait": _("Portrait"), "square": _("Square")}
_WIDE = {">=2:1": _("Panorama")}
_SIZES = {
    "<500KB": _("Under 500 KB"), "500KB..2MB": _("500 KB to 2 MB"),
    "2MB..10MB": _("2 to 10 MB"), ">10MB": _("Over 10 MB"),
}  # fmt: skip
_RESOLUTIONS = {
    "": _("Any"), "<2mp": _("Under 2"), ">=2mp": _("2 or more"),
    ">=8mp": _("8 or more"), ">=12mp": _("12 or more"), ">=24mp": _("24 or more"),
}  # fmt: skip
_RATINGS: dict[str, Label] = {
    "": _("Any"), ">=1": _("★ or more"), ">=2": _("★★ or more"),
    ">=3": _("★★★ or more"), ">=4": _("★★★★ or more"), "5": "★★★★★", "0": _("Not rated"),
}  # fmt: skip
# Maps have a point in their addresses: "@38.72,-9.14,15z", "#map=15/38.72/-9.14", "q=38.72,-9.14".
_ON_A_MAP = re.compile(
    r"https?://\S*?([+-]?\d{1,3}\.\d+)(?:[,/]|%2C)([+-]?\d{1,3}\.\d+)", re.IGNORECASE
)
_TITLES = {
    "album": _("Album"),
    "tag": _("Tags"),
    "label": _("Labels"),
    "place": _("Town or country"),
    "camera": _("Camera"),
    "lens": _("Lens"),
}


@dataclass
class Option:
    """A value to choose, to exclude, or neither; `name` is that of its filter."""

    name: str
    value: str
    label: Label
    wanted: bool = False
    unwanted: bool = False
    paint: str = ""


@dataclass
class Group:
    """Options under one title; `more` has the names that are not listed."""

    key: str
    title: Label
    options: list[Option]
    more: Sequence[str] = ()

    @property
    def active(self) -> int:
        """How many options are chosen or excluded."""
        return sum(option.wanted or option.unwanted for option in self.options)


@dataclass
class Choice:
    """One of several values of a field that has one at most."""

    value: str
    label: Label
    chosen: bool


@dataclass
class FilterForm:
    """The fields of the form. `text` has the terms, `kept` the filters without a field."""

    text: str
    groups: dict[str, Group]
    kept: list[Choice] = field(default_factory=list)
    first: str = ""
    last: str = ""
    point: str = ""
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
        radii = RADII if self.radius in RADII else (*RADII, self.radius)
        return _choices({radius: f"{radius} km" for radius in radii}, self.radius)


def form_of(user: User, query: Query) -> FilterForm:
    """Return the form of a query, with the names of the person's library to choose from."""
    form = FilterForm(language.to_text(Query(query.terms)), _groups(user))
    for condition in query.filters:
        if not (_in_field(form, condition) or _in_options(form, condition)):
            text, label = filter_to_text(condition), filter_label(condition)
            form.kept.append(Choice(text, label, chosen=True))
    for group in form.groups.values():
        if group.key in _TITLES:
            chosen = [option for option in group.options if option.wanted or option.unwanted]
            others = [option for option in group.options if option not in chosen]
            room = max(0, LISTED - len(chosen))
            group.options = [*chosen, *others[:room]]
            group.more = [option.value for option in others[room:]]
    return form


def query_of(user: User, params: QueryDict) -> Query:
    """Return the query of a submitted form, an empty one for an empty form; raise `QueryError`."""
    asked = params.copy()
    kept = [text for text in params.getlist("keep") if text.strip()]
    extra = [*kept, *_dates(params), *_near(params), *_resolution(params)]
    typed = params.get("q", "").strip()
    # A name here is put in quotes, so that it stays one among the other fields.
    words = [language.to_text(read(user, typed)) if extra else typed] if typed else []
    text = " ".join([*words, *extra])
    asked.setlist("q", [text] if text else [])
    chosen = [value for key in params if is_filter(key) for value in params.getlist(key)]
    return address.query_of(user, asked) if text or any(map(str.strip, chosen)) else Query()


def is_filter(key: str) -> bool:
    """Tell whether a field is a filter."""
    return key.removeprefix("-") in FILTERS


# --- from a query to the form --------------------------------------------------------------------


def _groups(user: User) -> dict[str, Group]:
    names, traits = library_names(user), library_traits(user)
    dates = _DATES | {str(year): str(year) for year in traits.years[:YEARS]}
    colours = [
        Option("colour", name, str(LABELS[name]), paint=paint) for name, paint in COLOURS.items()
    ]
    types = [Option("type", name, name.upper()) for name in traits.types]
    groups = [
        Group("date", _("Date"), _options("date", dates)),
        Group(
            "kind",
            _("Only"),
            [Option(name, value, label) for (name, value), label in _KINDS.items()],
        ),
        *(
            Group(key, title, _options(key, {name: name for name in names.get(key, ())}))
            for key, title in _TITLES.items()
        ),
        Group("shape", _("Shape"), [*_options("orientation", _SHAPES), *_options("aspect", _WIDE)]),
        Group("colour", _("Colour"), colours),
        Group("type", _("File type"), types if len(types) > 1 else []),
        Group("size", _("File size"), _options("size", _SIZES)),
    ]
    return {group.key: group for group in groups}


def _options(name: str, labels: Mapping[str, Label]) -> list[Option]:
    return [Option(name, value, label) for value, label in labels.items()]


def _in_options(form: FilterForm, condition: Filter) -> bool:
    """Mark the options that a filter has chosen, and tell whether all its values are options.

    Names and dates become options even if they are not offered otherwise.
    """
    group = next((g for g in form.groups.values() if _takes(g, condition.name)), None)
    if group is None:
        return False
    by_value = {o.value.casefold(): o for o in group.options if o.name == condition.name}
    open_ended = condition.name in _TITLES or condition.name == "date"
    missing = [value for value in condition.values if _key(condition, value) not in by_value]
    if missing and not open_ended:
        return False
    for value in missing:
        label = (
            filter_label(Filter(condition.name, (value,))) if condition.name == "date" else value
        )
        by_value[_key(condition, value)] = Option(condition.name, value, label)
        group.options.append(by_value[_key(condition, value)])
    for value in condition.values:
        option = by_value[_key(condition, value)]
        option.wanted |= not condition.excluded
        option.unwanted |= condition.excluded
    return True


def _takes(group: Group, name: str) -> bool:
    return group.key == name or any(option.name == name for option in group.options)


def _key(condition: Filter, value: str) -> str:
    if condition.name == "type" and value == "heif":
        return "heic"
    return value.casefold()


def _in_field(form: FilterForm, condition: Filter) -> bool:
    """Put a filter with one value into the field that it has, and tell whether it has one."""
    if condition.excluded or len(condition.values) != 1:
        return False
    value = condition.values[0]
    if condition.name in {"date", "after", "before"}:
        return in_dates(form, condition.name, value)
    if condition.name == "near" and not form.point:
        found = values.place(value)
        form.point, form.radius = value.rpartition(",")[0], f"{found.km:g}"
        return True
    if condition.name == "name" and not form.file_name:
        form.file_name = value
        return True
    if condition.name == "rating" and value in _RATINGS and not form.rating:
        form.rating = value
        return True
    if condition.name == "size" and value in _RESOLUTIONS and not form.resolution:
        form.resolution = value
        return True
    return False


def in_dates(form: FilterForm, name: str, value: str) -> bool:
    """Put fixed days into the fields for the first and last day; tell whether they fit there."""
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


def _choices(labels: Mapping[str, Label], chosen: str) -> list[Choice]:
    return [Choice(value, label, value == chosen) for value, label in labels.items()]


# --- from the form to a query --------------------------------------------------------------------


def _dates(params: QueryDict) -> list[str]:
    first, last = (_day(params.get(name, "")) for name in ("from", "to"))
    if first and last and first > last:
        raise QueryError(ErrorCode.BAD_FILTER, str(_("The first day is after the last one.")))
    return [f"date:{first}..{last}"] if first or last else []


def _day(text: str) -> str:
    text = text.strip()
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        raise QueryError(ErrorCode.BAD_FILTER, str(_("Write days as 2020-06-12."))) from None


def _near(params: QueryDict) -> list[str]:
    point, radius = params.get("point", "").strip(), params.get("radius", "").strip()
    if not point:
        return []
    if found := _ON_A_MAP.search(point):
        point = f"{found[1]},{found[2]}"
    checked = values.check("near", f"{point},{radius or '5'}km")
    if checked is None:
        message = _(
            "Write a place as latitude and longitude, such as 38.72, -9.14, or paste the address "
            "of a map."
        )
        raise QueryError(ErrorCode.BAD_FILTER, str(message))
    return [f"near:{checked}"]


def _resolution(params: QueryDict) -> list[str]:
    chosen = params.get("resolution", "")
    return [f"size:{chosen}"] if chosen and chosen in _RESOLUTIONS else []
