"""How numbers are written for people."""

from __future__ import annotations

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _, ngettext, pgettext

from gallery.taken_time import offset_in_words

register = template.Library()


@register.filter
def count(number: int) -> str:
    """Return 3412 as "3,412", or as the language of the page writes it."""
    return number_format(number, force_grouping=True)


def decimal(value: float, places: int) -> str:
    """Return 12.34 with one place as "12.3", or "12,3" where people write a comma."""
    return number_format(f"{value:.{places}f}")


@register.filter
def photos(number: int) -> str:
    """Return 1 as "1 photo" and 3412 as "3,412 photos"."""
    return ngettext("%(number)s photo", "%(number)s photos", number) % {"number": count(number)}


@register.filter
def number(value: float) -> str:
    """Return a number as CSS and HTML attributes need it, whatever the language."""
    return f"{value:g}"


@register.filter
def duration(seconds: int) -> str:
    """Return 40 as "40 s", 200 as "3 min" and 9000 as "2 h 30 min"."""
    if seconds < 90:
        return _("%(seconds)d s") % {"seconds": max(seconds, 1)}
    minutes = round(seconds / 60)
    if minutes < 90:
        return _("%(minutes)d min") % {"minutes": minutes}
    return _("%(hours)d h %(minutes)d min") % {"hours": minutes // 60, "minutes": minutes % 60}


@register.filter
def rate(value: float) -> str:
    """Return 12.3 as "12 per second", 1.24 as "1.2 per second" and 0.2 as "12 per minute"."""
    if value < 1:
        return _("%(number)s per minute") % {"number": count(max(round(60 * value), 1))}
    number = decimal(value, 1) if value < 10 else count(round(value))
    return _("%(number)s per second") % {"number": number}


@register.filter
def share(value: float) -> str:
    """Return 0.9875 as "98.7 %"; only what is whole is "100 %"."""
    return percentage(count(100) if value >= 1 else decimal(int(value * 1000 + 1e-6) / 10, 1))


def percentage(written: str) -> str:
    """Return "98.7" as "98.7 %"."""
    return pgettext("a share", "%(number)s %%") % {"number": written}


@register.filter
def score(value: float) -> str:
    """Return a cosine similarity with two decimals."""
    return decimal(value, 2)


@register.filter
def first_part(text: str) -> str:
    """Return "caption: at the sea" as "caption"."""
    return text.partition(":")[0]


@register.filter
def offset(minutes: int | None) -> str:
    """Return 540 minutes east of UTC as "UTC+9", and "" if they are unknown."""
    return "" if minutes is None else offset_in_words(minutes)


@register.filter
def megapixels(pixels: int) -> str:
    """Return 12192768 as "12.2 MP", and "" for a picture of almost none."""
    if pixels < 50_001:
        return ""
    return _("%(number)s MP") % {"number": decimal(pixels / 1_000_000, 1)}
