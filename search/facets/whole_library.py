"""Facets of all photos of a person, counted in indexes and not in the table of photos.

Hidden photos are in the indexes as well, so whoever asks takes them off.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

from django.db.models import Case, Count, F, Q, Value, When

from gallery import colours, gazetteer
from gallery.models import PhotoQuerySet
from search.filters.conditions import start_of

_FACTS = {
    "square": Q(width=F("height")),
    "landscape": Q(width__gt=F("height")),
    "gps": Q(latitude__isnull=False),
}
"""What is counted with colours and file types: the other columns of the index `photo_facets`."""


def count_columns(photos: PhotoQuerySet) -> dict[str, Counter[str]]:
    """Return for each kind of a facet that is a column how many photos have each value.

    The photos are those of one owner, by nothing but conditions of the indexes.
    """
    facts, by_colour, by_type = _count_facts(photos)
    return {
        "year": _count_years(photos),
        "town": _count_towns(photos),
        "camera": count_groups(photos.exclude(camera=""), "camera"),
        "lens": count_groups(photos.exclude(lens=""), "lens"),
        "type": by_type,
        "colour": by_colour,
        "orientation": _shapes(facts, by_type.total()),
        "rating": _count_stars(photos),
        "favourite": +Counter(favourite=photos.filter(favourite=True).count()),
        "place": +Counter(gps=facts["gps"]),
    }


def count_groups(rows: Any, column: str) -> Counter[Any]:
    """Return how many of the rows have each value of a column."""
    return Counter(dict(rows.order_by().values_list(column).annotate(count=Count("*"))))


def _count_facts(photos: PhotoQuerySet) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Return how many photos meet each fact, and have each colour and each file type."""
    # A count of rows would be one of ids, which are not in the index.
    sums = {name: Count(Case(When(fact, then=Value(1)))) for name, fact in _FACTS.items()}
    rows = photos.order_by().values_list("colours", "format").annotate(all=Count("*"), **sums)
    facts, by_colour, by_type = Counter[str](), Counter[str](), Counter[str]()
    for names, kind, number, *numbers in rows:
        facts.update(dict(zip(_FACTS, numbers, strict=True)))
        by_type[kind.lower()] += number
        for name in colours.from_column(names):
            by_colour[name] += number
    return facts, by_colour, by_type


def _shapes(facts: Counter[str], photos: int) -> Counter[str]:
    square, landscape = facts["square"], facts["landscape"]
    portrait = photos - square - landscape
    return +Counter(portrait=portrait, square=square, landscape=landscape)


def _count_stars(photos: PhotoQuerySet) -> Counter[str]:
    # SQLite knows the index of the photos with stars by these words.
    rated = photos.extra(where=['"gallery_photo"."rating" > 0'])
    by_rating = count_groups(rated, "rating")
    return Counter({str(stars): number for stars, number in by_rating.items()})


def _count_towns(photos: PhotoQuerySet) -> Counter[str]:
    by_id = count_groups(photos.exclude(place_id=None), "place_id")
    counts = Counter[str]()
    for key, town in gazetteer.towns(by_id).items():
        counts[town.label] += by_id[key]
    return counts


def _count_years(photos: PhotoQuerySet) -> Counter[str]:
    return Counter({str(year): number for year, number in _years(photos)})


def _years(photos: PhotoQuerySet) -> Iterator[tuple[int, int]]:
    """Yield the years that have photos, newest first, each with their number."""
    walls = photos.order_by("-wall_at").values_list("wall_at", flat=True)
    latest = walls.first()
    while latest is not None:
        start = start_of(date(latest.year, 1, 1))
        yield latest.year, photos.filter(wall_at__gte=start, wall_at__lte=latest).count()
        latest = walls.filter(wall_at__lt=start).first()
