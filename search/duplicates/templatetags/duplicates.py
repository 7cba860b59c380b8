"""How closeness and decisions about duplicates are written for people."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext

from gallery.templatetags.numbers import count, percentage
from gallery.views.tiles import shape
from search.duplicates.models import Resolution
from search.duplicates.review import wording
from search.duplicates.review.history import HistoryEntry
from search.duplicates.review.listing import Fact, ReviewGroup, ReviewMember

register = template.Library()

_ROW = 204  # CSS pixels, as in duplicates.css
_MIN_WIDTH = 200
_MAX_SHAPE = 2.2
_GAP = 12
_ONE = 0.9995  # what is shown as 100 %; anything less must not claim to be identical


@register.filter
def percent(closeness: float) -> str:
    """Return 0.978 as "97 %": rounded down, so that only equal pictures are 100 %."""
    return percentage(count(100 if closeness >= _ONE else int(closeness * 100)))


@register.filter
def decision(entry: HistoryEntry) -> str:
    """Return what was decided, in words."""
    return wording.decision_text(
        action=entry.action,
        groups=entry.groups,
        photos=entry.photos,
        trashed=entry.photos if entry.action == Resolution.Action.KEEP else 0,
        freed=entry.freed,
    )


@register.filter
def breadth(group: ReviewGroup) -> int:
    """Return how many CSS pixels wide the photos of a group are side by side."""
    widths = (
        max(min(shape(member.photo), _MAX_SHAPE) * _ROW, _MIN_WIDTH) for member in group.members
    )
    return round(sum(widths) + _GAP * (len(group.members) + 1) + 8)


@register.filter
def differing(member: ReviewMember, group: ReviewGroup) -> list[tuple[str, str]]:
    """Return the facts to show under a photo: those that differ, and its albums in any case.

    The name is left out, because it is there already.
    """
    names = [name for name in group.differing if name != Fact.NAME]
    if Fact.ALBUMS not in names and member.facts.get(Fact.ALBUMS):
        names.append(Fact.ALBUMS)
    return [(gettext(name), member.facts[name]) for name in names]
