"""Each filter of the query language as a condition, in SQL and for the index."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import BigIntegerField, F, FloatField, Q, QuerySet, Value
from django.db.models.functions import Cast, Cos, Radians, Sin
from django.db.models.lookups import GreaterThanOrEqual, LessThan, LessThanOrEqual
from django.utils.translation import gettext as _

from gallery import colours
from gallery.decoding.answers import RAW_FORMATS
from gallery.models import EmbeddingModel, InAlbum, Photo, Tagged
from search.language import dates, values
from search.language.dates import Span
from search.language.query_errors import ErrorCode, QueryError
from search.language.terms import Filter
from search.language.values import Bounds
from search.understanding.labels import hits
from search.vectors.index import Eq, Filter as IndexFilter, Has, In, Inside, Near, Not, Or, Range

if TYPE_CHECKING:
    from search.filters.library import Library

NOTHING = Q(pk__in=[])
EARTH_RADIUS = 6_371_008.8
"""Mean radius of Earth in metres (IUGG), as for `search.vectors.index.Near`."""

_HAS_STARS = Q(rating__gt=0)  # added to ranges of stars, so that SQLite uses its index of them
_MILLION = 1_000_000
_RATIO_SLACK = 1e-12  # smaller than the difference between the ratios of any two pictures
_DEGREE_SLACK = 1e-6  # some 10 cm, so that the box never cuts off what rounding lets pass
_ORIENTATIONS = {
    "landscape": Q(width__gt=F("height")),
    "portrait": Q(width__lt=F("height")),
    "square": Q(width=F("height")),
}
_RATIO = Cast("width", FloatField()) / Cast("height", FloatField())
_PIXELS = Cast("width", BigIntegerField()) * F("height")


@dataclass(frozen=True)
class Condition:
    """A condition on photos, in SQL (`q`) and for the index.

    `index_filter` is None where the payload of points does not tell. `ids` are then rows with the
    `photo_id` of each photo that meets the condition, or with `negated` of each that does not;
    None where finding them would mean reading all photos.
    """

    q: Q
    index_filter: IndexFilter | None = None
    ids: QuerySet[Any, Any] | None = None
    negated: bool = False

    def __invert__(self) -> Condition:
        index_filter = None if self.index_filter is None else Not(self.index_filter)
        return replace(self, q=~self.q, index_filter=index_filter, negated=not self.negated)


def condition_of(flt: Filter, library: Library) -> Condition:
    """Return the condition of a filter. Notes on unknown names go to the library.

    Raises `QueryError` with code unknown_filter or bad_filter for what `parse` never returns.
    """
    read = _READERS.get(flt.name)
    if read is None:
        message = _("There is no filter %(filter)s.") % {"filter": f"{flt.name[:40]}:"}
        raise QueryError(ErrorCode.UNKNOWN_FILTER, message)
    for value in flt.values:
        if values.check(flt.name, value) is None:
            details = {"filter": f"{flt.name}:", "value": repr(value[:40])}
            message = _("%(filter)s does not take %(value)s.") % details
            raise QueryError(ErrorCode.BAD_FILTER, message)
    condition = read(flt.values, library)
    return ~condition if flt.excluded else condition


def any_of(conditions: Sequence[Condition]) -> Condition:
    """Return the condition that any of these holds; without any, nothing meets it."""
    if len(conditions) == 1:
        return conditions[0]
    q = reduce(or_, (condition.q for condition in conditions), NOTHING)
    filters = [each.index_filter for each in conditions if each.index_filter is not None]
    return Condition(q, Or(tuple(filters)) if len(filters) == len(conditions) else None)


Reader = Callable[[Sequence[str], "Library"], Condition]


def _each(read: Callable[[str, Library], Condition]) -> Reader:
    return lambda texts, library: any_of([read(text, library) for text in texts])


# --- dates ----------------------------------------------------------------------------------------


def _after(value: str, library: Library) -> Condition:
    return _within(Span(dates.spans(value, today=library.today)[0].start, None))


def _before(value: str, library: Library) -> Condition:
    return _within(Span(None, dates.spans(value, today=library.today)[0].start))


def _date(value: str, library: Library) -> Condition:
    return any_of([_within(span) for span in dates.spans(value, today=library.today)])


def _within(span: Span) -> Condition:
    start, end = (start_of(day) if day else None for day in (span.start, span.end))
    q = Q()
    if start is not None:
        q &= Q(wall_at__gte=start)
    if end is not None:
        q &= Q(wall_at__lt=end)
    seconds = (None if moment is None else int(moment.timestamp()) for moment in (start, end))
    return Condition(q, Range("taken", *seconds))


def start_of(day: date) -> datetime:
    """Return when a day begins on the wall clock, as `Photo.wall_at` keeps it."""
    return datetime.combine(day, time(), UTC)


# --- camera and place -----------------------------------------------------------------------------


def _equipment(column: str) -> Reader:
    def read(texts: Sequence[str], library: Library) -> Condition:
        names = library.match_equipment(column, texts)
        return Condition(Q(**{f"{column}__in": names}), In(column, names) if names else Or(()))

    return read


def _place(texts: Sequence[str], library: Library) -> Condition:
    towns = sorted(library.place_ids(texts))
    return Condition(Q(place_id__in=towns), In("town", tuple(map(str, towns))) if towns else Or(()))


def _near(value: str, library: Library) -> Condition:
    place = values.place(value)
    where = place.latitude, place.longitude, place.km * 1000
    return Condition(_within_distance(*where), Near("place", *where))


def _area(value: str, library: Library) -> Condition:
    area = values.area(value)
    sides = area.south, area.west, area.north, area.east
    return Condition(area.q(), Inside("place", *sides))


def _within_distance(latitude: float, longitude: float, metres: float) -> Q:
    """Return the condition that a photo was taken within a great-circle distance.

    A box of degrees comes first, because it is far cheaper than the distance.
    """
    angle = metres / EARTH_RADIUS
    located = Q(latitude__isnull=False, longitude__isnull=False)
    if angle >= math.pi:
        return located
    half = math.sin(angle / 2) ** 2
    near = Q(LessThanOrEqual(_haversine(latitude, longitude), Value(half, FloatField())))
    return located & _box(latitude, longitude, angle) & near


def _box(latitude: float, longitude: float, angle: float) -> Q:
    """Return the condition of a box around the circle; near a pole it spans all longitudes."""
    height = math.degrees(angle) + _DEGREE_SLACK
    q = Q(latitude__gte=latitude - height, latitude__lte=latitude + height)
    if abs(latitude) + height >= 90:
        return q
    half_width = math.asin(math.sin(angle) / math.cos(math.radians(latitude)))
    width = math.degrees(half_width) + _DEGREE_SLACK
    west, east = longitude - width, longitude + width
    if west >= -180 and east <= 180:
        return q & Q(longitude__gte=west, longitude__lte=east)
    # The box crosses the date line.
    return q & (Q(longitude__gte=_wrap(west)) | Q(longitude__lte=_wrap(east)))


def _wrap(longitude: float) -> float:
    return (longitude + 180) % 360 - 180


def _haversine(latitude: float, longitude: float) -> Any:
    """Return sin² of half the angle between a photo's place and a point, from 0 to 1."""
    north = _sin_of_half(F("latitude") - Value(latitude, FloatField()))
    east = _sin_of_half(F("longitude") - Value(longitude, FloatField()))
    scale = Cos(Radians(F("latitude"))) * Value(math.cos(math.radians(latitude)), FloatField())
    return north * north + scale * east * east


