"""Counting what photos have: one query for all columns, and one each for albums and tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from django.db.models import Case, CharField, Count, F, IntegerField, Q, Value, When
from django.db.models.functions import Cast
from django.utils import timezone

from gallery import colours
from gallery.models import Album, InAlbum, Photo, PhotoQuerySet, Tag, Tagged, User
from search.filters.ids import texts
from search.filters.library import Library

Packed = tuple[int, int, int, int, int]

JOINED = 50_000
"""Photos that the database looks up one by one; of more, all rows in between are fetched."""
_BETWEEN: dict[str, Any] = {"album": InAlbum, "tag": Tagged}
_MODELS: dict[str, Any] = {"album": Album, "tag": Tag}
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
        self._library = library
        self._years = _years(user, library)
        self._packed = _packed(self._years, library)

    def counts(
        self, photos: PhotoQuerySet, kinds: Iterable[str], *, all_of_them: bool = False
    ) -> dict[str, Counter[str]]:
        """Return for each kind how many of the photos have each value.

        `all_of_them` says that these are all photos that the person sees, which is faster.
        """
        kinds = list(kinds)
        photos = photos.order_by()
        found = self._columns(photos, [kind for kind in kinds if kind in _COLUMNS])
        named = [kind for kind in ("album", "tag") if kind in kinds]
        passing = texts(photos, "pk") if named and not all_of_them else None
        for kind in named:
            rows = _BETWEEN[kind].objects.filter(**{f"{kind}__owner": self._library.owner})
            found[kind] = _names(rows, kind, photos, passing)
        return found

    def _columns(self, photos: PhotoQuerySet, kinds: Sequence[str]) -> dict[str, Counter[str]]:
        if not kinds:
            return {}
        columns = sorted({_COLUMNS[kind] for kind in kinds})
        if "packed" in columns:
            photos = photos.annotate(packed=self._packed)
        rows = photos.values_list(*columns)
        if len(columns) == 1:
            # One column is counted faster by the database, several by fetching them once.
            counted = {columns[0]: _grouped(rows, columns[0])}
        else:
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
    shown = Photo.objects.visible_to(user).values_list("shown_at", flat=True)
    ends = (shown.order_by("-shown_at", "-id").first(), shown.order_by("shown_at", "id").first())
    last, first = (
        timezone.localdate(end, library.zone).year if end else library.today.year for end in ends
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


def _names(
    rows: Any, kind: str, photos: PhotoQuerySet, passing: frozenset[str] | None
) -> Counter[str]:
    """Return how many of the photos are in each album, or under each tag; None means all."""
    column = f"{kind}__name"
    if passing is None:
        # Few photos are in the trash, so that leaving them out is less work than looking at all.
        gone = Photo.objects.exclude(deleted_at=None, trashed_at=None).order_by().values("pk")
        found = _grouped(rows, column)
        found.subtract(_grouped(rows.filter(photo__in=gone), column))
        return +found
    if len(passing) <= JOINED:
        return _grouped(rows.filter(photo__in=photos.values("pk")), column)
    pairs = rows.annotate(text=Cast("photo_id", CharField())).values_list(f"{kind}_id", "text")
    found = Counter(key for key, one in pairs.iterator(chunk_size=10_000) if one in passing)
    names = dict(_MODELS[kind].objects.filter(pk__in=found).values_list("pk", "name"))
    return Counter({names[key]: count for key, count in found.items() if key in names})


def _grouped(rows: Any, column: str) -> Counter[str]:
    return Counter(dict(rows.values_list(column).annotate(count=Count("*"))))
