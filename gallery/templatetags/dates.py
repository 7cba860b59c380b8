"""How dates are written for people, in the language of the page."""

from __future__ import annotations

from datetime import date, datetime

from django import template
from django.utils.formats import date_format, get_format
from django.utils.translation import pgettext

register = template.Library()


@register.filter(expects_localtime=True)
def day(value: date | None) -> str:
    """Return "31 May 2024"."""
    return date_format(value, "DATE_FORMAT") if value else ""


@register.filter(expects_localtime=True)
def month(value: date | None) -> str:
    """Return "May 2024"."""
    return date_format(value, "YEAR_MONTH_FORMAT") if value else ""


@register.filter
def month_name(value: date) -> str:
    """Return "May"."""
    return date_format(value, "F")


@register.filter(expects_localtime=True)
def moment(value: datetime | None) -> str:
    """Return "31 May 2024, 18:30"."""
    return date_format(value, "DATETIME_FORMAT") if value else ""


@register.filter(expects_localtime=True)
def short_moment(value: datetime | None) -> str:
    """Return "31 May 2024, 18:30", with a short month."""
    return date_format(value, "SHORT_DATETIME_FORMAT") if value else ""


def to_the_second(value: datetime) -> str:
    """Return "31 May 2024, 18:30:05"."""
    return date_format(value, get_format("DATETIME_FORMAT").replace("H:i", "H:i:s"))


@register.filter(expects_localtime=True)
def weekday(value: date) -> str:
    """Return a day with its name, as in "Friday, 31 May 2024"."""
    return _named(value, day(value))


@register.filter(expects_localtime=True)
def weekday_and_time(value: datetime) -> str:
    """Return a time with the name of its day, as in "Friday, 31 May 2024, 18:30"."""
    return _named(value, moment(value))


@register.filter(expects_localtime=True)
def weekday_and_second(value: datetime) -> str:
    """Return "Friday, 31 May 2024, 18:30:05"."""
    return _named(value, to_the_second(value))


def _named(value: date, written: str) -> str:
    text = pgettext("day of the week and date", "%(weekday)s, %(date)s")
    return text % {"weekday": date_format(value, "l"), "date": written}
