"""Keeps the words of photos, and the full-text index of them, up to date.

Triggers mark a photo's row as stale in the same transaction that changes a name, caption, tag or
album, so neither a crash nor a forgotten call can leave old words behind. A new photo gets its row
in the same way. `refresh` then writes stale words again. SQLite also maintains its full-text index
(FTS5) by triggers; Postgres has an index on an expression.

Triggers and index are made after migrations and removed before them: when SQLite rebuilds a table,
it drops the table's triggers, and it refuses while triggers of other tables refer to it. Data may
change meanwhile, so all rows are stale afterwards and the workers go through them.
"""

# ruff: noqa: S608 - statements are built from names in this module alone
from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    OperationalError,
    connection,
    connections,
    transaction,
)
from django.db.backends.base.base import BaseDatabaseWrapper

from gallery import gazetteer
from gallery.models import InAlbum, Photo, Tagged
from gallery.slices import slices
from search.fulltext import normalization
from search.models import PhotoWords

TABLE = "search_photowords"
INDEX = "search_words"
"""The name of the full-text index."""
VECTOR = f"to_tsvector('simple', {TABLE}.words)"
"""The expression that the index of Postgres covers."""
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
            sql = f"UPDATE {TABLE} SET words = %s, stale = FALSE WHERE id = %s"
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
    install(connection)
    return catch_up(seconds=24 * 3600.0)


