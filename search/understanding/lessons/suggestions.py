"""Photos that a tag may belong on: as a list in pages, and as a strip to answer."""

from __future__ import annotations

import base64
import json
import re
import secrets
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from django.core.cache import caches

from gallery.alternative_texts import describe
from gallery.models import Photo, User
from gallery.paging import ID, NOT_GIVEN, BadCursor, check_limit
from search.understanding.labels import cuts
from search.understanding.lessons.ranking import Ranking
from search.understanding.models import Lesson

LISTED = 2000
"""Photos in the list: nobody looks at more, and the surest come first."""
KEPT_SECONDS = 3600
"""How long the list is kept from which later pages are cut."""
SUREST, AT_CUT, RANDOM = 4, 4, 4
"""What a strip is made of."""
CURSOR = rf"([0-9a-f]{{16}})\.([0-9]{{1,6}})\.(-?[0-9]{{1,12}})\.({ID})"
"""How a cursor is written, as a regular expression (ECMA 262)."""
_CURSOR = re.compile(CURSOR)
_STEPS = 10_000  # of a score in a cursor and in answers


@dataclass(frozen=True)
class Suggestion:
    """A photo with its score, and whether it surely shows what is taught."""

    photo: Photo
    score: float
    sure: bool


Entry = tuple[str, int, bool]
"""A photo's id as hex, its score in steps, and whether it is sure."""


def page(
    user: User, lesson: Lesson, ranking: Ranking | None, *, limit: int, cursor: str
) -> tuple[list[Suggestion], str | None]:
    """Return suggestions, the surest first, and the next cursor; raise `BadCursor`.

    Later pages are cut from the list of the first, so that no photo is shown twice whatever is
    taught in between. If that list is lost, they go on behind the last photo's score.
    """
    check_limit(limit)
    key, start, entries = _list(user, lesson, ranking, cursor)
    shown = entries[start : start + limit]
    end = start + len(shown)
    more = f"{key}.{end}.{shown[-1][1]}.{shown[-1][0]}" if shown and entries[end:] else None
    return _visible(user, lesson, shown), more


def _list(
    user: User, lesson: Lesson, ranking: Ranking | None, cursor: str
) -> tuple[str, int, list[Entry]]:
    if not cursor:
        entries = _entries(ranking)
        key = secrets.token_hex(8)
        caches["results"].set(_name(user, lesson, key), _packed(entries), KEPT_SECONDS)
        return key, 0, entries
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise BadCursor(str(NOT_GIVEN))
    key, start, score, last = match[1], int(match[2]), int(match[3]), match[4]
    kept = caches["results"].get(_name(user, lesson, key))
    if kept is not None:
        return key, start, _unpacked(kept)
    entries = _entries(ranking)
    behind = [place for place, one in enumerate(entries) if (-one[1], one[0]) > (-score, last)]
    return key, behind[0] if behind else len(entries), entries


def _entries(ranking: Ranking | None) -> list[Entry]:
    if ranking is None:
        return []
    order = ranking.order[:LISTED]
    steps = np.round(ranking.scores[order] * _STEPS).astype(int).tolist()
    ids = [each.decode() for each in ranking.library.ids[order].tolist()]
    sure = ranking.is_sure[order].tolist()
    entries = list(zip(ids, steps, sure, strict=True))
    return sorted(entries, key=lambda entry: (-entry[1], entry[0]))


def _visible(user: User, lesson: Lesson, entries: Sequence[Entry]) -> list[Suggestion]:
    """Return the suggestions among entries that still are some: neither tagged nor trashed."""
    ids = [UUID(hex=one[0]) for one in entries]
    photos = {photo.pk.hex: photo for photo in open_photos(user, lesson).filter(pk__in=ids)}
    return [
        Suggestion(photos[photo_id], steps / _STEPS, sure)
        for photo_id, steps, sure in entries
        if photo_id in photos
    ]


def open_photos(user: User, lesson: Lesson) -> Any:
    """Return the photos that have neither the tag nor an answer."""
    answered = lesson.examples.values("photo_id")
    return Photo.objects.visible_to(user).exclude(tags=lesson.tag_id).exclude(pk__in=answered)


def _name(user: User, lesson: Lesson, key: str) -> str:
    return f"lesson-{user.pk}-{lesson.pk}-{key}"


def _packed(entries: list[Entry]) -> str:
    return base64.b85encode(zlib.compress(json.dumps(entries).encode(), 1)).decode()


def _unpacked(text: str) -> list[Entry]:
    rows = json.loads(zlib.decompress(base64.b85decode(text)))
    return [(photo_id, steps, sure) for photo_id, steps, sure in rows]


# --- the strip ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """A photo to answer, and why it is asked about: surest, cut or random."""

    photo: Photo
    why: str


def strip(
    user: User, lesson: Lesson, ranking: Ranking, skipped: Collection[UUID] = ()
) -> list[Asked]:
    """Return photos whose answers teach most: the surest, some at the cut, and random ones."""
    closed = ranking.known.copy()
    for photo_id in skipped:
        if (place := ranking.library.place(photo_id)) is not None:
            closed[place] = True
    surest = [int(place) for place in ranking.order if not closed[place]][:SUREST]
    closed[surest] = True
    around = cuts.to_ask(ranking.scores, ranking.cut, closed, AT_CUT)
    closed[around] = True
    free = np.flatnonzero(~closed)
    seed = int(ranking.known.sum()) + len(skipped)
    drawn = np.random.default_rng(seed).choice(free, min(RANDOM, len(free)), replace=False)
    whys = ["surest"] * len(surest) + ["cut"] * len(around) + ["random"] * len(drawn)
    ids = ranking.library.photo_ids([*surest, *around, *drawn.tolist()])
    photos = {photo.pk: photo for photo in open_photos(user, lesson).filter(pk__in=ids)}
    describe(list(photos.values()))
    return [Asked(photos[pk], why) for pk, why in zip(ids, whys, strict=True) if pk in photos]
