"""What the results page says of an answer: counts, headings, the slider, why it is empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from django.utils.text import Truncator
from django.utils.translation import gettext as _, pgettext

from gallery.models import User
from gallery.status import status
from gallery.templatetags import numbers
from gallery.views.tiles import Tile
from search.engine.answer import Answer, matching_photos
from search.engine.figures import LEVELS, Figures, Group, two_digits
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
    EXCLUDED = "excluded"
    CONFIDENCE = "confidence"
    WEAK = "weak"
    ALONE = "alone"


@dataclass(frozen=True)
class Slider:
    """The slider from more photos to fewer and surer ones.

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
class Heading:
    """The heading of a group of photos: a band and its count, or a sentence where none matches."""

    text: str
    band: str = ""
    count: str = ""


@dataclass(frozen=True)
class Summary:
    """What stands beside the tiles.

    `total` is how many tiles all pages have together, 0 where that is not known. `headings` are
    those of groups, by the index of the tile before which they stand. `only_weak` says that nothing
    matches well. `weaker` counts the photos that are not listed, and `weaker_address` loads them
    alone; it is empty where they do not simply follow. `wanted` is the text that was searched for,
    `by_picture` says that there was none.
    """

    counted: str = ""
    total: int = 0
    slider: Slider | None = None
    headings: Mapping[int, Heading] = field(default_factory=dict)
    only_weak: bool = False
    weaker: int = 0
    weaker_address: str = ""
    empty: Empty = Empty.NO
    wanted: str = ""
    by_picture: bool = False


def summarize(user: User, answer: Answer, tiles: Sequence[Tile], address: Address) -> Summary:
    """Return what the page says of an answer."""
    weaker = _weaker(answer, address)
    only_weak = answer.figures.is_empty and bool(tiles)
    follows = weaker and not address.least
    total = _total(user, answer, len(tiles), address)
    return Summary(
        counted=_counts(user, answer, total, address) if tiles else "",
        total=total,
        slider=_slider(answer, len(tiles), address) if answer.figures.total else None,
        headings=_headings(tiles, answer, address),
        only_weak=only_weak,
        weaker=weaker,
        weaker_address=address.weaker_from(answer.weaker) if follows else "",
        empty=Empty.NO if tiles else _why_empty(user, answer, address),
        wanted=_wanted_text(answer.query),
        by_picture=_is_by_picture(answer.query),
    )


def _photos(count: int, *, more: bool = False) -> str:
    """Return "1 photo", "1,200 photos", or "1,000+ photos"."""
    if more:
        return _("%(count)s+ photos") % {"count": numbers.count(count)}
    return numbers.photos(count)


def _searched_photos(figures: Figures) -> str:
    """Return how many photos were searched: "1 photo", "about 3,200 photos"."""
    photos = _photos(figures.rounded)
    return _("about %(photos)s") % {"photos": photos} if figures.about else photos


def _total(user: User, answer: Answer, listed: int, address: Address) -> int:
    """Return how many tiles all pages have together. Without exclusions SQL counts them quickly."""
    figures = answer.figures
    if answer.query.wanted:
        behind = max(figures.total - answer.chosen, 0) if address.with_weak else 0
        total = answer.listed + behind
        return two_digits(total) if behind and figures.about else total
    if answer.next is None and not address.offset:
        return listed
    if address.sort == "best":
        return 0  # What is of one burst is told page by page.
    if answer.remainder:
        return answer.remainder.shown
    return matching_photos(user, answer.query).count()


def _counts(user: User, answer: Answer, total: int, address: Address) -> str:
    """Return how many photos there are, as exactly as that is known."""
    figures = answer.figures
    if not answer.query.wanted:
        return _counts_by_date(user, answer, total, address)
    if not figures.banded:
        counts = _searched_photos(figures)
    elif address.least:
        searched = numbers.count(figures.rounded)
        searched = _("about %(photos)s") % {"photos": searched} if figures.about else searched
        matches = _photos_at(figures, address.least)
        return _ordered(_of(matches, searched), address.sort)
    elif figures.matches and address.with_weak and not address.sort:
        return _bands(figures, with_weak=True)
    elif figures.matches:
        counts = _of(_bands(figures), _searched_photos(figures))
        return _ordered(counts, address.sort)
    elif _is_closest(answer, address):
        counts = _("%(count)s closest") % {"count": numbers.count(total)}
        return _ordered(_of(counts, _searched_photos(figures)), address.sort)
    else:
        return _closest_first(_searched_photos(figures))
    return _ordered(counts, address.sort) if address.sort else _closest_first(counts)


def _of(matches: str, total: str) -> str:
    return _("%(matches)s of %(total)s") % {"matches": matches, "total": total}


def _ordered(counts: str, sort: str) -> str:
    if sort == "best":
        return _("%(photos)s, best first") % {"photos": counts}
    return _("%(photos)s, newest first") % {"photos": counts} if sort else counts


def _closest_first(photos: str) -> str:
    return _("%(photos)s, closest first") % {"photos": photos}


