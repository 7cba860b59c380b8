"""How closeness and kinds of duplicates are written for people."""

from __future__ import annotations

from django import template

from gallery.views.tiles import shape
from search.duplicates.groups.groups import Shown, ShownMember
from search.duplicates.models import Kind, Resolution
from search.duplicates.review import wording
from search.duplicates.review.decisions import Entry

register = template.Library()

_ROW = 204  # CSS pixels, as in duplicates.css
_NARROWEST = 200
_GAPS = 12
_ONE = 0.9995  # what is shown as 100 %; anything less must not claim to be identical


@register.filter
def percent(closeness: float) -> str:
    """Return 0.978 as "97 %": rounded down, so that only equal pictures are 100 %."""
    return "100 %" if closeness >= _ONE else f"{int(closeness * 100)} %"


@register.filter
def kind_label(kind: str) -> str:
    """Return "Same picture" for its name in the database."""
    return str(Kind(kind).label)


@register.filter
def decision(entry: Entry) -> str:
    """Return what was decided, in words."""
    return wording.decided(
        action=entry.action,
        groups=entry.groups,
        photos=entry.photos,
        trashed=entry.photos if entry.action == Resolution.Action.KEEP else 0,
        freed=entry.freed,
    )


@register.filter
def breadth(group: Shown) -> int:
    """Return how many CSS pixels wide the photos of a group are side by side."""
    widths = (max(min(shape(one.photo), 2.2) * _ROW, _NARROWEST) for one in group.members)
    return round(sum(widths) + _GAPS * (len(group.members) + 1) + 8)


@register.filter
def differing(member: ShownMember, group: Shown) -> list[tuple[str, str]]:
    """Return the facts to show under a photo: those that differ, and its albums in any case.

    The name stands there already.
    """
    found = [(name, value) for name, value in member.differing if name != "Name"]
    if "Albums" not in group.differing and member.facts.get("Albums"):
        found.append(("Albums", member.facts["Albums"]))
    return found
