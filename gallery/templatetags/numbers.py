"""How numbers are written for people."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext as _, ngettext

from gallery.taken_time import offset_in_words

register = template.Library()


@register.filter
def count(number: int) -> str:
    """Return 3412 as "3,412"."""
    return f"{number:,}"


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
def score(value: float) -> str:
    """Return a cosine similarity with two decimals."""
    return f"{value:.2f}"


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
    """Return 12192768 as "12.2 MP"."""
    return f"{pixels / 1_000_000:.1f} MP"
