"""Pages of an answer: a ranking with its look-alikes folded away, or photos by date."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gallery.models import Photo, PhotoQuerySet, User
from search.engine import lookalikes
from search.engine.rank import Ranked, Ranking
from search.parts import Box
from search.relevance import Band

MAX_OFFSET = 10_000
_TOP_UPS = 6


@dataclass(frozen=True)
class Found:
    """A photo of an answer.

    `score` is its cosine similarity to the query and None where there was nothing to be like;
    `band` is None where nothing is known to compare with. `similar` are the ids of the look-alikes
    that it stands for, `words` says which of its words matched, `box` is the part that did.
    """

    photo: Photo
    score: float | None = None
    similar: tuple[uuid.UUID, ...] = ()
    band: Band | None = None
    words: str = ""
    box: Box | None = None


class Listed:
    """Photos by date, newest first, with what is known of them from a ranking."""

    def __init__(
        self, photos: PhotoQuerySet, ranked: Mapping[uuid.UUID, Ranked], ranking: Ranking | None
    ) -> None:
        self._photos, self._ranked, self._ranking = photos, ranked, ranking

    def page(self, limit: int, offset: int) -> tuple[list[Found], int | None]:
        """Return photos from `offset` on and where the next page starts (None: the end)."""
        rows = list(self._photos.newest_first()[offset : offset + limit + 1])
        end = offset + limit if len(rows) > limit and offset + limit < MAX_OFFSET else None
        return [self._found(photo) for photo in rows[:limit]], end

    def _found(self, photo: Photo) -> Found:
        one = self._ranked.get(photo.pk)
        return found(photo, one, self._ranking) if one and self._ranking else Found(photo)


class Folded:
    """A ranking of which pages are shown; `fold` leaves only the best of photos that look alike.

    `listed` is what is shown of the ranking's window, and `endless` whether more follows behind.
    The look-alikes of the photo `alone`, which the others are compared with, lead together.
    """

    def __init__(
        self,
        user: User,
        ranking: Ranking,
        listed: Sequence[Ranked],
        alone: uuid.UUID | None,
        *,
        fold: bool,
        endless: bool,
    ) -> None:
        self.user, self.ranking, self.listed = user, ranking, listed
        self.fold, self.endless = fold, endless
        self.places = {one.id: place for place, one in enumerate(listed)}
        alike = lookalikes.together(user, [alone]) if alone and fold else {}
        self.own = alike[alone] - {alone} if alone in alike else frozenset()

    def page(self, limit: int, offset: int) -> tuple[list[Found], int | None]:
        """Return a page of the ranking; the look-alikes of the photo asked about lead it.

        They take the first place together, wherever they would rank, and all else moves down one.
        """
        if not self.own:
            return self._page(limit, offset)
        lead = self._lead() if offset == 0 else []
        if len(lead) == limit:
            return lead, 1
        rest, end = self._page(limit - len(lead), max(offset - 1, 0))
        return lead + rest, end + 1 if end is not None else None

    def _lead(self) -> list[Found]:
        scores = self.ranking.scores(self.own)
        first = lookalikes.best(self.own, scores)
        photo = Photo.objects.visible_to(self.user).filter(pk=first).first() if first else None
        if photo is None:
            return []
        others = tuple(sorted(self.own - {photo.pk}))
        return [found(photo, Ranked(photo.pk, scores[photo.pk]), self.ranking, others)]

    def _page(self, limit: int, offset: int) -> tuple[list[Found], int | None]:
        """Return visible hits from `offset` on and where the next page starts (None: the end).

        Points of photos that were deleted a moment ago may still be in the index; SQL drops them,
        look-alikes are folded away, and the page is filled up from further down the ranking.
        """
        page: list[Found] = []
        asked = limit
        for _ in range(_TOP_UPS):
            hits = self._hits(offset, asked + 1)
            part = hits[:asked]
            page += self._shown(part)
            if len(page) > limit:
                last = page[limit - 1].photo.pk
                return page[:limit], offset + 1 + [hit.id for hit in part].index(last)
            offset += asked
            if len(hits) <= asked or offset >= MAX_OFFSET:
                return page, None
            if len(page) == limit:
                break
            asked = max(limit - len(page), asked) if self.fold else limit - len(page)
        return page, offset

    def _hits(self, offset: int, limit: int) -> list[Ranked]:
        hits = list(self.listed[offset : offset + limit])
        if len(hits) < limit and self.endless:
            start = max(offset, len(self.listed))
            hits += self.ranking.after_window(start, limit - len(hits))
        return hits

    def _shown(self, hits: Sequence[Ranked]) -> list[Found]:
        """Return those hits that are visible and, folding, the best of what they stand for."""
        photos = Photo.objects.visible_to(self.user).in_bulk([hit.id for hit in hits])
        here = [hit for hit in hits if hit.id in photos and self._is_due(hit)]
        sets = lookalikes.together(self.user, photos.keys() - self.own) if self.fold else {}
        scores = self._scores_behind(here, sets)
        alone: lookalikes.Ids = frozenset()
        return [
            found(
                photos[hit.id],
                hit,
                self.ranking,
                tuple(sorted(sets.get(hit.id, alone) - {hit.id})),
            )
            for hit in here
            if self._is_first(hit, sets.get(hit.id, alone), scores)
        ]

    def _is_due(self, hit: Ranked) -> bool:
        """Tell whether the hit is listed here, and neither in the lead nor earlier."""
        place = self.places.get(hit.id)
        return hit.id not in self.own and (place is None or self.listed[place] is hit)

    def _is_first(
        self, hit: Ranked, alike: lookalikes.Ids, scores: Mapping[uuid.UUID, float]
    ) -> bool:
        """Tell whether the ranking has no other of these photos before the hit."""
        places = [self.places[one] for one in alike if one in self.places]
        if hit.id in self.places:
            return min(places, default=self.places[hit.id]) == self.places[hit.id]
        # Behind the window the vectors' scores decide, and what is in it has been shown.
        return not places and lookalikes.best(alike, scores) in {None, hit.id}

    def _scores_behind(
        self, hits: Iterable[Ranked], sets: Mapping[uuid.UUID, lookalikes.Ids]
    ) -> dict[uuid.UUID, float]:
        alone: lookalikes.Ids = frozenset()
        behind = [sets.get(hit.id, alone) for hit in hits if hit.id not in self.places]
        return self.ranking.scores(alone.union(*behind)) if behind else {}


def found(
    photo: Photo, one: Ranked, ranking: Ranking, similar: tuple[uuid.UUID, ...] = ()
) -> Found:
    """Return a hit with its photo and what the ranking says of it."""
    return Found(photo, one.score, similar, ranking.band(one), one.words, one.box)
