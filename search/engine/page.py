"""Pages of an answer: slices of a ranking with its look-alikes folded, or of photos by date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from gallery.models import Photo, PhotoQuerySet, User
from search.parts.boxes import Box
from search.relevance import Band

if TYPE_CHECKING:
    from search.engine.lookalikes import Listing
    from search.engine.rank import RankedPhoto, Ranking


MAX_OFFSET = 10_000
"""The last position at which a page may begin."""


@dataclass(frozen=True)
class ResultPhoto:
    """A photo of an answer.

    `score` is its cosine similarity to the query, None if the query has only filters or exclusions.
    `similar` are the ids of the look-alikes that are folded under it. `band` is None while the
    library has no background to compare with. `words` says which of its words matched, `box`
    which part.
    """

    photo: Photo
    score: float | None = None
    similar: tuple[UUID, ...] = ()
    band: Band | None = None
    words: str = ""
    box: Box | None = None


@dataclass(frozen=True)
class Page:
    """Photos in order, and the position of the next page; None at the end."""

    photos: Sequence[ResultPhoto]
    next: int | None


def page_of_listing(user: User, listing: Listing, limit: int, offset: int) -> Page:
    """Return a page of a listing.

    Points of photos that were deleted a moment ago may still be in the index. SQL leaves them
    out, and the page is filled from further down.
    """
    photos: list[ResultPhoto] = []
    position: int | None = offset
    while len(photos) < limit and position is not None:
        listed, position = listing.slice(position, limit - len(photos))
        if position is not None and position >= MAX_OFFSET:
            position = None
        visible = Photo.objects.visible_to(user).in_bulk([entry.photo.id for entry in listed])
        photos += [
            result_photo(visible[entry.photo.id], entry.photo, listing.ranking, entry.similar)
            for entry in listed
            if entry.photo.id in visible
        ]
    return Page(photos, position)


def page_by_date(photos: PhotoQuerySet, ranking: Ranking | None, limit: int, offset: int) -> Page:
    """Return a page of photos, newest first, with what a ranking says of them."""
    rows = list(photos.newest_first()[offset : offset + limit + 1])
    end = offset + limit
    ranked: Mapping[UUID, RankedPhoto] = (
        {photo.id: photo for photo in ranking.window} if ranking else {}
    )
    found = [
        result_photo(row, ranked[row.pk], ranking)
        if ranking and row.pk in ranked
        else ResultPhoto(row)
        for row in rows[:limit]
    ]
    return Page(found, end if len(rows) > limit and end < MAX_OFFSET else None)


def result_photo(
    photo: Photo, ranked: RankedPhoto, ranking: Ranking, similar: tuple[UUID, ...] = ()
) -> ResultPhoto:
    """Return a photo with what the ranking says of it."""
    band = ranking.band(ranked)
    return ResultPhoto(photo, ranked.score, similar, band, ranked.words, ranked.box)
