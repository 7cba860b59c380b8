"""Words written anew where they are stale (`search.fulltext.schema` says when that is)."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import suppress
from uuid import UUID

from django.db import OperationalError, connection, transaction

from gallery.models import InAlbum, Photo, Tagged
from search.fulltext import normalization
from search.fulltext.schema import TABLE
from search.models import PhotoWords

AT_ONCE = 500
"""Photos of one transaction, which takes some 50 ms."""
BEFORE_A_SEARCH = 200
"""Stale photos of a person that a search puts right itself before it looks; workers do the rest."""


def refresh(limit: int = AT_ONCE, *, owner_id: int | None = None) -> int:
    """Write the words of up to `limit` stale photos, of one owner if asked; return how many."""
    # In the order of the index of stale rows, without which SQLite would walk over all rows.
    stale = PhotoWords.objects.filter(stale=True).order_by("-owner", "-pk")
    if owner_id is not None:
        stale = stale.filter(owner_id=owner_id)
    # Not exists(): it drops the order, and SQLite walks over all rows of the owner.
    if stale.values_list("pk").first() is None:
        return 0
    with transaction.atomic():
        # Whoever is changing one of these photos holds its row, and leaves it stale.
        rows = stale.select_for_update(skip_locked=True)
        by_photo = dict(rows.values_list("photo_id", "pk")[:limit])
        written = [(text, by_photo[photo_id]) for photo_id, text in texts(by_photo).items()]
        with connection.cursor() as cursor:
            sql = f"UPDATE {TABLE} SET words = %s, stale = FALSE WHERE id = %s"  # noqa: S608
            cursor.executemany(sql, written)
    return len(written)


def refresh_before_a_search(owner_id: int) -> None:
    """Have a person find what they just wrote; a busy database leaves it to the workers."""
    with suppress(OperationalError):
        refresh(BEFORE_A_SEARCH, owner_id=owner_id)


def catch_up(seconds: float = 5.0) -> int:
    """Write the words of stale photos until none is left or time is up; return how many."""
    until, total = time.monotonic() + seconds, 0
    while done := refresh():
        total += done
        if time.monotonic() > until:
            break
    return total


def texts(photo_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the words of photos, a line for each of `reasons.KINDS`, with the owner's behind."""
    tags = _names(photo_ids, Tagged, "tag__name")
    albums = _names(photo_ids, InAlbum, "album__name")
    found = Photo.objects.filter(pk__in=photo_ids)
    columns = ("pk", "owner_id", "name", "caption", "camera", "lens")
    lines = {}
    for pk, owner_id, name, caption, camera, lens in found.values_list(*columns):
        kinds: list[Sequence[str]] = [
            *([name], tags.get(pk, ()), albums.get(pk, ())),
            *([caption], [camera], [lens]),
        ]
        lines[pk] = "\n".join([*map(normalization.line, kinds), normalization.owner(owner_id)])
    return lines


def _names(photo_ids: Collection[UUID], through: type, column: str) -> dict[UUID, list[str]]:
    names: defaultdict[UUID, list[str]] = defaultdict(list)
    rows = through.objects.filter(photo_id__in=photo_ids)  # type: ignore[attr-defined]
    for photo_id, name in rows.order_by(column).values_list("photo_id", column):
        names[photo_id].append(name)
    return names
