"""Whether what full-text search looks in is what photos say, for `manage.py fsck`."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from django.db import DatabaseError, connection, transaction

from gallery.models import Photo
from gallery.slices import slices
from search.fulltext import schema, upkeep
from search.fulltext.schema import INDEX
from search.models import PhotoWords


def faults(*, deep: bool = False) -> Iterator[UUID | str]:
    """Yield photos whose words are missing or, looked at `deep`, wrong; and broken parts."""
    if not schema.is_installed(connection):
        yield "triggers are missing"
    if connection.vendor == "sqlite" and not _is_index_whole():
        yield "the full-text index does not agree with the words"
    yield from Photo.objects.filter(words=None).values_list("pk", flat=True)
    if deep:
        yield from _wrong()


def make_anew() -> int:
    """Make triggers, index and all words anew; return how many photos' words were written."""
    schema.install(connection)
    return upkeep.catch_up(seconds=24 * 3600.0)


def _is_index_whole() -> bool:
    # With rank 1, the index is compared with the table that it is over.
    sql = f"INSERT INTO {INDEX} ({INDEX}, rank) VALUES ('integrity-check', 1)"  # noqa: S608
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
    except DatabaseError:
        return False
    return True


def _wrong() -> Iterator[UUID]:
    fresh = PhotoWords.objects.filter(stale=False)
    ids = fresh.values_list("photo_id", flat=True).iterator(chunk_size=upkeep.AT_ONCE)
    for some in slices(ids, upkeep.AT_ONCE):
        written = dict(fresh.filter(photo__in=some).values_list("photo_id", "words"))
        texts = upkeep.texts(some)
        suspects = [pk for pk in some if pk in texts and written.get(pk) != texts[pk]]
        # What was changed meanwhile is stale, and no fault.
        again = dict(fresh.filter(photo__in=suspects).values_list("photo_id", "words"))
        yield from (pk for pk in suspects if pk in again and again[pk] != texts[pk])
