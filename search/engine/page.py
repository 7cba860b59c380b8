"""Pages of an answer, and pages of photos by date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from gallery.models import Photo, PhotoQuerySet
from search.engine.cursor import Cursor
from search.parts.boxes import Box
from search.relevance import Band

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
    """Photos in order, and the cursor of the next page; None at the end."""

    photos: Sequence[ResultPhoto]
    next: Cursor | None


def page_by_date(photos: PhotoQuerySet, limit: int, start: Cursor, key: str = "") -> Page:
    """Return a page of photos, newest first, that goes on behind the last photo of `start`.

    `key` is that of the pinned list, if any.
    """
    if start.moment and start.last:
        rows = list(photos.before(start.moment, start.last).newest_first()[: limit + 1])
    else:
        rows = list(photos.newest_first()[start.position : start.position + limit + 1])
    found = [ResultPhoto(row) for row in rows[:limit]]
    if len(rows) <= limit:
        return Page(found, None)
    last = rows[limit - 1]
    return Page(found, Cursor(start.position + limit, key, last.pk, last.shown_at))
