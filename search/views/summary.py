"""What the results page says of an answer: the counts, the confidence slider, why it is empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _, ngettext

from gallery.models import User
from gallery.status import status
from gallery.views.tiles import Tile
from search.engine.answer import LEVELS, Answer, Figures, matching_photos, two_digits
from search.language import Query
from search.relevance import Band

if TYPE_CHECKING:
    from search.views.address import Address


class Empty(StrEnum):
    """Why no photos are listed; empty where some are."""

    NO = ""
    END = "end"
    NO_PHOTOS = "no photos"
    WAITING = "waiting"
    FILTERS = "filters"
    CONFIDENCE = "confidence"
    WEAK = "weak"
    ALONE = "alone"


@dataclass(frozen=True)
class Slider:
    """The slider for the minimum confidence.

    `levels` counts the photos at each step of confidence, 0 to 1, and `more` says that there are
    further ones at the lowest step. `at` is the current step. `text` counts the photos listed.
    """

    levels: tuple[int, ...]
    at: int
    more: bool
    text: str

    @property
    def value(self) -> float:
        """The current confidence."""
        return self.at / LEVELS

    @property
    def step(self) -> float:
        """The confidence between two steps."""
        return 1 / LEVELS


@dataclass(frozen=True)
class Summary:
    """What stands beside the tiles.

    `divider` is the index of the tile before which weaker matches begin; `only_weak` says that
    there are no others. `weaker` counts those that are not listed, and `weaker_address` loads
    them alone; it is empty where they do not simply follow.
    """

    counted: str = ""
    slider: Slider | None = None
    divider: int | None = None
    only_weak: bool = False
    weaker: int = 0
    weaker_address: str = ""
    empty: Empty = Empty.NO
    wanted: str = ""


def summarize(user: User, answer: Answer, tiles: Sequence[Tile], address: Address) -> Summary:
    """Return what the page says of an answer."""
    weaker = _weaker(answer, address)
    only_weak = answer.figures.is_empty and bool(tiles)
    follows = weaker and not address.least
    return Summary(
        counted=_counts(user, answer, len(tiles), address),
        slider=_slider(answer.figures, address) if answer.figures.total else None,
        divider=None if only_weak else _divider(tiles, answer, address),
        only_weak=only_weak,
        weaker=weaker,
        weaker_address=address.weaker_from(answer.weak_from) if follows else "",
        empty=Empty.NO if tiles else _why_empty(user, answer, address),
        wanted=_wanted_text(answer.query),
    )


def _photos(count: int, *, more: bool = False) -> str:
    """Return "1 photo", "1,200 photos", or "1,000+ photos"."""
    if more:
        return _("%(count)s+ photos") % {"count": f"{count:,}"}
    return ngettext("%(count)s photo", "%(count)s photos", count) % {"count": f"{count:,}"}


def _searched_photos(figures: Figures) -> str:
    """Return how many photos were searched: "1 photo", "about 3,200 photos"."""
    photos = _photos(figures.rounded)
    return _("about %(photos)s") % {"photos": photos} if figures.about else photos


def _counts(user: User, answer: Answer, listed: int, address: Address) -> str:
    """Return how many photos there are, as exactly as that is known."""
    figures = answer.figures
    if not answer.query.wanted or not figures.total:
        return _counts_by_date(user, answer, listed, address)
    if not figures.banded:
        counts = _searched_photos(figures)
    elif address.least:
        total = f"{figures.rounded:,}"
        total = _("about %(photos)s") % {"photos": total} if figures.about else total
        matches = _photos_at(figures, address.least)
        return _ordered(_of(matches, total), address.by_date)
    elif figures.matches:
        counts = _of(_bands(figures), _searched_photos(figures))
        return _ordered(counts, address.by_date)
    else:
        return _closest_first(_searched_photos(figures))
    return _ordered(counts, address.by_date) if address.by_date else _closest_first(counts)


def _of(matches: str, total: str) -> str:
    return _("%(matches)s of %(total)s") % {"matches": matches, "total": total}


def _ordered(counts: str, by_date: bool) -> str:  # noqa: FBT001 - private, and named by its caller
    return _("%(photos)s, newest first") % {"photos": counts} if by_date else counts


def _closest_first(photos: str) -> str:
    return _("%(photos)s, closest first") % {"photos": photos}


def _bands(figures: Figures) -> str:
    """Return "2 strong, 3 likely"; the last count is a lower bound where more may match."""
    texts = []
    if figures.strong:
        more = "+" if figures.has_more_matches and not figures.likely else ""
        texts.append(_("%(count)s strong") % {"count": f"{figures.strong:,}{more}"})
    if figures.likely:
        more = "+" if figures.has_more_matches else ""
        texts.append(_("%(count)s likely") % {"count": f"{figures.likely:,}{more}"})
    return ", ".join(texts)


def _counts_by_date(user: User, answer: Answer, listed: int, address: Address) -> str:
    """Return the count of photos by date. Without exclusions SQL counts them quickly."""
    if answer.next is None and not address.offset:
        count = listed
    elif not answer.query.terms:
        count = matching_photos(user, answer.query).count()
    else:
        return _("Newest first")
    return _ordered(_photos(count), by_date=True) if count else ""


def _photos_at(figures: Figures, least: float) -> str:
    count = figures.levels[round(least * LEVELS)]
    return _photos(count, more=figures.more and count >= figures.levels[0])


def _slider(figures: Figures, address: Address) -> Slider | None:
    if not figures.levels:
        return None
    least = 0.0 if address.with_weak else address.least
    if least is not None:
        at = round(least * LEVELS)
        return Slider(figures.levels, at, figures.more, _photos_at(figures, least))
    # The bands begin between two steps; the slider stands at the higher one.
    steps = (step for step, count in enumerate(figures.levels) if count <= figures.matches)
    text = _photos(figures.matches, more=figures.has_more_matches)
    return Slider(figures.levels, next(steps, LEVELS), figures.more, text)


def _weaker(answer: Answer, address: Address) -> int:
    """Return how many weaker matches follow the list, if it ends on this page."""
    figures = answer.figures
    if answer.next or not figures.banded or address.with_weak or address.by_date:
        return 0
    listed = figures.levels[round(address.least * LEVELS)] if address.least else figures.matches
    left = max(figures.total - listed, 0)
    return two_digits(left) if figures.about else left


def _divider(tiles: Sequence[Tile], answer: Answer, address: Address) -> int | None:
    """Return the index of the first weaker match, if no earlier page had any."""
    if address.least or address.by_date or address.offset > answer.weak_from:
        return None
    first = 0 if address.offset else int(answer.has_lead)
    return next((place for place in range(first, len(tiles)) if _is_weak(tiles[place])), None)


def _is_weak(tile: Tile) -> bool:
    return tile.match is not None and tile.match.band == Band.WEAK


def _why_empty(user: User, answer: Answer, address: Address) -> Empty:
    if address.offset:
        return Empty.END
    gallery = status(user)
    if not gallery.photos:
        return Empty.NO_PHOTOS
    if not gallery.searchable and gallery.pending:
        return Empty.WAITING
    if not answer.figures.total:
        return Empty.FILTERS if answer.query.filters else Empty.ALONE
    return Empty.CONFIDENCE if address.least else Empty.WEAK


def _wanted_text(query: Query) -> str:
    """Return the text that was searched for; empty where pictures were searched for too."""
    texts = [term.value for term in query.wanted if term.kind == "text"]
    return " + ".join(texts) if len(texts) == len(query.wanted) else ""
