"""How many photos have each value of each facet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cached_property
from typing import Any

from django.db.models import Case, CharField, Count, F, IntegerField, Q, Value, When
from django.db.models.functions import Cast

from gallery import colours
from gallery.facts import MAX_STARS
from gallery.models import (
    Album,
    Audience,
    EmbeddingModel,
    InAlbum,
    Photo,
    PhotoQuerySet,
    Sensitive,
    Tag,
    Tagged,
    User,
    hidden_photos,
)
from gallery.models.dialects import ids_as_text
from search.facets import whole_library
from search.facets.whole_library import count_groups
from search.filters.conditions import start_of
from search.filters.library import Library
from search.understanding.labels.hits import live_hits
from search.understanding.labels.names import label_names
from search.understanding.models import Kind

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


class PhotoCounter:
    """Counts photos of one person by kind.

    Kinds are year, camera, lens, orientation, colour, type, album, tag, label, town, rating,
    favourite and place. Values are those that filters accept. Photos without a value are not
    counted.
    """

    def __init__(self, user: User, library: Library) -> None:
        self._user, self._library = user, library

    @cached_property
    def _years(self) -> list[int]:
        return _years(self._user, self._library)

    @cached_property
    def _packed(self) -> Any:
        return _pack(self._years)

    def counts(
        self, photos: PhotoQuerySet, kinds: Iterable[str], *, all_of_them: bool = False
    ) -> dict[str, Counter[str]]:
        """Return for each kind how many of the photos have each value.

        `all_of_them` says that these are all photos that the person may see, which is faster.
        """
        kinds, photos = list(kinds), photos.order_by()
        columns = [kind for kind in kinds if kind in _COLUMNS]
        if all_of_them and len(columns) > 1 and not isinstance(self._user, Audience):
            counts = self._count_library(columns)
        else:
            counts = self._count_columns(photos, columns)
        links = [kind for kind in ("album", "tag", "label") if kind in kinds]
        ids = ids_as_text(photos, "pk") if links and not all_of_them else None
        if "label" in links:
            links.remove("label")
            several = ids if ids is not None and len(ids) > MAX_LOOKUPS else None
            counts["label"] = _count_labels(self._user, photos, several)
        for kind in links:
            rows = _LINKS[kind].objects.filter(**{f"{kind}__owner": self._library.owner})
            counts[kind] = _count_links(rows, kind, photos, ids)
        return counts

    def _count_library(self, kinds: Sequence[str]) -> dict[str, Counter[str]]:
        """Return the same of all photos, less the hidden ones, which are few."""
        every = Photo.objects.visible_to(self._user, hidden=True)
        counts = whole_library.count_columns(every)
        hidden = every.filter(pk__in=hidden_photos(self._user))
        # Counted in the same way, so that what is taken off was counted.
        less = whole_library.count_columns(hidden) if hidden.exists() else {}
        return {kind: counts[kind] - less.get(kind, Counter()) for kind in kinds}

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
            cells = {columns[0]: count_groups(rows, columns[0])}
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
        # Each of the two is in an index of its own.
        gone = Photo.objects.trashed().values("pk")
        gone = gone.union(Photo.objects.exclude(deleted_at=None).values("pk"), all=True)
        counts = count_groups(rows, column)
        counts.subtract(count_groups(rows.filter(photo__in=gone), column))
        hidden = Sensitive.objects.hiding().exclude(photo__in=gone).values("photo")
        counts.subtract(count_groups(rows.filter(photo__in=hidden), column))
        return +counts
    if len(ids) <= MAX_LOOKUPS:
        return count_groups(rows.filter(photo__in=photos.values("pk")), column)
    pairs = rows.annotate(text=Cast("photo_id", CharField())).values_list(f"{kind}_id", "text")
    counts = Counter(key for key, photo_id in pairs.iterator(chunk_size=10_000) if photo_id in ids)
    names = dict(_MODELS[kind].objects.filter(pk__in=counts).values_list("pk", "name"))
    return Counter({names[key]: count for key, count in counts.items() if key in names})


def _count_labels(user: User, photos: PhotoQuerySet, ids: frozenset[str] | None) -> Counter[str]:
    """Return how many of the photos have each label, by its name in queries.

    `ids` are those of the photos as text, None for few photos or all. A photo has one label of a
    one-of set anyway, so such sets are no facets.
    """
    names = {each.id: each.short for each in label_names(user, Kind.ANY_OF)}
    if not names:
        return Counter()
    rows = live_hits(EmbeddingModel.objects.active()).filter(
        projection__label__set__owner_id=user.pk, projection__label__set__kind=Kind.ANY_OF
    )
    if ids is None:
        counted = rows.filter(photo__in=photos.values("pk")).order_by()
        pairs = counted.values_list("projection__label").annotate(count=Count("*"))
        return Counter({names[key]: count for key, count in pairs if key in names})
    found = rows.annotate(text=Cast("photo_id", CharField())).order_by()
    every = found.values_list("projection__label", "text").iterator(chunk_size=10_000)
    counts = Counter(key for key, text in every if text.replace("-", "") in ids)
    return Counter({names[key]: count for key, count in counts.items() if key in names})
