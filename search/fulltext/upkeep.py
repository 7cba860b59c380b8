"""Keeps the words of photos up to date: writes stale ones again, and checks and rebuilds all.

`search.fulltext.schema` marks words as stale.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from uuid import UUID

from django.db import DatabaseError, OperationalError, connection, transaction

from gallery.models import InAlbum, Photo, Tagged
from gallery.slices import slices
from search.fulltext import normalization, schema
from search.fulltext.schema import INDEX, TABLE
from search.models import PhotoWords

BATCH = 500
"""Photos of one transaction, which takes some 50 ms."""
BEFORE_SEARCH = 200
"""Stale photos of a person that a search refreshes itself; workers do the rest."""


def refresh(limit: int = BATCH, *, owner_id: int | None = None) -> int:
    """Write the words of up to `limit` stale photos, of one owner if given; return how many."""
    # In the order of the index of stale rows; otherwise SQLite would scan all rows.
    stale = PhotoWords.objects.filter(stale=True).order_by("-owner", "-pk")
    if owner_id is not None:
        stale = stale.filter(owner_id=owner_id)
    # Not exists(): it drops the order, and SQLite would scan all rows of the owner.
    if stale.values_list("pk").first() is None:
        return 0
    with transaction.atomic():
        # Skip rows that a transaction is changing: it leaves them stale.
        rows = stale.select_for_update(skip_locked=True)
        by_photo = dict(rows.values_list("photo_id", "pk")[:limit])
        updates = [(words, by_photo[photo_id]) for photo_id, words in words_of(by_photo).items()]
        with connection.cursor() as cursor:
            sql = f"UPDATE {TABLE} SET words = %s, stale = FALSE WHERE id = %s"  # noqa: S608
            cursor.executemany(sql, updates)
    return len(updates)


def refresh_before_search(owner_id: int) -> None:
    """Refresh a person's words so that they find what they just wrote.

    Leaves it to the workers when the database is busy.
    """
    with suppress(OperationalError):
        refresh(BEFORE_SEARCH, owner_id=owner_id)


def catch_up(seconds: float = 5.0) -> int:
    """Write the words of stale photos until none is left or time is up; return how many."""
    deadline, total = time.monotonic() + seconds, 0
    while count := refresh():
        total += count
        if time.monotonic() > deadline:
            break
    return total


def rebuild() -> int:
    """Make triggers, index and all words again; return how many photos' words were written."""
    schema.install(connection)
    return catch_up(seconds=24 * 3600.0)


def words_of(photo_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the words of photos as `PhotoWords.words` has them.

    One line each for file name, tags, albums, caption, camera and lens, and one for the owner.
    """
    tags = names_by_photo(photo_ids, Tagged, "tag__name")
    albums = names_by_photo(photo_ids, InAlbum, "album__name")
    photos = Photo.objects.filter(pk__in=photo_ids)
    columns = ("pk", "owner_id", "name", "caption", "camera", "lens")
    words = {}
    for pk, owner_id, name, caption, camera, lens in photos.values_list(*columns):
        lines: list[Sequence[str]] = [
            *([name], tags.get(pk, ()), albums.get(pk, ())),
            *([caption], [camera], [lens]),
        ]
        owner = normalization.owner_word(owner_id)
        words[pk] = "\n".join([*map(normalization.line, lines), owner])
    return words


def names_by_photo(
    photo_ids: Collection[UUID], through: type, column: str
) -> dict[UUID, list[str]]:
    """Return the names of the tags or albums of photos, in order."""
    names: defaultdict[UUID, list[str]] = defaultdict(list)
    rows = through.objects.filter(photo_id__in=photo_ids)  # type: ignore[attr-defined]
    for photo_id, name in rows.order_by(column).values_list("photo_id", column):
        names[photo_id].append(name)
    return names


# --- checks for `manage.py fsck` ------------------------------------------------------------------


def faults(*, deep: bool = False) -> Iterator[UUID | str]:
    """Yield what is broken, in words, and photos without words or, if `deep`, with wrong ones."""
    if not schema.is_installed(connection):
        yield "triggers are missing"
    if connection.vendor == "sqlite" and not _is_index_intact():
        yield "the full-text index does not agree with the words"
    yield from Photo.objects.filter(words=None).values_list("pk", flat=True)
    if deep:
        yield from _photos_with_wrong_words()


def _is_index_intact() -> bool:
    # With rank 1, SQLite compares the index with its table.
    sql = f"INSERT INTO {INDEX} ({INDEX}, rank) VALUES ('integrity-check', 1)"  # noqa: S608
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
    except DatabaseError:
        return False
    return True


def _photos_with_wrong_words() -> Iterator[UUID]:
    fresh = PhotoWords.objects.filter(stale=False)
    ids = fresh.values_list("photo_id", flat=True).iterator(chunk_size=BATCH)
    for batch in slices(ids, BATCH):
        stored = dict(fresh.filter(photo__in=batch).values_list("photo_id", "words"))
        words = words_of(batch)
        suspects = [pk for pk in batch if pk in words and stored.get(pk) != words[pk]]
        # What was changed in the meantime is stale, and no fault.
        stored = dict(fresh.filter(photo__in=suspects).values_list("photo_id", "words"))
        yield from (pk for pk in suspects if pk in stored and stored[pk] != words[pk])
