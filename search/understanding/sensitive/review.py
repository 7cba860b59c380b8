"""What waits for a person's word, and what people said, a page at a time."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Q
from django.utils.translation import gettext as _

from gallery import sensitive
from gallery.models import Photo, Sensitive, User
from gallery.models.sensitive import KIND_LIMIT, State
from gallery.paging import ID, NOT_GIVEN, REAL, BadCursor, check_limit, cursor_of, read_cursor
from search.understanding.models import Suspicion

SUSPECTED = "suspected"
STATES = (SUSPECTED, State.CONFIRMED.value, State.CLEARED.value)
PAGE = 50
CURSOR = rf"({REAL})_({ID})_([^\x00]{{1,{KIND_LIMIT}}})"
"""How a cursor of suspected photos is written, as a regular expression (ECMA 262)."""
_CURSOR = re.compile(CURSOR, re.DOTALL)


@dataclass(frozen=True)
class Item:
    """A photo with a kind. `score` is 1 at the cut, None where a person spoke."""

    photo: Photo
    kind: str
    title: str
    state: str
    score: float | None = None
    decided_at: datetime | None = None


def suspicions_of(user: User) -> Any:
    """Return the rows above the cut of which a person said nothing yet."""
    photos = Photo.objects.visible_to(user, hidden=True)
    kinds = [each.kind for each in sensitive.treatments(user)]
    return Suspicion.objects.undecided().filter(kind__in=kinds, photo__in=photos.values("pk"))


def suspected_photos(user: User, kinds: Sequence[str]) -> Iterable[uuid.UUID]:
    """Return the photos that wait for a word of these kinds, for `gallery.sensitive`."""
    rows = suspicions_of(user).filter(kind__in=kinds)
    return set(rows.values_list("photo_id", flat=True))


def counts(user: User) -> dict[str, dict[str, int]]:
    """Return how many photos are in each state, by kind."""
    rows = suspicions_of(user).order_by().values_list("kind")
    waiting = dict(rows.annotate(number=Count("photo", distinct=True)))
    said = {state: sensitive.counts(user, state) for state in State.values}
    kinds = [each.kind for each in sensitive.treatments(user)]
    return {
        kind: {SUSPECTED: waiting.get(kind, 0), **{state: said[state][kind] for state in said}}
        for kind in kinds
    }


def page(
    user: User, state: str, *, kind: str = "", cursor: str = "", limit: int = PAGE
) -> tuple[list[Item], str | None]:
    """Return a page of photos and the next cursor; the most suspected or the latest word first.

    Raises `BadCursor` for made-up arguments and `UserError` for a kind that there is not.
    """
    if state not in STATES:
        raise BadCursor(_("state must be suspected, confirmed or cleared."))
    if kind:
        sensitive.treatment_of(user, kind)
    check_limit(limit)
    titles = {each.kind: each.title for each in sensitive.treatments(user)}
    if state == SUSPECTED:
        return _suspected(user, titles, kind, cursor, limit)
    return _said(user, titles, state, kind, cursor, limit)


def _suspected(
    user: User, titles: dict[str, str], kind: str, cursor: str, limit: int
) -> tuple[list[Item], str | None]:
    rows = suspicions_of(user).values("photo_id", "kind").annotate(best=Max("score"))
    rows = rows.filter(kind=kind) if kind else rows
    if cursor:
        best, key, last = _read(cursor)
        tied = Q(best=best) & (Q(photo_id__gt=key) | Q(photo_id=key, kind__gt=last))
        rows = rows.filter(Q(best__lt=best) | tied)
    found = list(rows.order_by("-best", "photo_id", "kind")[: limit + 1])
    photos = Photo.objects.in_bulk([row["photo_id"] for row in found[:limit]])
    items = [
        Item(photos[row["photo_id"]], row["kind"], titles[row["kind"]], SUSPECTED, row["best"])
        for row in found[:limit]
        if row["photo_id"] in photos
    ]
    end = found[limit - 1] if len(found) > limit else None
    return items, f"{end['best']!r}_{end['photo_id'].hex}_{end['kind']}" if end else None


def _read(cursor: str) -> tuple[float, uuid.UUID, str]:
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise BadCursor(str(NOT_GIVEN))
    return float(match[1]), uuid.UUID(match[2]), match[3]


def _said(
    user: User, titles: dict[str, str], state: str, kind: str, cursor: str, limit: int
) -> tuple[list[Item], str | None]:
    photos = Photo.objects.visible_to(user, hidden=True)
    rows = Sensitive.objects.filter(owner_id=user.pk, state=state, kind__in=titles)
    rows = rows.filter(photo__in=photos.values("pk"))
    rows = rows.filter(kind=kind) if kind else rows
    if cursor:
        at, key = read_cursor(cursor, int)
        rows = rows.filter(Q(decided_at__lt=at) | Q(decided_at=at, pk__lt=key))
    found = list(rows.select_related("photo").order_by("-decided_at", "-pk")[: limit + 1])
    items = [
        Item(row.photo, row.kind, titles[row.kind], row.state, None, row.decided_at)
        for row in found[:limit]
    ]
    last = found[limit - 1] if len(found) > limit else None
    return items, cursor_of(last.decided_at, last.pk) if last else None
