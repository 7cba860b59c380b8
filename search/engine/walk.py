"""Walking through a list page by page, behind the window too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from gallery.models import EmbeddingModel, Photo, User
from search.engine import pins
from search.engine.cursor import Cursor
from search.engine.listing import ListedPhoto, Listing, photos_from_json, photos_to_json
from search.engine.lookalikes import Fold, fold_look_alikes
from search.engine.page import MAX_OFFSET, Page, ResultPhoto
from search.engine.plan import plan
from search.engine.rank import further_hits
from search.language.terms import Query


class Walk:
    """A listing from its first photo to the last hit behind its window.

    Hits behind the window are fetched in parts of a thousand, none of which holds a photo that was
    listed or folded before. So photos that come and go in between move none of the others.
    """

    def __init__(self, user: User, query: Query, listing: Listing, key: str) -> None:
        self._user, self._query, self._listing, self._key = user, query, listing, key
        self._photos = list(listing.photos)
        self._parts = 1
        self._more = listing.endless

    def page(self, limit: int, start: Cursor, end: int | None) -> Page:
        """Return a page of the photos that can still be seen.

        `end` is the position at which the list ends; None where everything is listed. The page is
        filled from further down where photos were deleted meanwhile. Where a photo was, its first
        look-alike that is still there is shown instead.
        """
        found: list[ResultPhoto] = []
        position: int | None = self._position(start)
        while len(found) < limit and position is not None:
            listed, position = self._slice(position, limit - len(found), end)
            found += self._visible(listed)
        if position is None or position >= MAX_OFFSET:
            return Page(found, None)
        return Page(found, self.cursor(position))

    def cursor(self, position: int) -> Cursor:
        """Return the cursor of a position among the photos that were fetched."""
        last = self._photos[position - 1].photo.id if 0 < position <= len(self._photos) else None
        return Cursor(position, self._key, last)

    def _position(self, start: Cursor) -> int:
        """Return the position of a cursor; in a list that was made again, behind its photo."""
        position = min(start.position, MAX_OFFSET)
        if start.last is None:
            return position
        self._fetch(position)
        ids = [entry.photo.id for entry in self._photos]
        if position <= len(ids) and ids[position - 1] == start.last:
            return position
        return ids.index(start.last) + 1 if start.last in ids else position

    def _slice(
        self, start: int, count: int, end: int | None
    ) -> tuple[Sequence[ListedPhoto], int | None]:
        """Return up to `count` photos from a position on, and the next position or None."""
        stop = start + count if end is None else min(start + count, end)
        if end is None:
            self._fetch(stop)
        follows = self._more or stop < len(self._photos) if end is None else stop < end
        return self._photos[start:stop], stop if follows else None

    def _fetch(self, count: int) -> None:
        """Fetch hits behind the window until there are `count` photos or no more hits."""
        while self._more and len(self._photos) < count:
            part = pins.find_further(self._user, self._key, self._parts)
            if part is None:
                part = pins.pin_further(self._user, self._key, self._parts, self._further())
            self._photos += photos_from_json(part["photos"])
            self._more = part["more"]
            self._parts += 1

    def _further(self) -> dict[str, Any]:
        """Return the next part behind the window, as it is pinned."""
        # The list goes on with the model that it began with, even if another one answers by now.
        model = EmbeddingModel.objects.filter(key=self._listing.model).first()
        if model is None:
            return {"photos": [], "more": False}
        vector = plan(self._user, self._query, model).asked
        covered = {pk for entry in self._photos for pk in (entry.photo.id, *entry.similar)}
        hits, more = further_hits(vector, covered)
        folds = self._listing.folds
        folded = fold_look_alikes(self._user, hits) if folds else [Fold(hit) for hit in hits]
        bands = self._listing.bands
        start = self._listing.size + len(self._photos)
        listed = [
            ListedPhoto(
                fold.photo,
                bands.band(fold.photo.score) if bands else None,
                tuple(pk for pk in fold.similar if pk not in covered),
                start + place,
            )
            for place, fold in enumerate(folded)
        ]
        return {"photos": photos_to_json(listed), "more": more}

    def _visible(self, listed: Sequence[ListedPhoto]) -> list[ResultPhoto]:
        ids = [pk for entry in listed for pk in (entry.photo.id, *entry.similar)]
        rows = Photo.objects.visible_to(self._user).in_bulk(ids)
        shown = (_shown(entry, rows) for entry in listed)
        return [photo for photo in shown if photo]


def _shown(entry: ListedPhoto, rows: dict[UUID, Photo]) -> ResultPhoto | None:
    """Return what is shown of an entry: its photo, else a look-alike, else nothing."""
    ranked = entry.photo
    if row := rows.get(ranked.id):
        return ResultPhoto(row, ranked.score, entry.similar, entry.band, ranked.words, ranked.box)
    left = tuple(pk for pk in entry.similar if pk in rows)
    return ResultPhoto(rows[left[0]], ranked.score, left[1:], entry.band) if left else None
