"""The calendar: a heat map of each year, and the photos of this day in other years."""

from __future__ import annotations

import calendar as months_and_days
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial, reduce
from operator import or_
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.http import require_safe

from gallery.models import Photo, PhotoQuerySet
from gallery.recent import recent
from gallery.views import PageRequest
from gallery.views.tiles import by_day, cursor_behind, tiles, years

REMEMBERED = 60
"""Photos of this day that are shown, of all years together."""
_MONDAY = date(2024, 1, 1)


@require_safe
@login_required
def calendar(request: PageRequest) -> HttpResponse:
    """Show a year, the one in the address or the latest with photos."""
    photos = Photo.objects.visible_to(request.user)
    known = [year for year, _cursor in recent(request.user, "years-True", partial(years, photos))]
    today = timezone.localdate()
    year = _year(request.GET.get("year", ""), known, today.year)
    find = partial(months_of, photos, year)
    same_day = on_this_day(photos, today, known, REMEMBERED)
    context = {
        "year": year,
        "years": known,
        "months": recent(request.user, f"calendar-{year}", find) if known else [],
        "weekdays": [date_format(_MONDAY + timedelta(days=number), "D") for number in range(7)],
        "today": today,
        "remembered": by_day(tiles(same_day)),
    }
    return render(request, "gallery/calendar.html", context)


def _year(text: str, known: list[int], this_year: int) -> int:
    wanted = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else None
    return wanted if wanted in known else known[0] if known else this_year


@require_safe
@login_required
def day(request: PageRequest, day: str) -> HttpResponse:
    """Lead to a day in the grid; 404 if it has no photos."""
    try:
        wanted = date.fromisoformat(day)
    except ValueError:
        raise Http404 from None
    photos = Photo.objects.visible_to(request.user)
    cursor = cursor_behind(of_day(photos, wanted))
    if cursor is None:
        raise Http404
    return redirect(f"{reverse('grid')}?after={cursor}&stacks=all")


# --- the days -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DayOfYear:
    """A day and its number of photos; `heat` is that number against the fullest day, 0 to 1."""

    date: date
    photos: int = 0
    heat: float = 0.0


@dataclass(frozen=True)
class Month:
    """The days of a month; `skipped` days of its first week belong to the month before."""

    first: date
    skipped: int
    days: Sequence[DayOfYear]


def months_of(photos: PhotoQuerySet, year: int) -> list[Month]:
    """Return the months of a year with the photos of each day, by the clocks on the wall."""
    counts = _counts(photos, year)
    most = max(counts.values(), default=1)
    return [_month(date(year, month, 1), counts, most) for month in range(1, 13)]


def on_this_day(
    photos: PhotoQuerySet, today: date, years: Iterable[int], limit: int
) -> list[Photo]:
    """Return photos of the same day in earlier years, the latest first."""
    days = [found for year in years if year < today.year if (found := _same_day(today, year))]
    if not days:
        return []
    return list(photos.filter(reduce(or_, map(_within, days))).order_by("-wall_at", "pk")[:limit])


def of_day(photos: PhotoQuerySet, day: date) -> PhotoQuerySet:
    """Return the photos of a day."""
    return photos.filter(_within(day))


def _counts(photos: PhotoQuerySet, year: int) -> dict[date, int]:
    start, end = (datetime(each, 1, 1, tzinfo=UTC) for each in (year, year + 1))
    days = photos.filter(wall_at__gte=start, wall_at__lt=end).order_by()
    # The clock on the wall is kept as if it were UTC.
    rows: Any = days.annotate(day=TruncDate("wall_at", tzinfo=UTC)).values_list("day")
    return dict(rows.annotate(number=Count("pk")))


def _month(first: date, counts: dict[date, int], most: int) -> Month:
    skipped, length = months_and_days.monthrange(first.year, first.month)
    days = [first.replace(day=number) for number in range(1, length + 1)]
    found = [DayOfYear(day, counts.get(day, 0), counts.get(day, 0) / most) for day in days]
    return Month(first, skipped, found)


def _same_day(day: date, year: int) -> date | None:
    """Return the same day in another year; the 29th of February is in few."""
    try:
        return day.replace(year=year)
    except ValueError:
        return None


def _within(day: date) -> Q:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    # Not the start of the next day: the last day that can be written has none.
    return Q(wall_at__gte=start, wall_at__lte=datetime.combine(day, time.max, UTC))
