"""From a query to the photos of a page: plan, rank, fold the look-alikes, slice."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from django.utils.translation import gettext as _

from gallery.models import PhotoQuerySet, User
from gallery.paging import NOT_GIVEN
from search.engine.errors import unavailable_errors
from search.engine.lookalikes import Listing, list_photos
from search.engine.page import MAX_OFFSET, Page, ResultPhoto, page_by_date, page_of_listing
from search.engine.plan import Plan, plan
from search.engine.rank import RankedPhoto, Ranking, excluded_photos, rank
from search.language.query_errors import ErrorCode, QueryError
from search.language.terms import Query
from search.relevance import Band

MAX_LIMIT = 100
"""Photos of one page at most."""
LEVELS = 20
"""Steps of the slider: photos are counted at each confidence 0, 1/20, ..., 1."""


class Sort(StrEnum):
    """The orders of an answer."""

    RELEVANCE = "relevance"
    NEWEST = "newest"


def sort_of(text: str) -> Sort:
    """Return the order of that name; raise `QueryError` for an unknown one."""
    try:
        return Sort(text)
    except ValueError:
        message = _("sort must be relevance or newest.")
        raise QueryError(ErrorCode.BAD_PARAMETER, message) from None


@dataclass(frozen=True)
class SearchRequest:
    """A query, and how its answer is to be listed.

    `fold` lists only the best of photos that look alike. `least` is the confidence (0 to 1) that
    photos need; None leaves that to the bands. `weak` lists weaker matches after the others.
    Sorted by newest, only matches are listed. Where nothing matches, though something similar may
    be there, the `closest` photos are listed instead, so many at most. Raises `QueryError` for
    values that no form or link has.
    """

    query: Query
    limit: int = 60
    cursor: str = ""
    fold: bool = False
    sort: Sort = Sort.RELEVANCE
    least: float | None = None
    weak: bool = True
    closest: int = 0

    def __post_init__(self) -> None:
        if self.least is not None and not 0 <= self.least <= 1:
            raise QueryError(ErrorCode.BAD_PARAMETER, _("least must be between 0 and 1."))


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


@dataclass(frozen=True)
class Answer:
    """A page of photos, all ranked with one model; `next` is the cursor of the next page.

    `groups` are the bands of the list, none where it is by date, without bands, or only of the
    closest photos. `listed` is the length of the list without hits from behind the window, the
    look-alikes of the example photo (`has_lead`) being the first. It stands for the `chosen`
    photos, look-alikes counted one by one. `notes` are sentences about filters that nothing can
    pass, `unread` is the one that the model cannot read the query. `example` is the photo that all
    others are compared with, which is left out.
    """

    query: Query
    model: str
    took_ms: float
    photos: Sequence[ResultPhoto]
    next: str | None
    figures: Figures
    groups: tuple[Group, ...] = ()
    listed: int = 0
    chosen: int = 0
    has_lead: bool = False
    notes: tuple[str, ...] = ()
    unread: str = ""
    example: UUID | None = None


def search(user: User, request: SearchRequest) -> Answer:
    """Return the photos of a person that match a query.

    Raises `QueryError` for a bad query and `SearchUnavailable` when model or index are away.
    """
    started = time.perf_counter()
    limit, offset = max(1, min(request.limit, MAX_LIMIT)), read_cursor(request.cursor)
    with unavailable_errors():
        steps = plan(user, request.query)
        ranking = rank(steps.vector) if steps.vector and request.query.wanted else None
        if ranking and request.sort == Sort.RELEVANCE:
            listing = _listing(user, request, steps, ranking)
            page = page_of_listing(user, listing, limit, offset)
        else:
            listing = None
            photos = _photos_by_date(request, steps, ranking)
            page = page_by_date(photos, ranking, limit, offset)
    took = round((time.perf_counter() - started) * 1000, 1)
    return _answer(request, steps, ranking, listing, page, took)


def matching_photos(user: User, query: Query, *, least: float | None = None) -> PhotoQuerySet:
    """Return the photos that match a query: Strong, Likely, or with confidence `least`.

    Of a ranking, at most the window; filters alone give all that pass them. Raises what `search`
    does.
    """
    with unavailable_errors():
        steps = plan(user, query)
        ranking = rank(steps.vector) if steps.vector and query.wanted else None
        return _matching_photos(steps, ranking, least)


def _photos_by_date(request: SearchRequest, steps: Plan, ranking: Ranking | None) -> PhotoQuerySet:
    if ranking is None:
        return _matching_photos(steps, None, request.least)
    return steps.photos.filter(pk__in=[photo.id for photo in _chosen(request, ranking)])


def _chosen(request: SearchRequest, ranking: Ranking) -> Sequence[RankedPhoto]:
    """Return the matches, or the closest photos where nothing matches but may be there."""
    matches = ranking.matches(request.least)
    if matches or request.least is not None or ranking.is_absent:
        return matches
    return ranking.window[: request.closest]


def _matching_photos(steps: Plan, ranking: Ranking | None, least: float | None) -> PhotoQuerySet:
    if ranking:
        ids = [photo.id for photo in ranking.matches(least)]
        return steps.photos.filter(pk__in=ids)
    if steps.vector:
        # Only exclusions: everything but what clearly shows any of them.
        return steps.photos.exclude(pk__in=excluded_photos(steps.vector, least))
    return steps.photos


def _listing(user: User, request: SearchRequest, steps: Plan, ranking: Ranking) -> Listing:
    everything = request.weak and request.least is None
    return list_photos(
        user,
        ranking,
        ranking.window if everything else _chosen(request, ranking),
        folds=request.fold,
        endless=everything and ranking.is_longer,
        example=steps.example,
    )


def _answer(
    request: SearchRequest,
    steps: Plan,
    ranking: Ranking | None,
    listing: Listing | None,
    page: Page,
    took_ms: float,
) -> Answer:
    return Answer(
        query=request.query,
        model=steps.model.key if steps.model else "",
        took_ms=took_ms,
        photos=page.photos,
        next=None if page.next is None else str(page.next),
        figures=_figures(ranking) if ranking else Figures(),
        groups=tuple(_groups(listing)) if listing else (),
        listed=len(listing.photos) if listing else 0,
        chosen=len(listing.chosen) if listing else 0,
        has_lead=listing.has_lead if listing else False,
        notes=steps.notes,
        unread=steps.vector.unread if steps.vector else "",
        example=steps.example,
    )


def _groups(listing: Listing) -> Iterator[Group]:
    """Yield the bands of a listing, Strong first; nothing where all photos are weak."""
    ranking, lead = listing.ranking, int(listing.has_lead)
    bands = [ranking.band(entry.photo) for entry in listing.photos[lead:]]
    counts = Counter(ranking.band(photo) for photo in listing.chosen)
    if listing.endless:
        # The total may be an estimate, and parts and words bring photos into the window.
        counts[Band.WEAK] += max(ranking.total - len(ranking.window), 0)
    for band in Band:
        if band in bands and set(bands) != {Band.WEAK}:
            yield Group(band, lead + bands.index(band), counts[band])


def _figures(ranking: Ranking) -> Figures:
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


def read_cursor(cursor: str) -> int:
    """Return the position that a cursor stands for; raise `QueryError` for a made-up one."""
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 5):
        raise QueryError(ErrorCode.BAD_CURSOR, str(NOT_GIVEN))
    return min(int(cursor), MAX_OFFSET)