def _sin_of_half(degrees: Any) -> Any:
    return Sin(Radians(degrees) / Value(2.0, FloatField()), output_field=FloatField())


# --- shape, size and colour -----------------------------------------------------------------------


def _orientation(texts: Sequence[str], library: Library) -> Condition:
    q = reduce(or_, (_ORIENTATIONS[text] for text in texts))
    return Condition(q, In("orientation", tuple(texts)))


def _aspect(value: str, library: Library) -> Condition:
    return aspect_within(values.aspect(value))


def aspect_within(bounds: Bounds) -> Condition:
    """Return the condition on width divided by height.

    The embedded index may read back a ratio whose last digit differs, so bounds get some slack.
    """
    low, high = bounds.low, bounds.high
    if low is not None:
        low *= 1 - _RATIO_SLACK if bounds.with_low else 1 + _RATIO_SLACK
    if high is not None:
        high *= 1 + _RATIO_SLACK if bounds.with_high else 1 - _RATIO_SLACK
    return Condition(_between(_RATIO, low, high), Range("aspect", low, high))


def _size(value: str, library: Library) -> Condition:
    bounds = values.size(value)
    low, high = _whole_bounds(bounds)
    if not bounds.unit:
        return Condition(_between(F("size"), low, high), Range("bytes", low, high))
    # The index has megapixels. Halfway between two whole numbers of pixels, rounding is harmless.
    ends = (None if end is None else (end - 0.5) / _MILLION for end in (low, high))
    return Condition(_between(_PIXELS, low, high), Range("megapixels", *ends))


