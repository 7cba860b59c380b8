"""From a query to the photos of a page: plan, rank, fold the look-alikes, slice."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from django.utils.translation import gettext as _

from gallery.metrics.stages import stage
from gallery.models import EmbeddingModel, PhotoQuerySet, User
from gallery.models.dialects import one_of
from search.engine import pins
from search.engine.cursor import Cursor, read_cursor
from search.engine.errors import unavailable_errors
from search.engine.figures import Figures, Group
from search.engine.listing import (
    Listing,
    list_best_first,
    list_by_date,
    list_ranking,
    listing_from_json,
    listing_to_json,
)
from search.engine.page import MAX_OFFSET, ResultPhoto, page_by_date
from search.engine.plan import Plan, plan
from search.engine.rank import RankedPhoto, Ranking, excluded_photos, rank
from search.engine.remainder import (
    Remainder,
    Rest,
    rest_from_json,
    rest_of,
    rest_to_json,
)
from search.engine.walk import Walk
from search.filters.selection import apply_filters
from search.language.query_errors import ErrorCode, QueryError
from search.language.terms import Query
from search.language.writer import to_text
from search.understanding.quality.best import best_of

MAX_LIMIT = 100
"""Photos of one page at most."""


class Sort(StrEnum):
    """The orders of an answer."""

    RELEVANCE = "relevance"
    NEWEST = "newest"
    BEST = "best"


def sort_of(text: str) -> Sort:
    """Return the order of that name; raise `QueryError` for an unknown one."""
    try:
        return Sort(text)
    except ValueError:
        message = _("sort must be relevance, newest or best.")
        raise QueryError(ErrorCode.BAD_PARAMETER, message) from None


@dataclass(frozen=True)
class SearchRequest:
    """A query, and how its answer is to be listed.

    `fold` lists only the best of photos that look alike. `least` is the confidence (0 to 1) that
    photos need; None leaves that to the bands. `weak` lists weaker matches after the others. Sorted
    by newest or best, only matches are listed; best lists one of each burst. Where nothing matches,
    though something similar may be there, the `closest` photos are listed instead, so many at most.
    `cursor` goes on in a list that an earlier page was cut from, which is kept if `pins`. `model`
    is asked instead of the active one. Raises `QueryError` for values that no form or link has.
    """

    query: Query
    limit: int = 60
    cursor: str = ""
    fold: bool = False
    sort: Sort = Sort.RELEVANCE
    least: float | None = None
    weak: bool = True
    closest: int = 0
    pins: bool = True
    model: EmbeddingModel | None = None

    def __post_init__(self) -> None:
        if self.least is not None and not 0 <= self.least <= 1:
            raise QueryError(ErrorCode.BAD_PARAMETER, _("least must be between 0 and 1."))


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
    weaker: str = ""
    remainder: Remainder | None = None


def search(user: User, request: SearchRequest) -> Answer:
    """Return the photos of a person that match a query.

    Raises `QueryError` for a bad query and `SearchUnavailable` when model or index are away.
    """
    started = time.perf_counter()
    start = read_cursor(request.cursor)
    with stage("rank"), unavailable_errors():
        answer = _answer(request)(user, request, start)
    return replace(answer, took_ms=round((time.perf_counter() - started) * 1000, 1))


def _answer(request: SearchRequest) -> Callable[[User, SearchRequest, Cursor], Answer]:
    if request.query.wanted:
        return _ranked
    return _best_first if request.sort == Sort.BEST else _by_date


def matching_photos(user: User, query: Query, *, least: float | None = None) -> PhotoQuerySet:
    """Return the photos that match a query: Strong, Likely, or with confidence `least`.

    Of a ranking, at most the window; filters alone give all that pass them. Raises what `search`
    does.
    """
    with unavailable_errors():
        steps = plan(user, query)
        ranking = rank(steps.vector) if steps.vector and query.wanted else None
        return _matching_photos(steps, ranking, least)


def listed_photos(user: User, request: SearchRequest) -> PhotoQuerySet:
    """Return the photos that the answer to a request lists on all its pages, look-alikes too.

    Raises what `search` does.
    """
    if not request.query.wanted:
        return matching_photos(user, request.query, least=request.least)
    with unavailable_errors():
        steps = plan(user, request.query)
        ranking = rank(steps.asked)
        if request.sort != Sort.RELEVANCE or request.least is not None or not request.weak:
            chosen = _chosen_by_date(request, ranking)
        elif ranking.is_longer:
            # Everything follows behind the window but what is left out.
            return steps.photos.exclude(pk__in=one_of(excluded_photos(steps.asked)))
        else:
            chosen = ranking.window
        return steps.photos.filter(pk__in=one_of([photo.id for photo in chosen]))


def _matching_photos(steps: Plan, ranking: Ranking | None, least: float | None) -> PhotoQuerySet:
    if ranking:
        ids = [photo.id for photo in ranking.matches(least)]
        return steps.photos.filter(pk__in=one_of(ids))
    if steps.vector:
        # Only exclusions: everything but what clearly shows any of them.
        return steps.photos.exclude(pk__in=one_of(excluded_photos(steps.vector, least)))
    return steps.photos


# --- by relevance, and what matches by date -------------------------------------------------------


def _ranked(user: User, request: SearchRequest, start: Cursor) -> Answer:
    """Return the answer to a query that wants something, from its list."""
    pinned = pins.find(user, start.key, _signature(request))
    listing = listing_from_json(pinned) if pinned else _listing(user, request)
    key = start.key if pinned else ""
    chosen, endless = _chosen(request, listing)
    listed = listing.length(chosen)
    limit = max(1, min(request.limit, MAX_LIMIT))
    # Without a next page, weaker matches may still be asked for.
    if not key and request.pins and (listed > limit or endless or chosen < listing.figures.total):
        key = pins.pin(user, _signature(request), listing_to_json(listing))
    walk = Walk(user, request.query, listing, key)
    page = walk.page(limit, start, None if endless else listed)
    return Answer(
        query=request.query,
        model=listing.model,
        took_ms=0.0,
        photos=page.photos,
        next=str(page.next) if page.next else None,
        figures=listing.figures,
        groups=_groups(request, listing, chosen, endless=endless),
        listed=listed,
        chosen=chosen,
        has_lead=listing.has_lead,
        notes=listing.notes,
        unread=listing.unread,
        example=listing.example,
        weaker=str(walk.cursor(listed)),
    )


def _listing(user: User, request: SearchRequest) -> Listing:
    steps = plan(user, request.query, request.model)
    ranking = rank(steps.asked)
    if request.sort == Sort.RELEVANCE:
        return list_ranking(user, steps, ranking, folds=request.fold, least=request.least)
    chosen = _chosen_by_date(request, ranking)
    if request.sort == Sort.BEST:
        return list_best_first(user, steps, ranking, chosen)
    return list_by_date(steps, ranking, chosen)


def _chosen_by_date(request: SearchRequest, ranking: Ranking) -> Sequence[RankedPhoto]:
    """Return the matches, or the closest photos where nothing matches but may be there."""
    matches = ranking.matches(request.least)
    if matches or request.least is not None or ranking.is_absent:
        return matches
    return ranking.window[: request.closest]


def _chosen(request: SearchRequest, listing: Listing) -> tuple[int, bool]:
    """Return how many photos of a listing are chosen, and whether those behind it follow."""
    if request.sort != Sort.RELEVANCE or request.least is not None:
        return listing.size, False
    if request.weak:
        return listing.size, listing.endless
    if listing.matching or listing.figures.absent:
        return listing.matching, False
    return min(request.closest, listing.size), False


def _groups(
    request: SearchRequest, listing: Listing, chosen: int, *, endless: bool
) -> tuple[Group, ...]:
    if request.sort != Sort.RELEVANCE or not listing.figures.banded:
        return ()
    return tuple(listing.groups(chosen, endless=endless))


def _signature(request: SearchRequest) -> str:
    closest = request.closest if request.sort != Sort.RELEVANCE else None
    text = to_text(request.query)
    return pins.signature(text, request.fold, request.sort, request.least, closest)


# --- filters and exclusions alone, by date --------------------------------------------------------


def _by_date(user: User, request: SearchRequest, start: Cursor) -> Answer:
    """Return the answer to a query of filters and exclusions alone, newest first."""
    limit = max(1, min(request.limit, MAX_LIMIT))
    if request.query.terms:
        rest, key = _rest(user, request, start)
        photos = apply_filters(user, request.query.filters).photos
        photos = photos.exclude(pk__in=one_of(rest.excluded))
    else:
        steps = plan(user, request.query)
        rest, key = Rest(steps.model.key if steps.model else "", steps.notes), ""
        photos = steps.photos
    page = page_by_date(photos, limit, start, key)
    return Answer(
        query=request.query,
        model=rest.model,
        took_ms=0.0,
        photos=page.photos,
        next=str(page.next) if page.next else None,
        figures=Figures(),
        notes=rest.notes,
        remainder=rest.remainder,
    )


def _best_first(user: User, request: SearchRequest, start: Cursor) -> Answer:
    """Return the answer to a query of filters and exclusions alone, the best first."""
    limit = max(1, min(request.limit, MAX_LIMIT))
    steps = plan(user, request.query)
    photos = _matching_photos(steps, None, request.least)
    end = min(start.position, MAX_OFFSET) + limit
    best = best_of(user, photos, end + 1).photos
    shown = best[end - limit : end]
    rows = photos.in_bulk([one.id for one in shown])
    found = [ResultPhoto(rows[one.id], similar=one.others) for one in shown if one.id in rows]
    return Answer(
        query=request.query,
        model=steps.model.key if steps.model else "",
        took_ms=0.0,
        photos=found,
        next=str(Cursor(end, "", shown[-1].id)) if len(best) > end else None,
        figures=Figures(),
        notes=steps.notes,
    )


def _rest(user: User, request: SearchRequest, start: Cursor) -> tuple[Rest, str]:
    """Return what exclusions alone leave out, and the key under which that is pinned."""
    signature = _signature(request)
    if pinned := pins.find(user, start.key, signature):
        return rest_from_json(pinned), start.key
    steps = plan(user, request.query)
    rest = rest_of(user, steps, excluded_photos(steps.asked, request.least))
    key = pins.pin(user, signature, rest_to_json(rest)) if request.pins else ""
    return rest, key
