"""How matches and weights are written for people."""

from __future__ import annotations

from collections.abc import Mapping

from django import template
from django.utils.translation import gettext as _

from gallery.templatetags.numbers import score
from gallery.views.tiles import Match
from search.relevance import Band
from search.views.summary import Heading

register = template.Library()


@register.filter
def band_title(match: Match) -> str:
    """Return "Strong match, similarity 0.31" for a match that has a score and a band."""
    titles: dict[str | None, str] = {
        Band.STRONG: _("Strong match, similarity %(score)s"),
        Band.LIKELY: _("Likely match, similarity %(score)s"),
        Band.WEAK: _("Weak match, similarity %(score)s"),
    }
    return titles[match.band] % {"score": score(match.score or 0)}


@register.filter
def heading_at(headings: Mapping[int, Heading], place: int) -> Heading | None:
    """Return the heading that stands before the tile at a place, if any."""
    return headings.get(place) if headings else None


@register.filter
def box_properties(box: tuple[float, float, float, float]) -> str:
    """Return left, top, width and height, as fractions, as the CSS properties of the frame."""
    return "--x:{:g};--y:{:g};--bw:{:g};--bh:{:g}".format(*box)


@register.filter
def weight(value: float) -> str:
    """Return 0.5 as "half", 2 as "twice" and 3 as "3 times"."""
    words = {0.5: _("half"), 1: _("once"), 2: _("twice")}
    return words.get(value) or _("%(number)s times") % {"number": f"{value:g}"}