def _whole_bounds(bounds: Bounds) -> tuple[int | None, int | None]:
    """Return the whole numbers within bounds: from the first up to but not including the second."""
    low = high = None
    if bounds.low is not None:
        number = round(bounds.low, 3)
        low = math.ceil(number) if bounds.with_low else math.floor(number) + 1
    if bounds.high is not None:
        number = round(bounds.high, 3)
        high = math.floor(number) + 1 if bounds.with_high else math.ceil(number)
    return low, high


def _between(expression: Any, low: float | None, high: float | None) -> Q:
    q = Q()
    if low is not None:
        q &= Q(GreaterThanOrEqual(expression, low))
    if high is not None:
        q &= Q(LessThan(expression, high))
    return q


_RAW = tuple(sorted(name.lower() for name in RAW_FORMATS))


def _type(texts: Sequence[str], library: Library) -> Condition:
    kinds = [kind for text in texts for kind in (_RAW if text == "raw" else (text,))]
    return Condition(Q(format__in=[kind.upper() for kind in kinds]), In("type", tuple(kinds)))


def _colour(texts: Sequence[str], library: Library) -> Condition:
    names = tuple(dict.fromkeys(colour_name(text) for text in texts))
    q = reduce(or_, (Q(colours__contains=f",{name},") for name in names))
    return Condition(q, In("colours", names))


def colour_name(value: str) -> str:
    """Return the colour that a value of `colour:` means, also for one such as #12ab9f."""
    if not value.startswith("#"):
        return value
    red, green, blue = bytes.fromhex(value[1:])
    return colours.name_of(red, green, blue)


# --- what people add to photos --------------------------------------------------------------------


def _album(texts: Sequence[str], library: Library) -> Condition:
    return _linked(InAlbum.objects.filter(album__in=library.album_ids(texts)))


def _in_album(value: str, library: Library) -> Condition:
    return _linked(InAlbum.objects.filter(album__owner=library.owner))


def _tag(texts: Sequence[str], library: Library) -> Condition:
    return _linked(Tagged.objects.filter(tag__in=library.tag_ids(texts)))


def _with_tag(library: Library) -> Condition:
    return _linked(Tagged.objects.filter(tag__owner=library.owner))


def _label(texts: Sequence[str], library: Library) -> Condition:
    active = EmbeddingModel.objects.active()
    return _linked(hits.live_hits(active).filter(projection__label__in=library.label_ids(texts)))


def _linked(rows: Any) -> Condition:
    """Return the condition that a photo is in these rows of a table that links photos."""
    return Condition(Q(pk__in=rows.values("photo")), ids=rows.values("photo_id"))


def _name(value: str, library: Library) -> Condition:
    # SQLite's LIKE ignores case for ASCII only.
    if value.isascii() or connection.vendor != "sqlite":
        return Condition(Q(name__icontains=value))
    return Condition(Q(name__iregex=re.escape(value)))


def _rating(texts: Sequence[str], library: Library) -> Condition:
    ranges = [values.rating(text) for text in texts]
    q = reduce(or_, (_between(F("rating"), *_whole_bounds(bounds)) for bounds in ranges))
    if not any(bounds.contains(0) for bounds in ranges):
        return Condition(q, ids=_own_ids(library, q & _HAS_STARS))
    # Most photos have no stars. Where those pass, the photos that do not pass are fewer.
    return Condition(q, ids=_own_ids(library, ~q & _HAS_STARS), negated=True)


def _own_ids(library: Library, q: Q) -> QuerySet[Any, Any]:
    photos = Photo.objects.live().filter(q, owner=library.owner)
    return photos.order_by().values(photo_id=F("pk"))


def _is(value: str, library: Library) -> Condition:
    if value == "favourite":
        return Condition(Q(favourite=True), ids=_own_ids(library, Q(favourite=True)))
    return Condition(Q(stack__isnull=False)) if value == "stacked" else ~_with_tag(library)


_HAS = {
    "gps": Condition(Q(latitude__isnull=False), Has("place")),
    "date": Condition(Q(taken_at__isnull=False), Eq("dated", value=True)),
    "camera": Condition(~Q(camera=""), Has("camera")),
    "caption": Condition(~Q(caption="")),
}


def _has(value: str, library: Library) -> Condition:
    return _HAS.get(value) or _with_tag(library)


_READERS: dict[str, Reader] = {
    "after": _each(_after), "before": _each(_before), "date": _each(_date),
    "camera": _equipment("camera"), "lens": _equipment("lens"), "orientation": _orientation,
    "aspect": _each(_aspect), "colour": _colour, "album": _album, "tag": _tag,
    "label": _label, "type": _type,
    "name": _each(_name), "place": _place, "near": _each(_near), "area": _each(_area),
    "size": _each(_size), "rating": _rating,
    "is": _each(_is), "has": _each(_has), "in": _each(_in_album),
}  # fmt: skip
