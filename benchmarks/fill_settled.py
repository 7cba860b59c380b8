"""Fill a gallery with so many photos as no import of a benchmark could: a million in minutes.

The first photos are those of `benchmarks.fill --facts`. The others repeat their facts, albums and
tags with other names, times and vectors, and are copied inside SQLite. The index is filled by a
process of its own meanwhile. No work on single photos waits afterwards, the drawing of maps is
paused, and no photo has a file.

    DATA_DIR=... python -m benchmarks.fill_settled OWNER COUNT DIM

It prints its seconds. The database must be SQLite, and the gallery must not run.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import random as dice_of
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

FIRST = 20_000
"""Photos with facts of their own."""
MINUTES = 10
"""Between two photos: a million of them take 19 years."""
CENTRES = 500
CHUNK = 5000
INDEXED = ("gallery_photo", "gallery_embedding")
"""Tables whose indexes are made when all rows are there."""


def photo_id(number: int) -> UUID:
    """Return the id of photo `number`, the newest being 0; spread as random ids are."""
    return UUID(bytes=hashlib.md5(b"%d" % number, usedforsecurity=False).digest())


def vectors_of(numbers: range, dim: int) -> NDArray[np.float32]:
    """Return clustered unit rows, shape (len(numbers), dim), the same for the same numbers."""
    centres = np.random.default_rng(0).standard_normal((CENTRES, dim), dtype=np.float32)
    noise = np.random.default_rng([1, numbers.start])
    rows = centres[np.arange(numbers.start, numbers.stop) % CENTRES]
    rows += noise.standard_normal(rows.shape, dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def parts(start: int, stop: int) -> Iterator[range]:
    """Yield the numbers in chunks, which `vectors_of` wants to be always the same."""
    return (range(each, min(each + CHUNK, stop)) for each in range(start, stop, CHUNK))


def main(owner_name: str, count: int, dim: int) -> None:
    """Write `count` photos of `owner_name` to the database and to the index."""
    began = time.perf_counter()
    _set_up()
    from django.contrib.auth import get_user_model
    from django.utils import timezone

    from gallery.models import EmbeddingModel, PausedWork, WorkKind
    from search.vectors.embedders.catalog import STARTER_KEY
    from workers.index_sync.sources import point_payload

    owner = get_user_model().objects.get(username=owner_name)
    model, _ = EmbeddingModel.objects.get_or_create(
        key=STARTER_KEY, defaults={"dim": dim, "state": EmbeddingModel.State.ACTIVE}
    )
    PausedWork.objects.get_or_create(kind=WorkKind.MAPS)
    first = min(FIRST, count)
    with without_indexes():
        rows = write_first(owner, model, first, timezone.now())
        payloads = [point_payload(row) for row in rows]
        index = multiprocessing.get_context("spawn").Process(
            target=fill_index, args=(model.collection, dim, count, payloads)
        )
        index.start()
        for start in range(first, count, FIRST):
            copy(range(start, min(start + FIRST, count)), dim)
    copied = time.perf_counter() - began
    index.join()
    assert index.exitcode == 0
    took = time.perf_counter() - began
    print(f"{count:,} photos in {took:.0f} s, the database in {copied:.0f} s")


def _set_up() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
    import django

    django.setup()


def fill_index(collection: str, dim: int, count: int, payloads: Sequence[dict[str, Any]]) -> None:
    """Write all points; payloads repeat as the facts do, but for the time."""
    _set_up()
    from search.vectors.index import Point, close_all, open_index

    index = open_index(collection, dim)
    for numbers in parts(0, count):
        points = []
        for number, vector in zip(numbers, vectors_of(numbers, dim), strict=True):
            round_number, place = divmod(number, len(payloads))
            payload = payloads[place]
            taken = payload["taken"] - 60 * MINUTES * len(payloads) * round_number
            points.append(Point(photo_id(number), vector, payload | {"taken": taken}))
        index.upsert(points)
        index.flush()
    close_all()


def write_first(owner: Any, model: Any, count: int, now: datetime) -> list[Any]:
    """Write the photos whose facts the others repeat; return their rows for the model."""
    from benchmarks import photo_facts
    from gallery.models import Embedding, Photo
    from search.fulltext import upkeep
    from search.models import PhotoWords

    dice = dice_of.Random(0)
    everything = []
    for numbers in parts(0, count):
        photos = []
        for number in numbers:
            shown = now.replace(microsecond=0) - timedelta(minutes=MINUTES * number)
            varied = photo_facts.facts(number, now, dice) | {"shown_at": shown, "wall_at": shown}
            varied["taken_at"] = varied["taken_at"] and shown
            looked_at = dict.fromkeys(("decoded_at", "measured_at", "screened_at", "read_at"), now)
            key = photo_id(number)
            named = {"id": key, "sha256": key.hex * 2, "extension": "jpg", "name": _name(number)}
            photos.append(Photo(owner=owner, **named, **looked_at, **varied))
        done = {"state": "indexed", "indexed_at": now, "compared_at": now, "parts_generation": 1}
        rows = [Embedding(photo=one, model=model, owner_id=owner.pk, **done) for one in photos]
        for row, vector in zip(rows, vectors_of(numbers, model.dim), strict=True):
            row.set_vector(vector)
        Photo.objects.bulk_create(photos)
        Embedding.objects.bulk_create(rows)
        photo_facts.collect(owner, photos, dice)
        words = upkeep.words_of([photo.pk for photo in photos])
        PhotoWords.objects.bulk_create(
            PhotoWords(photo_id=pk, owner_id=owner.pk, words=text, stale=False)
            for pk, text in words.items()
        )
        everything += rows
    return everything


def _name(number: int) -> str:
    return f"generated-{number}.jpg"


def copy(numbers: range, dim: int) -> None:
    """Write photos `numbers` as copies of the first ones, which are `FIRST`."""
    from django.db import connection, transaction

    from gallery.models import Embedding
    from search.fulltext.normalization import line

    fresh: list[tuple[Any, ...]] = []
    for some in parts(numbers.start, numbers.stop):
        for number, vector in zip(some, vectors_of(some, dim), strict=True):
            row = Embedding()
            row.set_vector(vector)
            key, first = photo_id(number).hex, photo_id(number % FIRST).hex
            name = _name(number)
            fresh.append((first, key, key * 2, name, line([name]), row.vector, row.vector_crc))
    earlier = f"'-{MINUTES * numbers.start} minutes'"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE IF NOT EXISTS fresh (first PRIMARY KEY, id, sha256,"
                       " name, line, vector, vector_crc)")  # fmt: skip
        cursor.execute("DELETE FROM fresh")
        cursor.executemany("INSERT INTO fresh VALUES (%s, %s, %s, %s, %s, %s, %s)", fresh)
        times = {name: f"datetime(old.{name}, {earlier})"
                 for name in ("shown_at", "wall_at", "taken_at")}  # fmt: skip
        given = {name: f"fresh.{name}" for name in ("id", "sha256", "name")}
        _copy_rows(cursor, "gallery_photo", "id", times | given)
        vector = {name: f"fresh.{name}" for name in ("vector", "vector_crc")}
        photo = {"photo_id": "fresh.id"}
        _copy_rows(cursor, "gallery_embedding", "photo_id", photo | vector)
        words = {"words": "fresh.line || substr(old.words, instr(old.words, char(10)))"}
        _copy_rows(cursor, "search_photowords", "photo_id", photo | words)
        for table in ("gallery_photo_tags", "gallery_album_photos"):
            _copy_rows(cursor, table, "photo_id", photo)


def _copy_rows(cursor: Any, table: str, key: str, changed: dict[str, str]) -> None:
    """Copy the rows of the first photos, with other values in the changed columns."""
    cursor.execute(f"SELECT name FROM pragma_table_info('{table}')")  # noqa: S608
    names = [name for (name,) in cursor.fetchall() if name != "id" or key == "id"]
    columns = ", ".join(f'"{name}"' for name in names)
    values = ", ".join(changed.get(name, f'old."{name}"') for name in names)
    cursor.execute(
        f'INSERT INTO "{table}" ({columns}) SELECT {values}'  # noqa: S608
        f' FROM fresh CROSS JOIN "{table}" AS old ON old."{key}" = fresh.first'
    )


@contextmanager
def without_indexes() -> Iterator[None]:
    """Take the large tables' indexes and all triggers off, and make them again at the end.

    A crash leaves a database that is not to be used.
    """
    from django.db import connection

    from search.fulltext import upkeep

    upkeep.remove(connection)
    with connection.cursor() as cursor:
        for pragma in ("synchronous = OFF", "cache_size = -2000000", "temp_store = MEMORY"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            " AND tbl_name IN (%s, %s)",
            INDEXED,
        )
        indexes = cursor.fetchall()
        for name, _statement in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
    yield
    with connection.cursor() as cursor:
        for _name_of, statement in indexes:
            cursor.execute(statement)
        upkeep.install(connection)
        # The words are those of the photos, which `install` cannot know.
        cursor.execute(f"UPDATE {upkeep.TABLE} SET stale = FALSE")  # noqa: S608
        cursor.execute("ANALYZE")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
