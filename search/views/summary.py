"""What the results page says of an answer: how much there is, how sure it is, why it is empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gallery.models import User
from gallery.status import status
from gallery.views.tiles import Tile
from search.engine import answer as retrieval, lookalikes
from search.engine.answer import LEVELS, Answer, Figures, two_digits
from search.language import Query
from search.relevance import Band
from search.views.address import Address

Empty = Literal["", "end", "no photos", "waiting", "filters", "not so sure", "weak", "alone"]
"""Why nothing is shown, empty where something is."""


@dataclass(frozen=True)
class Slider:
    """How sure matches must be: `levels` are the photos at each step of trust, 0 to 1.

    `at` is the step that it stands at, `value` the same as trust. `more` photos than counted
    there are at the lowest step. `text` counts the photos that are listed now.
    """

    levels: tuple[int, ...]
    at: int
    more: bool
    text: str

    @property
    def value(self) -> float:
        """The trust that it stands at."""
        return self.at / LEVELS

    @property
    def step(self) -> float:
        """The trust between two steps."""
        return 1 / LEVELS


@dataclass(frozen=True)
class Standing:
    """What is said beside the tiles.

    `divider` is the place among the tiles before which weaker matches begin; `only_weak` tells
    that there are no others. `weaker` counts those that are not listed, and `weaker_address`
    brings the first of them alone; it is empty where they do not simply follow.
    """

    counted: str = ""
    slider: Slider | None = None
    divider: int | None = None
    only_weak: bool = False
    weaker: int = 0
    weaker_address: str = ""
    empty: Empty = ""
    wanted: str = ""


def of(user: User, answer: Answer, tiles: Sequence[Tile], address: Address) -> Standing:
    """Return what the page says of an answer."""
    led = _led(user, answer, address)
    place = answer.figures.matches + led
    weaker = _weaker(answer, address)
    only_weak = answer.figures.is_empty and bool(tiles)
    return Standing(
        counted=_counted(user, answer, len(tiles), address),
        slider=_slider(answer.figures, address) if answer.figures.total else None,
        divider=None if only_weak else _divider(tiles, address, weaker_from=place, led=led),
        only_weak=only_weak,
        weaker=weaker,
        weaker_address=address.weaker_from(place) if weaker and not address.least else "",
        empty="" if tiles else _why_empty(user, answer, address),
        wanted=_wanted(answer.query),
    )


def _many(count: int, *, more: bool = False) -> str:
    """Return a number of photos as it is written: "1 photo", "1,000+ photos"."""
    return f"{count:,}{'+' if more else ''} photo{'' if count == 1 and not more else 's'}"


def _searched(figures: Figures) -> str:
    """Return how many photos were searched: "1 photo", "about 3,200 photos"."""
    return _about(figures) + _many(figures.rounded)


def _about(figures: Figures) -> str:
    return "about " if figures.about else ""


def _counted(user: User, answer: Answer, here: int, address: Address) -> str:
    """Return how many photos there are, as truly as it is known."""
    if not answer.query.wanted or not answer.figures.total:
        return _listed(user, answer, here, address)
    order = ", newest first" if address.by_date else ""
    figures = answer.figures
    if not figures.banded:
        return _searched(figures) + (order or ", closest first")
    if address.least:
        return f"{_passing(figures, address.least)} of {_about(figures)}{figures.rounded:,}{order}"
    if not figures.matches:
        return f"{_searched(figures)}, closest first"
    more = figures.more and figures.matches >= figures.levels[0]
    bands = [("strong", figures.strong), ("likely", figures.likely)]
    parts = [f"{count:,} {word}" for word, count in bands if count]
    if more:
        parts[-1] = parts[-1].replace(" ", "+ ")
    return f"{', '.join(parts)} of {_searched(figures)}{order}"


def _listed(user: User, answer: Answer, here: int, address: Address) -> str:
    """Return the count of photos by date. Without exclusions counting is one look at SQL."""
    if answer.next is None and not address.offset:
        count = here
    elif not answer.query.terms:
        count = retrieval.result(user, answer.query).count()
    else:
        return "Newest first"
    return f"{_many(count)}, newest first" if count else ""


def _passing(figures: Figures, least: float) -> str:
    count = figures.levels[round(least * LEVELS)]
    return _many(count, more=figures.more and count >= figures.levels[0])


def _slider(figures: Figures, address: Address) -> Slider | None:
    if not figures.levels:
        return None
    least = 0.0 if address.with_weak else address.least
    if least is not None:
        at = round(least * LEVELS)
        return Slider(figures.levels, at, figures.more, _passing(figures, least))
    # The bands' own bar lies between two steps; the slider stands at the one above it.
    at = next((n for n, count in enumerate(figures.levels) if count <= figures.matches), LEVELS)
    more = figures.more and figures.matches >= figures.levels[0]
    return Slider(figures.levels, at, figures.more, _many(figures.matches, more=more))


def _weaker(answer: Answer, address: Address) -> int:
    """Return how many weaker matches there are behind the end of the list, if it ends here."""
    figures = answer.figures
    if answer.next or not figures.banded or address.with_weak or address.by_date:
        return 0
    shown = figures.levels[round(address.least * LEVELS)] if address.least else figures.matches
    # Of an estimate, what is left keeps no digits that it does not have.
    left = max(figures.total - shown, 0)
    return two_digits(left) if figures.about else left


def _led(user: User, answer: Answer, address: Address) -> int:
    """Return 1 where the look-alikes of the photo asked about take the first place."""
    if answer.without is None or not address.is_folded:
        return 0
    return int(answer.without in lookalikes.together(user, [answer.without]))


def _divider(tiles: Sequence[Tile], address: Address, *, weaker_from: int, led: int) -> int | None:
    """Return the first weaker match among the tiles, if no page before this one had any."""
    if address.least or address.by_date or address.offset > weaker_from:
        return None
    first = 0 if address.offset else led
    return next((n for n in range(first, len(tiles)) if _is_weak(tiles[n])), None)


def _is_weak(tile: Tile) -> bool:
    return tile.match is not None and tile.match.band == Band.WEAK


def _why_empty(user: User, answer: Answer, address: Address) -> Empty:
    """Return why an answer has no photos."""
    if address.offset:
        return "end"
    known = status(user)
    if not known.photos:
        return "no photos"
    if not known.searchable and known.pending:
        return "waiting"
    if answer.query.filters and not answer.figures.total:
        return "filters"
    if not answer.figures.total:
        return "alone"
    return "not so sure" if address.least else "weak"


def _wanted(query: Query) -> str:
    """Return the words that were looked for; empty where pictures were, too."""
    words = [term.value for term in query.wanted if term.kind == "text"]
    return " + ".join(words) if len(words) == len(query.wanted) else ""