def words_of(photo_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the words of photos as `PhotoWords.words` has them.

    One line each for file name, tags, albums, caption, camera, lens and place, and one for the
    owner. Of a place there is a word that stands for the town and one for the country, because the
    names that people ask by are many: `TextQuery` turns names into these words.
    """
    tags = names_by_photo(photo_ids, Tagged, "tag__name")
    albums = names_by_photo(photo_ids, InAlbum, "album__name")
    photos = Photo.objects.filter(pk__in=photo_ids)
    columns = ("pk", "owner_id", "place_id", "name", "caption", "camera", "lens")
    rows = list(photos.values_list(*columns))
    places = _place_lines({place_id for _pk, _owner_id, place_id, *_texts in rows if place_id})
    words = {}
    for pk, owner_id, place_id, name, caption, camera, lens in rows:
        lines = [name], tags.get(pk, ()), albums.get(pk, ()), [caption], [camera], [lens]
        last = places.get(place_id or 0, ""), normalization.owner_word(owner_id)
        words[pk] = "\n".join([*map(normalization.line, lines), *last])
    return words


def _place_lines(towns: Collection[int]) -> dict[int, str]:
    """Return the line of each town by its GeoNames number."""
    return {
        key: f"{normalization.place_word(key)} | {normalization.country_word(town.country_code)}"
        for key, town in gazetteer.towns(towns).items()
    }


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
    if not is_installed(connection):
        yield "triggers are missing"
    if connection.vendor == "sqlite" and not _is_index_intact():
        yield "the full-text index does not agree with the words"
    yield from Photo.objects.filter(words=None).values_list("pk", flat=True)
    if deep:
        yield from _photos_with_wrong_words()


def _is_index_intact() -> bool:
    # With rank 1, SQLite compares the index with its table.
    sql = f"INSERT INTO {INDEX} ({INDEX}, rank) VALUES ('integrity-check', 1)"
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


# --- triggers and index ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Trigger:
    """An event on rows of `table`, and the statement that it runs.

    With `columns`, only updates that change one of them count.
    """

    name: str
    event: str
    table: str
    statement: str
    columns: tuple[str, ...] = ()

    @property
    def condition(self) -> str:
        """A WHEN clause: at least one of the columns has a new value."""
        changes = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in self.columns)
        return f"WHEN ({changes})" if changes else ""


def _stale(where: str) -> str:
    return f"UPDATE {TABLE} SET stale = TRUE WHERE {where};"


def _linked(table: str, column: str) -> str:
    return _stale(f"photo_id IN (SELECT photo_id FROM {table} WHERE {column} = NEW.id)")


_COLUMNS = ("name", "caption", "camera", "lens", "place_id")
_UPDATE = _stale("photo_id = NEW.id")
_INSERT = (
    f"INSERT INTO {TABLE} (photo_id, owner_id, words, stale)"
    " VALUES (NEW.id, NEW.owner_id, '', TRUE)"
    " ON CONFLICT (photo_id) DO UPDATE SET stale = TRUE;"
)
_TAGS, _ALBUMS = "gallery_photo_tags", "gallery_album_photos"
_NEW, _OLD = _stale("photo_id = NEW.photo_id"), _stale("photo_id = OLD.photo_id")
_IN_ALBUM, _WITH_TAG = _linked(_ALBUMS, "album_id"), _linked(_TAGS, "tag_id")
_STALE_TRIGGERS = (
    Trigger("words_of_new_photo", "AFTER INSERT", "gallery_photo", _INSERT),
    Trigger("words_of_photo", "AFTER UPDATE", "gallery_photo", _UPDATE, _COLUMNS),
    Trigger("words_tagged", "AFTER INSERT", _TAGS, _NEW),
    Trigger("words_untagged", "AFTER DELETE", _TAGS, _OLD),
    Trigger("words_in_album", "AFTER INSERT", _ALBUMS, _NEW),
    Trigger("words_off_album", "AFTER DELETE", _ALBUMS, _OLD),
    Trigger("words_of_album", "AFTER UPDATE", "gallery_album", _IN_ALBUM, ("name",)),
    Trigger("words_of_tag", "AFTER UPDATE", "gallery_tag", _WITH_TAG, ("name",)),
)

_ADD_ENTRY = f"INSERT INTO {INDEX} (rowid, words) VALUES (NEW.id, NEW.words);"
_DELETE_ENTRY = f"INSERT INTO {INDEX} ({INDEX}, rowid, words) VALUES ('delete', OLD.id, OLD.words);"
_INDEX_TRIGGERS = (
    Trigger("words_index_put", "AFTER INSERT", TABLE, _ADD_ENTRY),
    Trigger("words_index_take", "AFTER DELETE", TABLE, _DELETE_ENTRY),
    Trigger("words_index_change", "AFTER UPDATE", TABLE, _DELETE_ENTRY + _ADD_ENTRY, ("words",)),
)


def install(connection: BaseDatabaseWrapper) -> None:
    """Make triggers and index again, and mark all words as stale."""
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        remove(connection)
        for statement in _sqlite() if connection.vendor == "sqlite" else _postgres():
            cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Remove the triggers, so that tables can be changed."""
    sqlite = connection.vendor == "sqlite"
    drop = "DROP TRIGGER IF EXISTS {}" if sqlite else "DROP FUNCTION IF EXISTS {}() CASCADE"
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for trigger in _triggers(connection):
            cursor.execute(drop.format(trigger.name))


def is_installed(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether every trigger is there."""
    source = {"sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'"}
    with connection.cursor() as cursor:
        cursor.execute(source.get(connection.vendor, "SELECT tgname FROM pg_trigger"))
        names = {name for (name,) in cursor.fetchall()}
    return names >= {trigger.name for trigger in _triggers(connection)}


def before_migrations(plan: Any = (), using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """Remove the triggers; receiver of Django's `pre_migrate`."""
    if plan:
        remove(connections[using])


def after_migrations(plan: Any = (), using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """Install triggers and index; receiver of Django's `post_migrate`."""
    connection = connections[using]
    # After `migrate search zero` there is no table.
    exists = TABLE in connection.introspection.table_names()
    if exists and (plan or not is_installed(connection)):
        install(connection)


def _triggers(connection: BaseDatabaseWrapper) -> tuple[Trigger, ...]:
    return _STALE_TRIGGERS + (_INDEX_TRIGGERS if connection.vendor == "sqlite" else ())


_FILL = (
    f"INSERT INTO {TABLE} (photo_id, owner_id, words, stale) SELECT id, owner_id, '', TRUE"
    f" FROM gallery_photo WHERE id NOT IN (SELECT photo_id FROM {TABLE})",
    f"UPDATE {TABLE} SET stale = TRUE",
)


def _sqlite() -> Iterator[str]:
    """Yield statements for SQLite. The tokenizer `ascii` splits the words at spaces."""
    yield (
        f"CREATE VIRTUAL TABLE IF NOT EXISTS {INDEX} USING fts5("
        f"words, content='{TABLE}', content_rowid='id', tokenize='ascii')"
    )
    for trigger in _STALE_TRIGGERS + _INDEX_TRIGGERS:
        condition = trigger.condition.replace("IS DISTINCT FROM", "IS NOT")
        yield (
            f"CREATE TRIGGER {trigger.name} {trigger.event} ON {trigger.table}"
            f" FOR EACH ROW {condition} BEGIN {trigger.statement} END"
        )
    yield from _FILL
    yield f"INSERT INTO {INDEX} ({INDEX}) VALUES ('rebuild')"


def _postgres() -> Iterator[str]:
    yield f"CREATE INDEX IF NOT EXISTS {INDEX} ON {TABLE} USING gin ({VECTOR})"
    for trigger in _STALE_TRIGGERS:
        yield (
            f"CREATE FUNCTION {trigger.name}() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN {trigger.statement} RETURN NULL; END $$"
        )
        yield (
            f"CREATE TRIGGER {trigger.name} {trigger.event} ON {trigger.table}"
            f" FOR EACH ROW {trigger.condition} EXECUTE FUNCTION {trigger.name}()"
        )
    yield from _FILL
