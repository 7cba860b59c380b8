"""Counting what photos have: one query for all columns, and one each for albums and tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Case, Count, F, IntegerField, Max, Min, Q, Value, When
from django.utils import timezone

from gallery import colours
from gallery.albums import InAlbum, Tagged
from gallery.models import Photo
from gallery.models.photos import PhotoQuerySet
from search.narrowing.library import Library

User = AbstractBaseUser | AnonymousUser
Packed = tuple[int, int, int, int, int]

_SHAPES = ("portrait", "square", "landscape")
_STARS = 6
_COLUMNS = {
    "camera": "camera",
    "lens": "lens",
    "type": "format",
    "colour": "colours",
    "year": "packed",
    "rating": "packed",
    "orientation": "packed",
    "favourite": "packed",
    "place": "packed",
}


class Counting:
    """Counts photos of one person by kind.

    Kinds are year, camera, lens, orientation, colour, type, album, tag, rating, favourite and
    place. Values are those that filters take; photos without a value count nowhere.
    """

    def __init__(self, user: User, library: Library) -> None:
        self._years = _years(user, library)
        self._packed = _packed(self._years, library)

    def counts(self, photos: PhotoQuerySet, kinds: Iterable[str]) -> dict[str, Counter[str]]:
        """Return for each kind how many of the photos have each value."""
        kinds = list(kinds)
        photos = photos.order_by()
        found = self._columns(photos, [kind for kind in kinds if kind in _COLUMNS])
        if "album" in kinds:
            found["album"] = _names(InAlbum, "album__name", photos)
        if "tag" in kinds:
            found["tag"] = _names(Tagged, "tag__name", photos)
        return found

    def _columns(self, photos: PhotoQuerySet, kinds: Sequence[str]) -> dict[str, Counter[str]]:
        if not kinds:
            return {}
        columns = sorted({_COLUMNS[kind] for kind in kinds})
        rows = photos.annotate(packed=self._packed).values_list(*columns)
        counted = dict(zip(columns, map(Counter, zip(*rows, strict=True)), strict=False))
        return {kind: self._read(kind, counted.get(_COLUMNS[kind], Counter())) for kind in kinds}

    def _read(self, kind: str, column: Counter[Any]) -> Counter[str]:
        """Return the values of a kind that a counted column has."""
        found: Counter[str] = Counter()
        for cell, count in column.items():
            for value in self._values(kind, cell):
                found[value] += count
        return found

    def _values(self, kind: str, cell: Any) -> list[str]:
        match kind:
            case "camera" | "lens":
                return [cell] if cell else []
            case "type":
                return [cell.lower()]
            case "colour":
                return colours.from_column(cell)
        year, rating, shape, favourite, located = _unpacked(cell)
        return {
            "year": [str(self._years[year])],
            "rating": [str(rating)] if rating else [],
            "orientation": [_SHAPES[shape]],
            "favourite": ["favourite"] if favourite else [],
            "place": ["gps"] if located else [],
        }[kind]


def _years(user: User, library: Library) -> list[int]:
    """Return the years from the newest photo to the oldest, in the gallery's time zone."""
    photos = Photo.objects.visible_to(user)
    ends = photos.aggregate(first=Min("shown_at"), last=Max("shown_at"))
    first, last = (
        timezone.localdate(end, library.zone).year if end else library.today.year
        for end in (ends["first"], ends["last"])
    )
    return list(range(last, first - 1, -1))


def _packed(years: Sequence[int], library: Library) -> Any:
    """Return one number for all of a photo that takes few values: far fewer cells to fetch.

    The years are compared with when they begin, the newest first, since taking dates apart costs
    SQLite a call of Python for each.
    """
    begins = [datetime.fromtimestamp(library.second(date(year, 1, 1)), UTC) for year in years]
    year = _case([Q(shown_at__gte=begin) for begin in begins[:-1]], len(begins) - 1)
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
    """Return the place of the first condition that holds, or the default."""
    whens = [When(one, then=Value(place)) for place, one in enumerate(conditions)]
    return Case(*whens, default=Value(default), output_field=IntegerField())


def _unpacked(packed: int) -> Packed:
    packed, located = divmod(packed, 2)
    packed, favourite = divmod(packed, 2)
    packed, shape = divmod(packed, len(_SHAPES))
    year, rating = divmod(packed, _STARS)
    return year, rating, shape, favourite, located


def _names(between: Any, name: str, photos: PhotoQuerySet) -> Counter[str]:
    """Return how many of the photos are in each album, or under each tag."""
    rows = between.objects.filter(photo__in=photos.values("pk"))
    counted: Callable[..., Any] = rows.values_list(name).annotate
    return Counter(dict(counted(count=Count("photo"))))