def _bands(figures: Figures, *, with_weak: bool = False) -> str:
    """Return "2 strong, 3 likely"; the last count is a lower bound where more may match."""
    texts = []
    if figures.strong:
        more = "+" if figures.has_more_matches and not figures.likely else ""
        texts.append(_("%(count)s strong") % {"count": f"{numbers.count(figures.strong)}{more}"})
    if figures.likely:
        more = "+" if figures.has_more_matches else ""
        texts.append(_("%(count)s likely") % {"count": f"{numbers.count(figures.likely)}{more}"})
    if with_weak and (weaker := figures.total - figures.matches) > 0:
        about = two_digits(weaker) if figures.about else weaker
        texts.append(_("%(count)s weaker") % {"count": numbers.count(about)})
    return ", ".join(texts)


def _counts_by_date(user: User, answer: Answer, total: int, address: Address) -> str:
    """Return the count of photos by date."""
    if answer.remainder:
        return answer.remainder.sentence(answer.query)
    count = total or matching_photos(user, answer.query).count()
    return _ordered(_photos(count), address.sort or "newest")


def _photos_at(figures: Figures, least: float) -> str:
    count = figures.levels[round(least * LEVELS)]
    return _photos(count, more=figures.more and count >= figures.levels[0])


def _is_closest(answer: Answer, address: Address) -> bool:
    """Whether the list has only the closest photos, as none of them matches well."""
    return answer.figures.is_empty and not address.with_weak and not address.least


def _slider(answer: Answer, listed: int, address: Address) -> Slider | None:
    figures = answer.figures
    if not figures.levels:
        return None
    least = 0.0 if address.with_weak else address.least
    if least is not None:
        at = round(least * LEVELS)
        return Slider(figures.levels, at, figures.more, _photos_at(figures, least))
    # The bands begin between two steps; the slider stands at the higher one.
    shown = listed if _is_closest(answer, address) else figures.matches
    steps = (step for step, count in enumerate(figures.levels) if count <= shown)
    text = _photos(shown, more=figures.has_more_matches)
    return Slider(figures.levels, next(steps, LEVELS), figures.more, text)


def _weaker(answer: Answer, address: Address) -> int:
    """Return how many weaker matches follow the list, if it ends on this page."""
    figures = answer.figures
    if answer.next or not figures.banded or address.with_weak or address.sort:
        return 0
    # Look-alikes of the example are listed beside those that were chosen.
    left = max(figures.total - max(answer.chosen, answer.listed), 0)
    return two_digits(left) if figures.about else left


def _headings(tiles: Sequence[Tile], answer: Answer, address: Address) -> Mapping[int, Heading]:
    """Return the headings of the groups that begin on this page."""
    lead = 0 if address.offset else int(answer.has_lead)
    if answer.figures.is_empty:
        heading = Heading(_closest_text(answer))
        return {} if address.offset or len(tiles) <= lead else {lead: heading}
    headings = {}
    for group in answer.groups:
        places = (at for at in range(lead, len(tiles)) if _band_of(tiles[at]) == group.band)
        at = next(places, None)
        # An earlier page has the heading of a group that began there.
        if at is not None and group.start >= address.offset:
            headings[at] = Heading(_band_text(group.band), group.band, _count_text(answer, group))
    return headings


def _band_of(tile: Tile) -> str | None:
    return tile.match.band if tile.match else None


def _band_text(band: Band) -> str:
    return {
        Band.STRONG: pgettext("matches", "Strong"),
        Band.LIKELY: pgettext("matches", "Likely"),
        Band.WEAK: pgettext("matches", "Weaker"),
    }[band]


def _count_text(answer: Answer, group: Group) -> str:
    """Return the count of a group; the last matches may have more behind the window."""
    figures = answer.figures
    if group.band == Band.WEAK:
        return numbers.count(two_digits(group.count) if figures.about else group.count)
    last = Band.LIKELY if figures.likely else Band.STRONG
    more = figures.has_more_matches and group.band == last and group.count >= figures.matches
    return f"{numbers.count(group.count)}{'+' if more else ''}"


def _closest_text(answer: Answer) -> str:
    """Return the heading where nothing matches well, which denies nothing that may be there."""
    wanted = _wanted_text(answer.query)
    if not answer.figures.absent:
        if answer.example:
            return _("No other photo is clearly similar. The closest:")
        if _is_by_picture(answer.query):
            return _("No photo is clearly similar. The closest:")
        return _("No clear match. The closest:")
    if wanted:
        text = _("Nothing here looks like “%(wanted)s”. The closest:")
        return text % {"wanted": Truncator(wanted).chars(60)}
    if answer.example:
        return _("No other photo looks like this one. The closest:")
    if _is_by_picture(answer.query):
        return _("No photo here looks like this picture. The closest:")
    return _("Nothing here looks like that. The closest:")


def _why_empty(user: User, answer: Answer, address: Address) -> Empty:
    if address.offset:
        return Empty.END
    gallery = status(user)
    if not gallery.photos:
        return Empty.NO_PHOTOS
    if not gallery.searchable and gallery.pending:
        return Empty.WAITING
    if not answer.figures.total and answer.query.avoided:
        return Empty.EXCLUDED
    if not answer.figures.total:
        return Empty.FILTERS if answer.query.filters else Empty.ALONE
    return Empty.CONFIDENCE if address.least else Empty.WEAK


def _wanted_text(query: Query) -> str:
    """Return the text that was searched for; empty where pictures were searched for too."""
    texts = [term.value for term in query.wanted if term.kind == "text"]
    return " + ".join(texts) if len(texts) == len(query.wanted) else ""


def _is_by_picture(query: Query) -> bool:
    return bool(query.wanted) and all(term.kind != "text" for term in query.wanted)
