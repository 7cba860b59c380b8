"""Each filter of the query language as a condition, in SQL and for the index."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db import connection
from django.db.models import F, Q, QuerySet

from gallery import colours
from gallery.models import InAlbum, Photo, Tagged
from search.filters import figures, places
from search.filters.library import Library
from search.language import Filter, days, values
from search.language.days import Span
from search.language.errors import QueryError
from search.vectors.index import Eq, Filter as IndexFilter, Has, In, Near, Not, Or, Range

NOTHING = Q(pk__in=[])
_STARRED = Q(rating__gt=0)  # said beside a range of stars, so that SQLite finds the index of them
Ids = QuerySet[Any, Any]
"""Rows with the `photo_id` of a photo each."""


@dataclass(frozen=True)
class Condition:
    """What photos must meet, in SQL and for the index.

    `flt` is None where the payload of points does not tell. `ids` are then the photos that meet
    it, or with `out` those that do not, where they can be had without reading all photos.
    """

    q: Q
    flt: IndexFilter | None = None
    ids: Ids | None = None
    out: bool = False

    def __invert__(self) -> Condition:
        flt = None if self.flt is None else Not(self.flt)
        return replace(self, q=~self.q, flt=flt, out=not self.out)


def condition(one: Filter, library: Library) -> Condition:
    """Return what a filter asks for; notes on unknown names go to the library.

    Raises `QueryError` with code unknown_filter or bad_filter for what no query has.
    """
    read = _READERS.get(one.name)
    if read is None:
        raise QueryError("unknown_filter", f"There is no filter {one.name[:40]}:.")
    for value in one.values:
        if values.check(one.name, value) is None:
            raise QueryError("bad_filter", f"{one.name}: does not take {value[:40]!r}.")
    found = read(one.values, library)
    return ~found if one.excluded else found


def any_of(found: Sequence[Condition]) -> Condition:
    """Return the condition that any of these is met; of none, nothing meets it."""
    if len(found) == 1:
        return found[0]
    flts = [one.flt for one in found if one.flt is not None]
    flt = Or(tuple(flts)) if len(flts) == len(found) else None
    return Condition(reduce(or_, (one.q for one in found), NOTHING), flt)


Reader = Callable[[Sequence[str], Library], Condition]


def _each(read: Callable[[str, Library], Condition]) -> Reader:
    return lambda given, library: any_of([read(value, library) for value in given])


# --- dates ----------------------------------------------------------------------------------------


def _after(value: str, library: Library) -> Condition:
    return _within(Span(_spans(value, library)[0].start, None), library)


def _before(value: str, library: Library) -> Condition:
    return _within(Span(None, _spans(value, library)[0].start), library)


def _date(value: str, library: Library) -> Condition:
    return any_of([_within(span, library) for span in _spans(value, library)])


def _spans(value: str, library: Library) -> tuple[Span, ...]:
    return days.spans(value, today=library.today)


def _within(span: Span, library: Library) -> Condition:
    start, end = (_second(day, library) for day in (span.start, span.end))
    q = Q()
    if start is not None:
        q &= Q(shown_at__gte=datetime.fromtimestamp(start, UTC))
    if end is not None:
        q &= Q(shown_at__lt=datetime.fromtimestamp(end, UTC))
    return Condition(q, Range("taken", start, end))


def _second(day: date | None, library: Library) -> int | None:
    return None if day is None else library.second(day)


# --- what cameras write ---------------------------------------------------------------------------


def _camera(given: Sequence[str], library: Library) -> Condition:
    return _in("camera", library.named("camera", library.cameras, given))


def _lens(given: Sequence[str], library: Library) -> Condition:
    return _in("lens", library.named("lens", library.lenses, given))


def _in(column: str, names: tuple[str, ...]) -> Condition:
    return Condition(Q(**{f"{column}__in": names}), In(column, names) if names else Or(()))


def _near(value: str, library: Library) -> Condition:
    place = values.place(value)
    metres = place.km * 1000
    return Condition(
        places.within(place.latitude, place.longitude, metres),
        Near("place", place.latitude, place.longitude, metres),
    )


# --- shape and size -------------------------------------------------------------------------------


def _orientation(given: Sequence[str], library: Library) -> Condition:
    q = reduce(or_, (figures.ORIENTATIONS[value] for value in given))
    return Condition(q, In("orientation", tuple(given)))


def _aspect(value: str, library: Library) -> Condition:
    return Condition(*figures.aspect(values.aspect(value)))


def _size(value: str, library: Library) -> Condition:
    bounds = values.size(value)
    return Condition(*(figures.pixels(bounds) if bounds.unit else figures.bytes_of(bounds)))


def _type(given: Sequence[str], library: Library) -> Condition:
    q = Q(format__in=[value.upper() for value in given])
    return Condition(q, In("type", tuple(given)))


def _colour(given: Sequence[str], library: Library) -> Condition:
    names = tuple(dict.fromkeys(colour_name(value) for value in given))
    q = reduce(or_, (Q(colours__contains=f",{name},") for name in names))
    return Condition(q, In("colours", names))


def colour_name(value: str) -> str:
    if not value.startswith("#"):
        return value
    red, green, blue = bytes.fromhex(value[1:])
    return colours.name_of(red, green, blue)


# --- what people put on photos --------------------------------------------------------------------


def _album(given: Sequence[str], library: Library) -> Condition:
    return _listed(InAlbum.objects.filter(album__in=library.albums(given)))


def _tag(given: Sequence[str], library: Library) -> Condition:
    return _listed(Tagged.objects.filter(tag__in=library.tags(given)))


def _in_album(value: str, library: Library) -> Condition:
    return _listed(InAlbum.objects.filter(album__owner=library.owner))


def _tagged(library: Library) -> Condition:
    return _listed(Tagged.objects.filter(tag__owner=library.owner))


def _listed(rows: Any) -> Condition:
    """Return the condition to be in a table between photos and something else."""
    return Condition(Q(pk__in=rows.values("photo")), ids=rows.values("photo_id"))


def _name(value: str, library: Library) -> Condition:
    # SQLite's LIKE knows capitals of ASCII only.
    if value.isascii() or connection.vendor != "sqlite":
        return Condition(Q(name__icontains=value))
    return Condition(Q(name__iregex=re.escape(value)))


def _rating(given: Sequence[str], library: Library) -> Condition:
    bounds = [values.rating(value) for value in given]
    q = reduce(or_, (figures.whole("rating", one) for one in bounds))
    if not any(one.hold(0) for one in bounds):
        return Condition(q, ids=_own(library, q & _STARRED))
    # Most photos have no stars, so where those pass, the others are fewer.
    return Condition(q, ids=_own(library, ~q & _STARRED), out=True)


def _own(library: Library, q: Q) -> Ids:
    photos = Photo.objects.live().filter(q, owner=library.owner)
    return photos.order_by().values(photo_id=F("pk"))


def _is(value: str, library: Library) -> Condition:
    match value:
        case "favourite":
            return Condition(Q(favourite=True), ids=_own(library, Q(favourite=True)))
        case "stacked":
            return Condition(Q(stack__isnull=False))
    return ~_tagged(library)


def _has(value: str, library: Library) -> Condition:
    match value:
        case "gps":
            return Condition(Q(latitude__isnull=False), Has("place"))
        case "date":
            return Condition(Q(taken_at__isnull=False), Eq("dated", value=True))
        case "camera":
            return Condition(~Q(camera=""), Has("camera"))
        case "caption":
            return Condition(~Q(caption=""))
    return _tagged(library)


_READERS: dict[str, Reader] = {
    "after": _each(_after),
    "before": _each(_before),
    "date": _each(_date),
    "camera": _camera,
    "lens": _lens,
    "orientation": _orientation,
    "aspect": _each(_aspect),
    "colour": _colour,
    "album": _album,
    "tag": _tag,
    "type": _type,
    "name": _each(_name),
    "near": _each(_near),
    "size": _each(_size),
    "rating": _rating,
    "is": _each(_is),
    "has": _each(_has),
    "in": _each(_in_album),
}
