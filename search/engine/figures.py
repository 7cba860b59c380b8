"""The counts of a ranking, and the groups of its list."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from search.engine.rank import Ranking
from search.relevance import Band

LEVELS = 20
"""Steps of the slider: photos are counted at each confidence 0, 1/20, ..., 1."""


@dataclass(frozen=True)
class Figures:
    """The counts of a ranking, look-alikes counted one by one.

    `total` photos pass the filters and are searchable, an estimate if `about`. `strong` and
    `likely` count the matches of these bands in the window, `levels` those with at least each
    step of confidence, 0 to 1; empty while nothing is known to compare with (`banded`). `more`
    says that further hits follow, `absent` that the library surely has nothing of the kind.
    """

    total: int = 0
    strong: int = 0
    likely: int = 0
    levels: tuple[int, ...] = ()
    more: bool = False
    banded: bool = False
    about: bool = False
    absent: bool = False

    @property
    def rounded(self) -> int:
        """The total, with two digits where it is an estimate."""
        return two_digits(self.total) if self.about else self.total

    @property
    def matches(self) -> int:
        """How many photos are Strong or Likely."""
        return self.strong + self.likely

    @property
    def has_more_matches(self) -> bool:
        """Whether hits behind the window may match too, so that the count is a lower bound."""
        return self.more and self.banded and self.matches >= self.levels[0]

    @property
    def is_empty(self) -> bool:
        """Whether nothing matches well, though there may be weaker matches."""
        return self.banded and not self.matches


@dataclass(frozen=True)
class Group:
    """Photos of one band, which follow one another in the list.

    `start` is the position of the first. `count` counts all of them, look-alikes one by one.
    """

    band: Band
    start: int
    count: int


def figures_of(ranking: Ranking) -> Figures:
    """Return the counts of a ranking."""
    bands = [ranking.band(photo) for photo in ranking.window]
    confidences = sorted(ranking.confidence(photo) for photo in ranking.window)
    levels = [
        len(confidences) - bisect_left(confidences, step / LEVELS) for step in range(LEVELS + 1)
    ]
    return Figures(
        total=ranking.total,
        strong=bands.count(Band.STRONG),
        likely=bands.count(Band.LIKELY),
        levels=tuple(levels) if ranking.bands else (),
        more=ranking.is_longer,
        banded=ranking.bands is not None,
        about=ranking.is_estimated,
        absent=ranking.is_absent,
    )


def two_digits(number: int) -> int:
    """Return an estimate with two digits: 40,122 is about 40,000."""
    return round(number, 2 - len(str(number)))
