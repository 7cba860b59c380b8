"""Dates in queries: how they are written, and the days that they mean.

A day, month or year (`2020-06-01`, `2020-06`, `2020`), a season (`summer-2023`; the meteorological
ones, and for `winter-2023` both winters that have days in it, for `winter-2022-2023` that one), or
something that moves with the calendar (`today`, `yesterday`, `last-week`, `this-month`,
`last-summer`, `last-30-days`). Weeks begin on Monday. `a..b` is from the first day of a to the
last of b, and one of both may be missing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "winter": 12}
"""The month in which each begins on the northern half of the earth."""
FIRST_YEAR, LAST_YEAR = 1800, 2199

_DAY = re.compile(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?")
_SEASON = re.compile(r"(spring|summer|autumn|fall|winter)-(\d{4})(?:-(\d{4}))?")
_MOVING = re.compile(r"(this|last)-(week|month|year|weekend|spring|summer|autumn|winter)")
_BACK = re.compile(r"last-(\d{1,4})-(days|weeks|months|years)")
_BACK_DAYS = {"days": 1, "weeks": 7, "months": 30.4375, "years": 365.25}


@dataclass(frozen=True)
class Span:
    """Days from `start` up to but without `end`; None where it is open."""

    start: date | None
    end: date | None


def canonical(value: str) -> str | None:
    """Return a date or range as it is kept in a query; None if it is none."""
    if ".." in value:
        first, _, last = value.partition("..")
        ends = [_canonical_point(end) if end else "" for end in (first, last)]
        if None in ends or not any(ends):
            return None
        return f"{ends[0]}..{ends[1]}" if _in_order(*ends) else None
    return _canonical_point(value)


def spans(value: str, *, today: date) -> tuple[Span, ...]:
    """Return the days that a canonical date or range means, as spans of which any counts."""
    if ".." in value:
        first, _, last = value.partition("..")
        start = spans(first, today=today)[0].start if first else None
        end = spans(last, today=today)[-1].end if last else None
        return (Span(start, end),)
    if found := _DAY.fullmatch(value):
        return (_calendar_span(*(int(part) if part else None for part in found.groups())),)
    if found := _SEASON.fullmatch(value):
        return _season_spans(found[1], int(found[2]), found[3])
    if found := _BACK.fullmatch(value):
        days = round(int(found[1]) * _BACK_DAYS[found[2]])
        return (Span(today - timedelta(days), today + timedelta(1)),)
    return (_moving_span(value, today),)


def _canonical_point(value: str) -> str | None:
    value = value.lower()
    if found := _DAY.fullmatch(value):
        return _canonical_day(*(int(part) if part else None for part in found.groups()))
    if found := _SEASON.fullmatch(value):
        year, second = int(found[2]), found[3]
        fits = not second or (found[1] == "winter" and int(second) == year + 1)
        name = "autumn" if found[1] == "fall" else found[1]
        good = fits and _is_year(year)
        return f"{name}-{year}" + (f"-{int(second)}" if second else "") if good else None
    if found := _BACK.fullmatch(value):
        back = int(found[1])
        days = back * _BACK_DAYS[found[2]]
        return f"last-{back}-{found[2]}" if back > 0 and days < 365 * 200 else None
    moving = value in {"today", "yesterday"} or _MOVING.fullmatch(value)
    return value if moving else None


def _canonical_day(year: int | None, month: int | None, day: int | None) -> str | None:
    if year is None or not _is_year(year):
        return None
    try:
        date(year, 1 if month is None else month, 1 if day is None else day)
    except ValueError:
        return None
    parts = [f"{year:04}", *(f"{part:02}" for part in (month, day) if part is not None)]
    return "-".join(parts)


def _in_order(first: str | None, last: str | None) -> bool:
    """Tell whether a range has days, as far as that does not depend on the day it is asked."""
    if not first or not last:
        return True
    fixed = [end for end in (first, last) if re.match(r"\d|(spring|summer|autumn|winter)-\d", end)]
    if len(fixed) < 2:
        return True
    start = spans(first, today=date(2000, 1, 1))[0].start
    end = spans(last, today=date(2000, 1, 1))[-1].end
    return start is None or end is None or start < end


def _is_year(year: int) -> bool:
    return FIRST_YEAR <= year <= LAST_YEAR


def _calendar_span(year: int | None, month: int | None, day: int | None) -> Span:
    start = date(year or 1, month or 1, day or 1)
    if day:
        return Span(start, start + timedelta(1))
    return Span(start, _months_on(start, 1 if month else 12))


def _season_spans(name: str, year: int, second: str | None) -> tuple[Span, ...]:
    month = SEASONS[name]
    if month != 12:
        start = date(year, month, 1)
        return (Span(start, _months_on(start, 3)),)
    starts = [date(year, 12, 1)] if second else [date(year - 1, 12, 1), date(year, 12, 1)]
    return tuple(Span(start, _months_on(start, 3)) for start in starts)


def _moving_span(value: str, today: date) -> Span:
    if value in {"today", "yesterday"}:
        start = today - timedelta(1 if value == "yesterday" else 0)
        return Span(start, start + timedelta(1))
    which, _, unit = value.partition("-")
    back = 1 if which == "last" else 0
    if unit in {"week", "weekend"}:
        monday = today - timedelta(today.weekday() + 7 * back)
        return Span(monday + timedelta(5 if unit == "weekend" else 0), monday + timedelta(7))
    if unit in {"month", "year"}:
        months = 1 if unit == "month" else 12
        start = today.replace(day=1, **({} if unit == "month" else {"month": 1}))
        start = _months_on(start, -months * back)
        return Span(start, _months_on(start, months))
    return _moving_season(unit, today, last=bool(back))


def _moving_season(name: str, today: date, *, last: bool) -> Span:
    """Return the latest season of the name that is over (`last`), or the one nearest to now."""
    spans_ = [
        Span(start, _months_on(start, 3))
        for start in (
            date(year, SEASONS[name], 1) for year in range(today.year - 2, today.year + 1)
        )
    ]
    over = [span for span in spans_ if span.end and span.end <= today]
    if last:
        return over[-1]
    running = [span for span in spans_ if span.start and span.end and span.end > today]
    return running[0] if running else spans_[-1]


def _months_on(day: date, months: int) -> date:
    """Return the same day, the first of a month, some months later."""
    count = day.year * 12 + day.month - 1 + months
    return day.replace(year=count // 12, month=count % 12 + 1)
